/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The life of a socket: its story begins, the connection is established, and it ends. */
#ifndef MESHTAX_LIFE_H
#define MESHTAX_LIFE_H

#include "adopt.h"
#include "count.h"
#include "failure.h"
#include "heir.h"
#include "listener.h"
#include "owner.h"
#include "record.h"
#include "scope.h"

static __always_inline bool is_of(const struct story *story, struct sock *sk)
{
	return !story->id || story->id == sk->__sk_common.skc_cookie.counter;
}

/* Returns the story of this socket, unless it belongs to an earlier socket at the same address. */
static __always_inline struct story *story_of(struct sock *sk)
{
	__u64 at = (__u64)sk;
	struct story *story = bpf_map_lookup_elem(&stories, &at);

	return story && is_of(story, sk) ? story : 0;
}

/* Returns the socket's cookie. Reading it is faster than the helper, which is needed only if the socket has none
 * yet. */
static __always_inline __u64 id_of(struct sock *sk)
{
	__u64 id = sk->__sk_common.skc_cookie.counter;

	return id ? id : bpf_get_socket_cookie(sk);
}

/* Reports how full the listener's queues are when a child is created. The listener is read through its address, which
 * may be stale. Such a read fails or returns old data. */
static __always_inline void report_queue(struct sock *sk, struct story *story)
{
	struct inet_connection_sock *listener = (void *)story->listener_at;
	struct connection *event = listener ? reserve(KIND_QUEUED) : 0;

	if (!event)
		return;
	describe(event, sk, story);
	event->state = TCP_LISTEN;
	event->queue = BPF_CORE_READ(listener, icsk_inet.sk.sk_ack_backlog);
	event->queue_max = BPF_CORE_READ(listener, icsk_inet.sk.sk_max_ack_backlog);
	event->syn_queue = BPF_CORE_READ(listener, icsk_accept_queue.qlen.counter);
	event->drops = BPF_CORE_READ(listener, icsk_inet.sk.sk_drops.counter);
	bpf_ringbuf_submit(event, 0);
}

/* Ends the story of a socket that is gone and whose end was missed. What it moved since it was last counted is not
 * known. */
static __always_inline void give_up(struct story *story, __u64 at, __u64 id)
{
	struct series_key key = {};
	struct series *series;
	bool is_lost, is_news;

	bpf_spin_lock(&story->lock);
	is_lost = story->at == at && story->id == id && story->established;
	is_news = story->is_news;
	if (is_lost) {
		key = story->key;
		story->established = story->is_news = 0;
		story->over = 1;
	}
	bpf_spin_unlock(&story->lock);
	series = is_lost ? series_of(&key) : 0;
	if (!series)
		return;
	add(&series->opened, is_news);
	add(&series->untimed, is_news);
	add(&series->closed, 1);
}

/* Stores a story, and replaces an earlier one at the same address. Returns false if there is no room. */
static __always_inline bool keep(struct sock *sk, const struct story *story)
{
	__u64 at = (__u64)sk;
	struct story *before;

	if (!bpf_map_update_elem(&stories, &at, story, BPF_NOEXIST))
		return true;
	before = bpf_map_lookup_elem(&stories, &at);
	if (before && before->established)
		give_up(before, at, before->id);
	return !bpf_map_update_elem(&stories, &at, story, BPF_ANY);
}

/* Begins a story: a socket begins to listen or to connect, or a listener's child is created. If `is_now` is false, that
 * was earlier, and the current process may be any. */
static __always_inline void begin(struct sock *sk, int state, bool is_now)
{
	struct story story = {};

	if (!is_in_scope(sk))
		return;
	story.at = (__u64)sk;
	story.begun_ns = is_now && state == TCP_SYN_SENT ? bpf_ktime_get_ns() : 0;
	story.local_port = is_now ? sk->__sk_common.skc_num : local_port(sk);
	story.key.cgroup = cgroup_directly(sk);
	story.key.netns = sk->__sk_common.skc_net.net->ns.inum;
	if (state == TCP_SYN_RECV) {
		story.key.role = ROLE_SERVER;
		inherit(&story, sk, is_now);
	} else {
		story.id = id_of(sk);
		story.key.role = state == TCP_LISTEN ? ROLE_LISTENER : ROLE_CLIENT;
		if (is_now)
			own(&story);
	}
	if (state == TCP_LISTEN) {
		story.listener = story.id;
		story.listener_at = story.at;
		note_listener(&story);
	}
	if (!keep(sk, &story) && is_now)
		LOST(sockets); /* count once: establishing the connection tries again */
	if (state == TCP_SYN_RECV)
		report_queue(sk, &story);
}

static __always_inline void report_open(struct sock *sk, struct story *story)
{
	struct connection *event = reserve(story->key.role == ROLE_SERVER ? KIND_ACCEPTED : KIND_CONNECTED);

	if (!event)
		return;
	describe(event, sk, story);
	event->state = TCP_ESTABLISHED;
	bpf_ringbuf_submit(event, 0);
}

