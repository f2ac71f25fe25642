// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who talks to whom over TCP, how much and how well: exact, and with no program on the way of a packet.
 *
 * A socket's story lies in storage of its own. It begins at `listen` or `connect`, where the owner is known; the
 * children of a listener inherit it (BPF_F_CLONE). What the kernel counts per socket is read by an iterator and, a last
 * time, when the socket closes; each reading adds what is new to a series. Nothing is ever cleared.
 *
 * The kernel lets no program of a tracepoint interrupt itself: while a process changes the state of a socket, a batch of
 * packets may come in between on its processor, and what these change passes the program by. So a change that comes later
 * makes up for one that was missed, and `on_destroy`, which nothing of that interrupts, for a missed end. */
#include "count.h"
#include "event.h"
#include "owner.h"
#include "record.h"
#include "scope.h"
#include "story.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* --- The life of a socket --- */

/* How full the listener's queues are as a connection is born. The listener is read through its address, which may be
 * stale: such a read fails, or tells of the past. */
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

/* Makes a story of another socket's, or of a socket's last connection, one that has just begun. Nobody tells of it before
 * it is established, so its lock is needed only where it seems to be: it has ended while nothing was attached. */
static __always_inline void forget(struct story *story)
{
	if (story->established) {
		bpf_spin_lock(&story->lock);
		story->established = 0;
		bpf_spin_unlock(&story->lock);
	}
	story->begun_ns = bpf_ktime_get_ns();
	story->established_ns = 0;
	story->told_sent = story->told_received = story->told_retransmitted = 0;
	story->told_retransmits = story->told_out_of_order = 0;
	story->base_sent = story->base_received = story->base_retransmitted = 0;
	story->base_retransmits = story->base_out_of_order = story->base_reordered = story->base_ecn_marked = 0;
	story->seeded = story->is_news = story->over = 0;
}

/* A socket begins to listen or to connect, or a listener's child is born. */
static __always_inline void begin(struct sock *sk, int state)
{
	struct story *story;

	if (!is_in_scope(sk))
		return;
	story = bpf_sk_storage_get(&stories, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!story) {
		LOST(stories);
		return;
	}
	forget(story);
	if (state == TCP_SYN_RECV) {
		/* In softirq: the owner came with the listener's story. */
		story->role = ROLE_SERVER;
		story->local_port = sk->__sk_common.skc_num;
		report_queue(sk, story);
		return;
	}
	own(story, sk);
	story->role = state == TCP_LISTEN ? ROLE_LISTENER : ROLE_CLIENT;
	story->listener = state == TCP_LISTEN ? bpf_get_socket_cookie(sk) : 0;
	story->listener_at = state == TCP_LISTEN ? (__u64)sk : 0;
	story->era = state == TCP_LISTEN ? era_now() : 0;
	story->local_port = sk->__sk_common.skc_num;
}

static __always_inline void report_open(struct sock *sk, struct story *story)
{
	struct connection *event = reserve(story->role == ROLE_SERVER ? KIND_ACCEPTED : KIND_CONNECTED);

	if (!event)
		return;
	describe(event, sk, story);
	event->state = TCP_ESTABLISHED;
	bpf_ringbuf_submit(event, 0);
}

/* The series hears of it when it is first read, or at its end. */
static __always_inline void establish(struct sock *sk, struct story *story)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (!tp)
		return;
	story->established_ns = bpf_ktime_get_ns();
	story->local_port = bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport);
	story->receive_base = receive_base(tp);
	story->send_base = send_base(tp);
	if (story->role == ROLE_SERVER)
		story->told_retransmits = tp->total_retrans; /* answers to the open, which count_synack has told */
	story->is_news = 1;
	bpf_spin_lock(&story->lock);
	story->established = 1;
	bpf_spin_unlock(&story->lock);
	report_open(sk, story);
}

/* A child bears the story of its listener until its own begins. */
static __always_inline bool is_child(struct sock *sk, struct story *story)
{
	return story->role == ROLE_LISTENER && story->listener_at != (__u64)sk;
}

/* Makes up for an opening that was missed: when it was, nobody knows. */
static __always_inline void open_unseen(struct sock *sk, struct story *story)
{
	if (story->role == ROLE_LISTENER) {
		forget(story);
		story->begun_ns = 0;
		story->role = ROLE_SERVER;
		story->local_port = sk->__sk_common.skc_num;
	}
	story->is_news = 1;
	report_open(sk, story);
}

