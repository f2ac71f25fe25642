// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who talks to whom over TCP, how much and how well: exact, and with no program on the way of a packet.
 *
 * A socket's story lies in storage of its own. It begins at `listen` or `connect`, where the owner is known; the
 * children of a listener inherit it (BPF_F_CLONE). What the kernel counts per socket is read by an iterator and, a last
 * time, when the socket closes; each reading adds what is new to a series. Nothing is ever cleared. */
#include "event.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* A socket's story. */
struct story {
	__u64 begun_ns;
	__u64 established_ns;
	__u64 cgroup;
	__u64 listener;          /* cookie */
	__u64 listener_at;       /* address; its socket may be gone */
	__u64 told_sent;         /* already in a series */
	__u64 told_received;
	__u64 told_retransmitted;
	__u64 base_sent;         /* before the probe was there */
	__u64 base_received;
	__u32 told_retransmits;
	__u32 told_out_of_order;
	__u32 pid;
	__u32 uid;
	__u16 local_port;        /* the kernel forgets it before the last event */
	__u8 role;
	__u8 established;
	__u8 seeded;
	char comm[COMM_LEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct story);
} stories SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct series_key);
	__type(value, struct series);
} series SEC(".maps");

/* The live feed. A full one loses events, counted in `lost`, and no metric. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} events SEC(".maps");

/* Kinds of events that somebody listens to, a bit each. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} feeds SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct losses);
} lost SEC(".maps");

static const struct series nothing = {};
static const struct series_key other = {};

static __always_inline void add(__u64 *counter, __u64 more)
{
	if (more)
		__sync_fetch_and_add(counter, more);
}

/* Notes something that went wrong, by its place in struct losses. */
static __always_inline void count_loss(__u32 offset)
{
	__u32 zero = 0;
	struct losses *losses = bpf_map_lookup_elem(&lost, &zero);

	if (losses && offset <= sizeof(*losses) - sizeof(__u64))
		add((__u64 *)((void *)losses + offset), 1);
}

#define LOST(field) count_loss(__builtin_offsetof(struct losses, field))

static __always_inline bool is_fed(int kind)
{
	__u32 zero = 0;
	__u32 *kinds = bpf_map_lookup_elem(&feeds, &zero);

	return kinds && *kinds & (1u << kind);
}

static __always_inline struct series *series_of(const struct series_key *key)
{
	struct series *found = bpf_map_lookup_elem(&series, key);

	if (found)
		return found;
	bpf_map_update_elem(&series, key, &nothing, BPF_NOEXIST);
	found = bpf_map_lookup_elem(&series, key);
	if (found)
		return found;
	LOST(series);
	return bpf_map_lookup_elem(&series, &other);
}

/* Addresses of both ends, 16 bytes each and zero before. */
static __always_inline void ends(struct sock_common *common, __u8 *local, __u8 *remote)
{
	if (BPF_CORE_READ(common, skc_family) == AF_INET) {
		*(__u32 *)local = BPF_CORE_READ(common, skc_rcv_saddr);
		*(__u32 *)remote = BPF_CORE_READ(common, skc_daddr);
	} else {
		bpf_core_read(local, 16, &common->skc_v6_rcv_saddr);
		bpf_core_read(remote, 16, &common->skc_v6_daddr);
	}
}

static __always_inline struct series *series_of_socket(struct sock *sk, struct story *story)
{
	struct series_key key = {};
	__u8 local[16] = {};

	key.cgroup = story->cgroup;
	key.netns = sk->__sk_common.skc_net.net->ns.inum;
	key.family = sk->__sk_common.skc_family;
	key.role = story->role;
	key.port = story->role == ROLE_SERVER ? story->local_port : bpf_ntohs(sk->__sk_common.skc_dport);
	ends(&sk->__sk_common, local, key.remote);
	__builtin_memcpy(key.comm, story->comm, COMM_LEN);
	return series_of(&key);
}

/* --- What the kernel counts --- */

static __always_inline bool has_sent_fin(int state)
{
	return state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_CLOSING || state == TCP_LAST_ACK ||
	       state == TCP_TIME_WAIT;
}

static __always_inline bool has_received_fin(struct sock *sk, int state)
{
	__u64 done = 1ull << bpf_core_enum_value(enum sock_flags, SOCK_DONE);

	return (sk->__sk_common.skc_flags & done) || state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK ||
	       state == TCP_CLOSING;
}

struct bytes {
	__u64 sent;
	__u64 received;
};

/* When the socket is locked, so that all fields agree; `state` is the one before the change. SYN and FIN take a place
 * in the sequence and are no payload. */