/* Returns the TCP socket of a socket that is known to be a full one. */
static __always_inline struct tcp_sock *tcp_of(struct sock *sk)
{
	return bpf_ksym_exists(bpf_rdonly_cast) ? AS_KNOWN(struct tcp_sock, sk) : bpf_skc_to_tcp_sock(sk);
}

/* Records that a connection is established. It is added to its series when it is first read, or at its end. */
static __always_inline void establish(struct sock *sk, struct story *story)
{
	struct tcp_sock *tp = tcp_of(sk);
	struct reading reading = {};

	if (!tp)
		return;
	reading.acked = tp->bytes_acked;
	reading.send_una = tp->snd_una;
	reading.received = tp->bytes_received;
	reading.receive_next = tp->rcv_nxt;
	story->id = id_of(sk);
	/* The time of the packet that established it. A socket that is restored (TCP_REPAIR) has no such packet. */
	story->established_ns = tp->tcp_clock_cache > story->begun_ns ? tp->tcp_clock_cache : bpf_ktime_get_ns();
	story->local_port = bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport);
	story->send_base = send_base(&reading);
	story->key = key_of(&sk->__sk_common, story);
	if (story->key.role == ROLE_SERVER) {
		story->begun_ns = answered_at(tp->srtt_us, tp->total_retrans, story->established_ns);
		story->told_retransmits = tp->total_retrans; /* SYN-ACKs, which count_synack has counted */
	}
	story->is_news = 1;
	/* A memory barrier: a program that sees `established` sees all of this. */
	__sync_lock_test_and_set(&story->receive_base, receive_base(&reading));
	story->established = 1;
	report_open(sk, story);
}

/* Records that a sockmap may carry what the socket sends and receives. */
static __always_inline void note_bypass(struct story *story, __u64 user_data)
{
	if (is_in_sockmap(user_data) && !story->bypass)
		story->bypass = BYPASS_SEEN;
}

/* Returns why a connection ended from this state; 0 after an orderly end. */
static __always_inline int error_of(struct sock *sk, int state)
{
	int error = sk->sk_err;

	return error || !is_cut_off(state) ? error : ECONNABORTED;
}

static __always_inline void end(struct sock *sk, struct story *story, int state)
{
	struct tcp_sock *tp = tcp_of(sk);
	struct connection *event;
	struct reading reading;
	struct series *series;
	struct bytes bytes;
	struct news news;
	bool opened = state != TCP_SYN_SENT && state != TCP_SYN_RECV;
	bool failed = !opened && story->key.role == ROLE_CLIENT;

	if (!tp || story->over)
		return;
	if (!opened && !failed && !tp->bytes_received) {
		story->over = 1; /* a child that was never established counts as opened only if it has moved data */
		return;
	}
	if (!story->established) {
		story->id = id_of(sk);
		story->key = key_of(&sk->__sk_common, story);
		story->is_news = !failed;
		if (!failed)
			report_open(sk, story); /* the opening was missed, so its time is not known */
	}
	note_bypass(story, (__u64)sk->sk_user_data);
	reading = read_counts(tp);
	bytes = bytes_since(story, bytes_exact(&reading, state, story->key.role == ROLE_CLIENT));
	/* From here on no snapshot reads the connection, and the socket may be used for another one. */
	bpf_spin_lock(&story->lock);
	story->established = 0;
	story->over = 1;
	news = news_of(story, &reading, bytes);
	bpf_spin_unlock(&story->lock);
	series = series_of(&story->key);
	if (series) {
		add(failed ? &series->failed : &series->closed, 1);
		add(&series->reset, !failed && error_of(sk, state));
		add_news(series, &news, reading.srtt_us);
	}
	event = reserve(failed ? KIND_FAILED : KIND_CLOSED);
	if (event) {
		read_rest(&reading, tp);
		describe(event, sk, story);
		describe_traffic(event, &reading, story, bytes, state);
		event->error = failed ? failure_of(sk, tp) : error_of(sk, state);
		bpf_ringbuf_submit(event, 0);
	}
}

/* Starts a story for a connection that has none. What the connection moved before is in no counter. */
static __always_inline struct story *adopt(struct sock *sk, struct tcp_sock *tp)
{
	struct story story;

	if (!is_in_scope(sk))
		return 0;
	story = older_story(sk, bpf_get_socket_cookie(sk));
	begin_in_the_middle(&story, sk, tp);
	if (story.key.role == ROLE_SERVER)
		inherit(&story, sk, false);
	if (!keep(sk, &story))
		return 0; /* the lack of room was counted when it began */
	LOST(late);
	return story_of(sk);
}

/* Returns whether a story should exist at this change: the connection opens now, or it is a child created after the
 * probe started. */
static __always_inline bool is_missed(struct sock *sk, struct tcp_sock *tp, struct story *story, bool opens)
{
	struct reading reading;
	struct story child;

	if (opens)
		return !story || story->over;
	if (story || !is_in_use(sk->__sk_common.skc_state))
		return false;
	reading = read_counts(tp);
	child = older_story(sk, bpf_get_socket_cookie(sk));
	return was_accepted(tp, &reading, &child) && !was_born_unwatched(&child);
}

