/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Starts the stories of sockets that are older than the probe. First come the sockets that processes hold as files.
 * Then come those that only the kernel's tables list: they belong to MPTCP, wait to be accepted, or are in io_uring.
 * Listeners come before the connections that they may have accepted.
 *
 * The tables are not walked with `iter/tcp`. Since Linux 5.15 that iterator takes a reference to each socket it meets,
 * even to a request whose reference count the kernel has not set yet. If connections come in meanwhile, such a request
 * is freed too early. */
#ifndef MESHTAX_SEED_H
#define MESHTAX_SEED_H

#include "adopt.h"
#include "life.h"

/* The process that holds an MPTCP socket, by the socket's address. The TCP sockets below an MPTCP socket are in no
 * file. */
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

/* Returns the cookie of a socket that was found through a file; 0 if it has none yet. Newer kernels accept such a
 * socket in no helper. Before this runs, listing the tables has given each socket a cookie. */
static __always_inline __u64 id_of_held(struct sock *sk)
{
	return bpf_ksym_exists(bpf_rdonly_cast) ? sk->__sk_common.skc_cookie.counter : bpf_get_socket_cookie(sk);
}

/* Starts the story of a socket that a process holds. Call it for listeners first. */
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

/* A socket in a table of the kernel, named as in a segment to it: its own address is the destination. */
struct entry {
	__u64 id; /* the socket's cookie */
	__u32 family;
	struct bpf_sock_tuple tuple;
};

/* Finds the socket of an entry; returns 0 if it has ended. The caller must release it. */
static __always_inline struct bpf_sock *find(struct __sk_buff *context, struct entry *entry)
{
	if (entry->family == AF_INET)
		return bpf_skc_lookup_tcp(context, &entry->tuple, sizeof(entry->tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	return bpf_skc_lookup_tcp(context, &entry->tuple, sizeof(entry->tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
}

/* Starts the story of a socket in a table of the kernel. Call it for listeners first. Tables also list children that
 * wait to be accepted. */
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