static __always_inline void end(struct sock *sk, struct story *story, int state)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct connection *event;
	struct series_key key;
	struct series *series;
	struct bytes bytes;
	struct news news;
	bool failed = state == TCP_SYN_SENT;

	if (!tp || story->over || state == TCP_SYN_RECV)
		return; /* a child that was never established was never opened */
	if (!story->established && !failed)
		open_unseen(sk, story);
	bytes = bytes_since(story, bytes_exact(tp, sk, state, story->role == ROLE_CLIENT));
	/* From here on no snapshot tells of it, and the socket may be used for another connection. */
	bpf_spin_lock(&story->lock);
	story->established = 0;
	story->over = 1;
	news = news_of(story, tp, bytes);
	bpf_spin_unlock(&story->lock);
	key = key_of(&sk->__sk_common, story);
	series = series_of(&key);
	if (series) {
		add(failed ? &series->failed : &series->closed, 1);
		add(&series->reset, !failed && sk->sk_err);
		add_news(series, &news, tp->srtt_us >> 3);
	}
	event = reserve(failed ? KIND_FAILED : KIND_CLOSED);
	if (event) {
		describe(event, sk, story);
		describe_traffic(event, tp, story, bytes, state);
		event->error = sk->sk_err;
		bpf_ringbuf_submit(event, 0);
	}
}

/* Whether the end of a socket is that of a connection: not of a listener, nor of a child that was born unwatched. */
static __always_inline bool is_connection(struct sock *sk, struct story *story)
{
	return story->role != ROLE_LISTENER || (is_child(sk, story) && story->era == era_now());
}

static __always_inline int change_state(struct sock *sk, int from, int to)
{
	/* Where both ends connect at once, SYN_RECV comes after SYN_SENT and begins nothing. */
	bool begins = to == TCP_LISTEN || to == TCP_SYN_SENT || (to == TCP_SYN_RECV && from != TCP_SYN_SENT);
	/* Data may come with the SYN (RFC 7413), and so may the end come before the last acknowledgement. */
	bool opens = to == TCP_ESTABLISHED || (from == TCP_SYN_RECV && to != TCP_CLOSE);
	struct story *story;

	if (!begins && !opens && to != TCP_CLOSE)
		return 0; /* between the first FIN and the end */
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (begins) {
		begin(sk, to);
		return 0;
	}
	story = bpf_sk_storage_get(&stories, sk, 0, 0);
	if (!story)
		return 0;
	if (opens && is_child(sk, story))
		begin(sk, TCP_SYN_RECV);
	if (opens && story->role != ROLE_LISTENER)
		establish(sk, story);
	if (!opens && is_connection(sk, story))
		end(sk, story, from);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, struct sock *sk, int from, int to)
{
	return change_state(sk, from, to);
}

/* The socket of a connection is given up, its last state forgotten. What it sent ended with a FIN unless it was cut off,
 * and where a client's SYN was never acknowledged its open has failed. */
