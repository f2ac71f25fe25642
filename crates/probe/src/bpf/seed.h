/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Gives sockets that are older than the probe their stories: first those that processes hold as files, then those that the
 * kernel's tables alone know. These belong to MPTCP, wait to be accepted, or lie in io_uring. Listeners come before what
 * they may have accepted.
 *
 * No `iter/tcp` walks the tables: since Linux 5.15 that iterator takes a reference to each socket it meets, even to a
 * request whose references the kernel has not counted yet. As connections come in, one of them is then freed too early. */
#ifndef MESHTAX_SEED_H
#define MESHTAX_SEED_H

#include "adopt.h"
#include "life.h"

/* Who holds a socket of MPTCP, by its address: below it are sockets of TCP that nobody holds. */
struct holder {
	__u32 pid;
	__u32 uid;
	char comm[COMM_LEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct holder);
} holders SEC(".maps");

static __always_inline struct holder holder_of(struct task_struct *task)
{
	struct holder holder = {.pid = task->tgid, .uid = BPF_CORE_READ(task, cred, uid.val)};

	BPF_CORE_READ_STR_INTO(&holder.comm, task, group_leader, comm);
	return holder;
}

static __always_inline void own_by(struct story *story, const struct holder *holder)
{
	story->pid = holder->pid;
	story->uid = holder->uid;
	__builtin_memcpy(story->key.comm, holder->comm, COMM_LEN);
}

static __always_inline void begin_listening(struct story *story, struct sock *sk)
{
	story->key.role = ROLE_LISTENER;
	story->listener = story->id;
	story->listener_at = story->at;
	story->unwatched = sk->sk_ack_backlog;
	note_listener(story);
}

/* The cookie of a socket that was found through a file. Late kernels take such a socket for no helper; what lists the tables
 * before has every socket given a cookie. 0 if nobody has asked for it yet. */
static __always_inline __u64 id_of_held(struct sock *sk)
{
	return bpf_ksym_exists(bpf_rdonly_cast) ? sk->__sk_common.skc_cookie.counter : bpf_get_socket_cookie(sk);
}

/* A process holds a socket: those that listen are seeded first. */
static __always_inline void seed_held(struct task_struct *task, struct file *file, bool listening)
{
	struct holder holder;
	struct socket *socket;
	struct story *known;
	struct story story;
	struct tcp_sock *tp;
	struct sock *sk;
	__u64 at;
	int state;

	if (!task || !file || is_about_to_exec(task))
		return;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return;
	sk = socket->sk;
	if (!sk)
		return;
	if (sk->sk_protocol == IPPROTO_MPTCP && listening) {
		at = (__u64)sk;
		holder = holder_of(task);
		bpf_map_update_elem(&holders, &at, &holder, BPF_ANY);
	}
	if (sk->sk_protocol != IPPROTO_TCP)
		return;
	state = sk->__sk_common.skc_state;
	if (!is_in_use(state) || listening != (state == TCP_LISTEN))
		return;
	tp = tcp_of(sk);
	if (!tp || !is_in_scope(sk))
		return;
	known = story_of(sk);
	if (known) {
		if (listening)
			known->unwatched = sk->sk_ack_backlog; /* children came while the programs were detached */
		return;
	}
	holder = holder_of(task);
	story = older_story(sk, id_of_held(sk));
	own_by(&story, &holder);
	if (listening)
		begin_listening(&story, sk);
	else
		begin_in_the_middle(&story, sk, tp);
	if (!keep(sk, &story))
		LOST(sockets);
}

/* A socket of the kernel's tables, as a segment to it would name it: its own address is the destination. */
struct entry {
	__u64 id; /* its cookie */
	__u32 family;
	struct bpf_sock_tuple tuple;
};

/* The socket, or nothing when it has ended by now; the caller gives it back. */
static __always_inline struct bpf_sock *find(struct __sk_buff *context, struct entry *entry)
{
	if (entry->family == AF_INET)
		return bpf_skc_lookup_tcp(context, &entry->tuple, sizeof(entry->tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	return bpf_skc_lookup_tcp(context, &entry->tuple, sizeof(entry->tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
}

/* A table of the kernel has a socket, whoever holds it: its listeners come first. Children that wait to be accepted are in
 * it, too. */
static __always_inline void seed_unheld(struct bpf_sock *found, __u64 id)
{
	struct story *known;
	struct holder *holder;
	struct story story;
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(found);
	struct sock *sk;
	__u64 at;
	int state;

	if (!tp)
		return;
	sk = (struct sock *)tp;
	state = sk->__sk_common.skc_state;
	if (sk->__sk_common.skc_cookie.counter != id || !is_in_use(state) || !is_in_scope(sk))
		return;
	known = story_of(sk);
	if (known) {
		known->unwatched = 0;
		return;
	}
	story = older_story(sk, id);
	at = known_as((__u64)sk);
	holder = bpf_map_lookup_elem(&holders, &at);
	if (state == TCP_LISTEN) {
		begin_listening(&story, sk);
		story.unwatched = 0;
	} else {
		begin_in_the_middle(&story, sk, tp);
		if (!holder && story.key.role == ROLE_SERVER)
			inherit(&story, sk, false);
	}
	if (holder)
		own_by(&story, holder);
	if (!keep(sk, &story))
		LOST(sockets);
}

#endif