static __always_inline struct bytes bytes_exact(struct tcp_sock *tp, struct sock *sk, int state, bool active)
{
	struct bytes bytes = {};
	__u64 on_the_wire = tp->bytes_acked + (__u32)(tp->snd_nxt - tp->snd_una);
	__u64 no_payload = active + (has_sent_fin(state) && tp->snd_nxt == tp->write_seq);

	bytes.sent = on_the_wire > no_payload ? on_the_wire - no_payload : 0;
	bytes.received = tp->bytes_received - (tp->bytes_received && has_received_fin(sk, state));
	return bytes;
}

/* At any time: what is acknowledged, which lags behind by the window, but is a single load. The state is read after the
 * counters, so that what is taken for payload only ever grows. */
static __always_inline struct bytes bytes_at_least(struct tcp_sock *tp, struct sock *sk, bool active)
{
	struct bytes bytes = {};
	__u64 acked = *(volatile __u64 *)&tp->bytes_acked;
	__u64 received = *(volatile __u64 *)&tp->bytes_received;
	int state = *(volatile __u8 *)&sk->__sk_common.skc_state;
	__u64 no_payload = active + has_sent_fin(state);

	bytes.sent = acked > no_payload ? acked - no_payload : 0;
	bytes.received = received - (received && has_received_fin(sk, state));
	return bytes;
}

/* What is new since it was last told; two readers never tell the same twice. */
static __always_inline __u64 take(__u64 *told, __u64 now)
{
	__u64 before = *(volatile __u64 *)told, seen;

	for (int i = 0; i < 8 && now > before; i++, before = seen) {
		seen = __sync_val_compare_and_swap(told, before, now);
		if (seen == before)
			return now - before;
	}
	return 0;
}

static __always_inline __u64 take32(__u32 *told, __u32 now)
{
	__u32 before = *(volatile __u32 *)told, seen;

	for (int i = 0; i < 8 && now > before; i++, before = seen) {
		seen = __sync_val_compare_and_swap(told, before, now);
		if (seen == before)
			return now - before;
	}
	return 0;
}

/* The last word. A reading during the end may have taken a FIN for payload: then this is negative, and the sum right. */
static __always_inline __u64 settle(__u64 *told, __u64 now)
{
	return now - __sync_lock_test_and_set(told, now);
}

static __always_inline int bucket_of(__u32 rtt_us)
{
	int bucket = 0;

	for (int i = 0; i < RTT_BUCKETS - 1; i++)
		bucket += rtt_us >= (32u << i);
	return bucket;
}

/* Adds what is no count of bytes. */
static __always_inline void add_quality(struct series *series, struct story *story, struct tcp_sock *tp)
{
	__u32 rtt_us = tp->srtt_us >> 3;

	add(&series->retransmits, take32(&story->told_retransmits, tp->total_retrans));
	add(&series->retransmitted, take(&story->told_retransmitted, tp->bytes_retrans));
	add(&series->out_of_order, take32(&story->told_out_of_order, tp->rcv_ooopack));
	if (rtt_us) {
		add(&series->rtt_sum_us, rtt_us);
		add(&series->rtt[bucket_of(rtt_us) & (RTT_BUCKETS - 1)], 1);
	}
}

/* --- Records --- */

static __always_inline void describe(struct connection *to, struct sock *sk, struct story *story)
{
	to->at_ns = bpf_ktime_get_ns();
	to->id = bpf_get_socket_cookie(sk);
	to->begun_ns = story->begun_ns;
	to->established_ns = story->established_ns;
	to->cgroup = story->cgroup;
	to->listener = story->listener;
	to->netns = sk->__sk_common.skc_net.net->ns.inum;
	to->pid = story->pid;
	to->uid = story->uid;
	to->local_port = story->local_port;
	to->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	to->family = sk->__sk_common.skc_family;
	to->role = story->role;
	to->flags = story->seeded ? FLAG_SEEDED : 0;
	ends(&sk->__sk_common, to->local, to->remote);
	__builtin_memcpy(to->comm, story->comm, COMM_LEN);
}

static __always_inline void describe_traffic(struct connection *to, struct tcp_sock *tp, struct story *story,
					     struct bytes bytes)
{
	to->sent = bytes.sent - story->base_sent;
	to->received = bytes.received - story->base_received;
	to->retransmitted = tp->bytes_retrans;
	to->retransmits = tp->total_retrans;
	to->srtt_us = tp->srtt_us >> 3;
	to->rttvar_us = tp->mdev_us >> 2;
	to->rtt_min_us = tp->rtt_min.s[0].v;
	to->lost = tp->lost_out;
	to->out_of_order = tp->rcv_ooopack;
	to->reordered = tp->reord_seen;
	to->ecn_marked = tp->delivered_ce;
	if (!tp->rcv_wnd)
		to->flags |= FLAG_ZERO_WINDOW_SENT;
	if (!tp->snd_wnd)
		to->flags |= FLAG_ZERO_WINDOW_RECEIVED;
}