static __always_inline int destroy(struct sock *sk)
{
	struct story *story = bpf_sk_storage_get(&stories, sk, 0, 0);
	struct tcp_sock *tp;
	int state;

	if (!story || story->over || !is_connection(sk, story))
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	if (story->role == ROLE_CLIENT && !tp->bytes_acked)
		state = TCP_SYN_SENT;
	else
		state = sk->sk_err ? TCP_ESTABLISHED : TCP_FIN_WAIT2;
	end(sk, story, state);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(on_destroy, struct sock *sk)
{
	return destroy(sk);
}

/* --- Snapshots --- */

static __always_inline bool is_open(struct sock *sk, struct story *story)
{
	return story->established && sk->__sk_common.skc_state != TCP_CLOSE;
}

static __always_inline bool is_idle(struct sock *sk, struct tcp_sock *tp, struct story *story)
{
	struct bytes bytes = bytes_at_least(tp, sk, story);

	return !story->is_news && bytes.sent <= story->told_sent && bytes.received <= story->told_received &&
	       tp->total_retrans == story->told_retransmits;
}

/* Adds what is new of every connection to its series. An iterator holds no socket; what is read under the lock of a
 * story that has not ended is of its socket, and so is what was read of it before. */
static __always_inline int tell(struct sock *sk)
{
	struct story *story = sk ? bpf_sk_storage_get(&stories, sk, 0, 0) : 0;
	struct series_key key;
	struct series *series;
	struct tcp_sock *tp;
	struct news news;
	__u64 begun_ns;
	__u32 rtt_us;
	bool open;

	if (!story || story->role == ROLE_LISTENER || !is_open(sk, story))
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp || is_idle(sk, tp, story))
		return 0;
	begun_ns = *(volatile __u64 *)&story->begun_ns;
	key = key_of(&sk->__sk_common, story);
	series = series_of(&key);
	if (!series)
		return 0;
	bpf_spin_lock(&story->lock);
	open = is_open(sk, story) && story->begun_ns == begun_ns;
	if (open) {
		news = news_of(story, tp, bytes_onward(tp, sk, story));
		rtt_us = tp->srtt_us >> 3;
	}
	bpf_spin_unlock(&story->lock);
	if (open)
		add_news(series, &news, rtt_us);
	return 0;
}

SEC("iter/bpf_sk_storage_map")
int tell_all(struct bpf_iter__bpf_sk_storage_map *context)
{
	return tell(context->sk);
}

/* Whether the record has become one of a connection, or of a listener, that is open. */
static __always_inline bool describe_open(struct connection *record, struct sock *sk, struct story *story)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	bool open;

	if (!tp)
		return 0;
	describe(record, sk, story);
	record->kind = KIND_SEEN;
	record->state = sk->__sk_common.skc_state;
	if (story->role == ROLE_LISTENER) {
		record->queue = sk->sk_ack_backlog;
		record->queue_max = sk->sk_max_ack_backlog;
		record->syn_queue = tp->inet_conn.icsk_accept_queue.qlen.counter;
		record->drops = sk->sk_drops.counter;
		return record->state == TCP_LISTEN;
	}
	bpf_spin_lock(&story->lock);
	open = is_open(sk, story) && story->begun_ns == record->begun_ns;
	if (open)
		describe_traffic(record, tp, story, bytes_at_least(tp, sk, story), record->state);
	bpf_spin_unlock(&story->lock);
	return open;
}

/* Writes every connection and listener out. */
static __always_inline int write_out(struct bpf_iter_meta *meta, struct sock *sk)
{
	struct story *story = sk ? bpf_sk_storage_get(&stories, sk, 0, 0) : 0;
	struct connection record = {};

	if (story && describe_open(&record, sk, story))
		bpf_seq_write(meta->seq, &record, sizeof(record));
	return 0;
}

SEC("iter/bpf_sk_storage_map")
int write_all(struct bpf_iter__bpf_sk_storage_map *context)
{
	return write_out(context->meta, context->sk);
}

/* Gives a socket that is older than the probe a story, with what it has moved so far as the baseline: nothing holds it
 * still meanwhile, so the counts are read first and what marks a FIN in them last, when whoever counts it has done both. */