static __always_inline struct story *story_or_adopted(struct sock *sk, struct tcp_sock *tp)
{
	struct story *story = story_of(sk);

	return story || !is_in_use(sk->__sk_common.skc_state) ? story : adopt(sk, tp);
}

static __always_inline void look_for_bypass(struct sock *sk)
{
	struct story *story = story_of(sk);

	if (story)
		note_bypass(story, (__u64)sk->sk_user_data);
}

/* Handles a change of state between the first FIN and the end. */
static __always_inline void change_half(struct sock *sk, int to)
{
	if (is_in_sockmap((__u64)sk->sk_user_data))
		look_for_bypass(sk);
	if (to == TCP_FIN_WAIT1 || to == TCP_LAST_ACK)
		look_for_heir(story_of(sk));
}

static __always_inline int change_state(struct sock *sk, int from, int to)
{
	/* In a simultaneous open, SYN_RECV follows SYN_SENT and begins nothing. */
	bool begins = to == TCP_LISTEN || to == TCP_SYN_SENT || (to == TCP_SYN_RECV && from != TCP_SYN_SENT);
	/* Data may come with the SYN (RFC 7413). The end may come before the last acknowledgement of the handshake. */
	bool opens = to == TCP_ESTABLISHED || (from == TCP_SYN_RECV && to != TCP_CLOSE);
	struct tcp_sock *tp;
	struct story *story;

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (!begins && !opens && to != TCP_CLOSE) {
		change_half(sk, to);
		return 0;
	}
	if (begins) {
		begin(sk, to, true);
		return 0;
	}
	if (from == TCP_LISTEN)
		return 0; /* a listener ends when it is destroyed, with or without a story */
	tp = tcp_of(sk);
	if (!tp)
		return 0;
	story = story_of(sk);
	if (is_missed(sk, tp, story, opens)) {
		begin(sk, from == TCP_SYN_SENT ? TCP_SYN_SENT : TCP_SYN_RECV, false);
		story = story_of(sk);
	}
	if (!story)
		story = story_or_adopted(sk, tp);
	if (!story || story->key.role == ROLE_LISTENER)
		return 0;
	if (opens)
		establish(sk, story);
	else
		end(sk, story, from);
	return 0;
}

/* Ends the story of a socket that is being destroyed, when its last state is no longer known. What it sent ended with a
 * FIN, unless it was aborted. If a client's SYN was never acknowledged, its open has failed. */
static __always_inline void end_unseen(struct sock *sk, struct story *story)
{
	struct tcp_sock *tp = tcp_of(sk);
	int state = sk->sk_err ? TCP_ESTABLISHED : TCP_FIN_WAIT2;

	if (tp && story->key.role == ROLE_CLIENT && !tp->bytes_acked)
		state = TCP_SYN_SENT;
	end(sk, story, state);
}

/* A copy of the story of the socket that was destroyed last on this CPU. A reset may be sent to its peer after that.
 * The map is per CPU, so it needs no lock. */
struct late {
	__u64 head;
	__u64 words[(sizeof(struct story) - __builtin_offsetof(struct story, at)) / sizeof(__u64)];
};
_Static_assert(sizeof(struct late) == sizeof(struct story), "a late story lies as it did before");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct late);
} late SEC(".maps");

static __always_inline void look_for_unrouted(struct sock *sk)
{
	struct tcp_sock *tp = tcp_of(sk);
	struct story story = {};
	struct connection *event;
	struct series *series;

	if (!tp || !is_in_scope(sk) || !tell_unrouted(sk, tp, &story))
		return;
	story.id = id_of(sk);
	series = series_of(&story.key);
	if (series)
		add(&series->failed, 1);
	event = reserve(KIND_FAILED);
	if (!event)
		return;
	describe_unrouted(event, sk, &story);
	bpf_ringbuf_submit(event, 0);
}

static __always_inline int destroy(struct sock *sk)
{
	struct story *story = story_of(sk);
	__u64 at = (__u64)sk;
	__u32 zero = 0;
	struct late *copy;

	if (!story) {
		look_for_unrouted(sk);
		return 0;
	}
	if (story->key.role == ROLE_LISTENER)
		forget_listener(story);
	else if (!story->over)
		end_unseen(sk, story);
	copy = bpf_map_lookup_elem(&late, &zero);
	if (copy)
		__builtin_memcpy(copy->words, &story->at, sizeof(copy->words));
	bpf_map_delete_elem(&stories, &at);
	return 0;
}

static __always_inline struct story *late_story_of(struct sock *sk)
{
	__u32 zero = 0;
	struct story *story = (struct story *)bpf_map_lookup_elem(&late, &zero);

	return story && story->at == (__u64)sk && is_of(story, sk) ? story : 0;
}

#endif