static __always_inline struct connection *reserve(int kind)
{
	struct connection *event;

	if (!is_fed(kind))
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count_loss(kind * sizeof(__u64));
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->kind = kind;
	return event;
}

/* --- The life of a socket --- */

static __always_inline __u64 cgroup_of(struct sock *sk)
{
	if (!bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return 0; /* before 5.15 */
	return BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
}

/* Notes the current process as the owner. */
static __always_inline void own(struct story *story, struct sock *sk)
{
	struct task_struct *leader = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), group_leader);

	story->pid = bpf_get_current_pid_tgid() >> 32;
	story->uid = bpf_get_current_uid_gid();
	BPF_CORE_READ_STR_INTO(&story->comm, leader, comm);
	story->cgroup = cgroup_of(sk);
}

static __always_inline __u16 local_port(struct sock *sk)
{
	return bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
}

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

/* A socket begins to listen or to connect, or a listener's child is born. */
static __always_inline void begin(struct sock *sk, int state)
{
	struct story *story = bpf_sk_storage_get(&stories, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (!story) {
		LOST(stories);
		return;
	}
	LOST(sockets);
	story->begun_ns = bpf_ktime_get_ns();
	story->established_ns = 0;
	story->told_sent = story->told_received = story->told_retransmitted = 0;
	story->told_retransmits = story->told_out_of_order = 0;
	story->base_sent = story->base_received = 0;
	story->established = story->seeded = 0;
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
	story->local_port = sk->__sk_common.skc_num;
}

static __always_inline void establish(struct sock *sk, struct story *story)
{
	int kind = story->role == ROLE_SERVER ? KIND_ACCEPTED : KIND_CONNECTED;
	struct connection *event;
	struct series *series;

	story->established = 1;
	story->established_ns = bpf_ktime_get_ns();
	story->local_port = local_port(sk);
	series = series_of_socket(sk, story);
	if (series) {
		add(&series->opened, 1);
		add(&series->handshake_ns, story->established_ns - story->begun_ns);
	}
	event = reserve(kind);
	if (event) {
		describe(event, sk, story);
		event->state = TCP_ESTABLISHED;
		bpf_ringbuf_submit(event, 0);
	}
}

static __always_inline void end(struct sock *sk, struct story *story, int state)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct connection *event;
	struct series *series;
	struct bytes bytes;
	bool failed = state == TCP_SYN_SENT;

	if (!tp)
		return;
	if (!story->established && !failed)
		return; /* a child that was never established was never opened */
	bytes = bytes_exact(tp, sk, state, story->role == ROLE_CLIENT);
	series = series_of_socket(sk, story);
	if (series && failed) {
		add(&series->failed, 1);
	} else if (series) {
		add(&series->closed, 1);
		add(&series->reset, sk->sk_err != 0);
		add(&series->sent, settle(&story->told_sent, bytes.sent));
		add(&series->received, settle(&story->told_received, bytes.received));
		add_quality(series, story, tp);
	}
	event = reserve(failed ? KIND_FAILED : KIND_CLOSED);
	if (event) {
		describe(event, sk, story);
		describe_traffic(event, tp, story, bytes);
		event->state = state;
		event->error = sk->sk_err;
		bpf_ringbuf_submit(event, 0);
	}
	/* The socket may be used for another connection. */
	story->established = 0;
}

static __always_inline int change_state(struct sock *sk, int from, int to)
{
	struct story *story;

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (to == TCP_LISTEN || to == TCP_SYN_SENT || to == TCP_SYN_RECV) {
		begin(sk, to);
		return 0;
	}
	story = bpf_sk_storage_get(&stories, sk, 0, 0);
	if (!story || story->role == ROLE_LISTENER)
		return 0;
	if (to == TCP_ESTABLISHED)
		establish(sk, story);
	if (to == TCP_CLOSE)
		end(sk, story, from);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, struct sock *sk, int from, int to)
{
	return change_state(sk, from, to);
}

/* --- Snapshots --- */

static __always_inline bool is_alive(struct sock *sk, struct story *story)
{
	return sk->__sk_common.skc_state != TCP_CLOSE && (story->established || story->role == ROLE_LISTENER);
}

/* Adds what is new of every connection to its series. */
static __always_inline int tell(struct sock *sk, struct story *story)
{
	struct tcp_sock *tp;
	struct series *series;
	struct bytes bytes;

	if (!sk || !story || story->role == ROLE_LISTENER || !is_alive(sk, story))
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	bytes = bytes_at_least(tp, sk, story->role == ROLE_CLIENT);
	if (bytes.sent == story->told_sent && bytes.received == story->told_received &&
	    tp->total_retrans == story->told_retransmits)
		return 0; /* idle */
	series = series_of_socket(sk, story);
	if (!series)
		return 0;
	add(&series->sent, take(&story->told_sent, bytes.sent));
	add(&series->received, take(&story->told_received, bytes.received));
	add_quality(series, story, tp);
	return 0;
}