static __always_inline int seed(struct task_struct *task, struct file *file)
{
	struct moving moving;
	struct socket *socket;
	struct story *story;
	struct tcp_sock *tp;
	struct bytes bytes;
	struct sock *sk;
	int state;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	state = sk->__sk_common.skc_state;
	if (state == TCP_CLOSE || state == TCP_SYN_SENT || state == TCP_SYN_RECV)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp || !is_in_scope(sk))
		return 0;
	story = bpf_sk_storage_get(&stories, sk, 0, 0);
	if (story && story->role == ROLE_LISTENER && state == TCP_LISTEN)
		story->era = era_now();
	/* A child that was born while nothing was attached bears its listener's story as it was. */
	if (story && (story->role != ROLE_LISTENER || state == TCP_LISTEN))
		return 0;
	story = bpf_sk_storage_get(&stories, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!story) {
		LOST(stories);
		return 0;
	}
	moving = moving_of(tp);
	story->pid = task->tgid;
	story->uid = BPF_CORE_READ(task, cred, uid.val);
	BPF_CORE_READ_STR_INTO(&story->comm, task, group_leader, comm);
	story->cgroup = cgroup_of(sk);
	story->local_port = sk->__sk_common.skc_num;
	story->begun_ns = 0; /* a child's is its listener's */
	story->seeded = 1;
	if (state == TCP_LISTEN) {
		story->role = ROLE_LISTENER;
		story->listener = bpf_get_socket_cookie(sk);
		story->listener_at = (__u64)sk;
		story->era = era_now();
		return 0;
	}
	/* A child inherits the length of its listener's queue; a socket that connects has none. */
	story->role = sk->sk_max_ack_backlog ? ROLE_SERVER : ROLE_CLIENT;
	story->send_base = moving.send_base;
	story->receive_base = moving.receive_base;
	bytes = bytes_then(tp, sk, &moving, story->role == ROLE_CLIENT);
	bpf_spin_lock(&story->lock);
	news_of(story, tp, bytes);
	story->base_sent = bytes.sent;
	story->base_received = bytes.received;
	story->base_retransmitted = story->told_retransmitted;
	story->base_retransmits = story->told_retransmits;
	story->base_out_of_order = story->told_out_of_order;
	story->base_reordered = tp->reord_seen;
	story->base_ecn_marked = tp->delivered_ce;
	story->established = 1;
	bpf_spin_unlock(&story->lock);
	return 0;
}

SEC("iter/task_file")
int seed_all(struct bpf_iter__task_file *context)
{
	return seed(context->task, context->file);
}

/* --- What happens to single packets of a connection --- */

static __always_inline void report(struct sock *sk, struct tcp_sock *tp, struct story *story, int kind)
{
	struct connection *event = reserve(kind);

	if (!event)
		return;
	describe(event, sk, story);
	describe_traffic(event, tp, story, bytes_by_now(tp, sk, story), sk->__sk_common.skc_state);
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void report_retransmit(struct sock *sk)
{
	struct tcp_sock *tp = is_fed(KIND_RETRANSMITTED) ? bpf_skc_to_tcp_sock(sk) : 0;
	struct story *story = tp ? bpf_sk_storage_get(&stories, sk, 0, 0) : 0;

	if (story)
		report(sk, tp, story, KIND_RETRANSMITTED);
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(on_retransmit, struct sock *sk)
{
	report_retransmit(sk);
	return 0;
}

/* Of no socket, and of one in TIME_WAIT, nothing is known. What closes a connection by a reset sends it after the
 * connection's end. */
static __always_inline void report_reset(struct sock *sk, int kind)
{
	struct tcp_sock *tp = sk ? bpf_skc_to_tcp_sock(sk) : 0;
	struct story *story = tp ? bpf_sk_storage_get(&stories, sk, 0, 0) : 0;
	struct series_key key;
	struct series *series;

	if (!story)
		return;
	key = key_of(&sk->__sk_common, story);
	series = series_of(&key);
	if (series)
		add(kind == KIND_RESET_SENT ? &series->resets_sent : &series->resets_received, 1);
	report(sk, tp, story, kind);
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(on_reset_received, struct sock *sk)
{
	report_reset(sk, KIND_RESET_RECEIVED);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(on_reset_sent, struct sock *sk)
{
	report_reset(sk, KIND_RESET_SENT);
	return 0;
}

/* Whether or not a connection comes of it. */
static __always_inline void count_synack(struct request_sock *request, struct story *story)
{
	struct series_key key = key_of(&request->__req_common, story);
	struct series *series = series_of(&key);

	if (series)
		add(&series->retransmits, 1);
}

/* The listener's story with the peer's address: the connection itself is not made yet. */
static __always_inline void report_synack(struct sock *sk, struct request_sock *request)
{
	struct story *story = bpf_sk_storage_get(&stories, sk, 0, 0);
	struct connection *event;

	if (!story)
		return;
	count_synack(request, story);
	event = reserve(KIND_SYNACK_AGAIN);
	if (!event)
		return;
	describe(event, sk, story);
	event->state = TCP_SYN_RECV;
	event->remote_port = bpf_ntohs(request->__req_common.skc_dport);
	event->family = request->__req_common.skc_family;
	ends(&request->__req_common, event->local, event->remote);
	bpf_ringbuf_submit(event, 0);
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(on_synack_again, struct sock *sk, struct request_sock *request)
{
	report_synack(sk, request);
	return 0;
}