SEC("iter/bpf_sk_storage_map")
int tell_all(struct bpf_iter__bpf_sk_storage_map *context)
{
	return tell(context->sk, context->value);
}

/* Writes every connection and listener out. */
static __always_inline int write_out(struct bpf_iter_meta *meta, struct sock *sk, struct story *story)
{
	struct connection record = {};
	struct tcp_sock *tp;

	if (!sk || !story || !is_alive(sk, story))
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	describe(&record, sk, story);
	record.kind = KIND_SEEN;
	record.state = sk->__sk_common.skc_state;
	if (story->role == ROLE_LISTENER) {
		record.queue = sk->sk_ack_backlog;
		record.queue_max = sk->sk_max_ack_backlog;
		record.syn_queue = tp->inet_conn.icsk_accept_queue.qlen.counter;
		record.drops = sk->sk_drops.counter;
	} else {
		describe_traffic(&record, tp, story, bytes_at_least(tp, sk, story->role == ROLE_CLIENT));
	}
	bpf_seq_write(meta->seq, &record, sizeof(record));
	return 0;
}

SEC("iter/bpf_sk_storage_map")
int write_all(struct bpf_iter__bpf_sk_storage_map *context)
{
	return write_out(context->meta, context->sk, context->value);
}

/* Gives a socket that is older than the probe a story, with what it has moved so far as the baseline. */
static __always_inline int seed(struct task_struct *task, struct file *file)
{
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
	if (!tp || bpf_sk_storage_get(&stories, sk, 0, 0))
		return 0;
	story = bpf_sk_storage_get(&stories, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!story) {
		LOST(stories);
		return 0;
	}
	LOST(sockets);
	story->pid = task->tgid;
	story->uid = BPF_CORE_READ(task, cred, uid.val);
	BPF_CORE_READ_STR_INTO(&story->comm, task, group_leader, comm);
	story->cgroup = cgroup_of(sk);
	story->local_port = sk->__sk_common.skc_num;
	story->seeded = 1;
	if (state == TCP_LISTEN) {
		story->role = ROLE_LISTENER;
		story->listener = bpf_get_socket_cookie(sk);
		story->listener_at = (__u64)sk;
		return 0;
	}
	/* A child inherits the length of its listener's queue; a socket that connects has none. */
	story->role = sk->sk_max_ack_backlog ? ROLE_SERVER : ROLE_CLIENT;
	bytes = bytes_at_least(tp, sk, story->role == ROLE_CLIENT);
	story->told_sent = story->base_sent = bytes.sent;
	story->told_received = story->base_received = bytes.received;
	story->told_retransmits = tp->total_retrans;
	story->told_retransmitted = tp->bytes_retrans;
	story->told_out_of_order = tp->rcv_ooopack;
	story->established = 1;
	return 0;
}

SEC("iter/task_file")
int seed_all(struct bpf_iter__task_file *context)
{
	return seed(context->task, context->file);
}

/* --- What happens to single packets of a connection --- */

static __always_inline void report(struct sock *sk, int kind, __u32 reason)
{
	struct connection *event;
	struct story *story;
	struct tcp_sock *tp;

	if (!sk || !is_fed(kind))
		return;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return; /* no full socket, such as one in TIME_WAIT */
	story = bpf_sk_storage_get(&stories, sk, 0, 0);
	if (!story)
		return;
	event = reserve(kind);
	if (!event)
		return;
	describe(event, sk, story);
	describe_traffic(event, tp, story, bytes_at_least(tp, sk, story->role == ROLE_CLIENT));
	event->state = sk->__sk_common.skc_state;
	event->reason = reason;
	bpf_ringbuf_submit(event, 0);
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(on_retransmit, struct sock *sk)
{
	report(sk, KIND_RETRANSMITTED, 0);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(on_reset_received, struct sock *sk)
{
	report(sk, KIND_RESET_RECEIVED, 0);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(on_reset_sent, struct sock *sk)
{
	report(sk, KIND_RESET_SENT, 0);
	return 0;
}

/* The listener's story with the peer's address: the connection itself is not made yet. */
static __always_inline void report_synack(struct sock *sk, struct request_sock *request)
{
	struct connection *event;
	struct story *story;

	if (!is_fed(KIND_SYNACK_AGAIN))
		return;
	story = bpf_sk_storage_get(&stories, sk, 0, 0);
	if (!story)
		return;
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
