/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Looks at all sockets that have a story, and at those that are older than the probe. Stories are found by an address, at
 * which the socket may be no more: what is read there counts only if the story, under its lock, has not ended since. */
#ifndef MESHTAX_SNAPSHOT_H
#define MESHTAX_SNAPSHOT_H

#include "every.h"
#include "life.h"

/* Where a look writes what is open; one that finds it full goes on once it was read. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 2 << 20);
} written SEC(".maps");

/* The number of the look, from 1 to 255 and over again. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u8);
} looks SEC(".maps");

struct look {
	__u8 number;
	__u8 is_cut_short;
};

static __always_inline struct look look_now(void)
{
	__u32 zero = 0;
	__u8 *number = bpf_map_lookup_elem(&looks, &zero);

	return (struct look){.number = number ? *number : 0};
}

/* A connection: its socket may have several, one after the other. */
struct name {
	__u64 at;
	__u64 id;
	__u64 begun_ns;
};

static __always_inline struct name name_of(__u64 at, struct story *story)
{
	return (struct name){.at = at, .id = DIRECTLY(story, id), .begun_ns = DIRECTLY(story, begun_ns)};
}

/* Under the story's lock. */
static __always_inline bool is_still(struct story *story, const struct name *name)
{
	return story->at == name->at && story->id == name->id && story->begun_ns == name->begun_ns;
}

/* Under the story's lock; it was established before the socket was read. */
static __always_inline bool is_open(struct story *story, const struct name *name, const struct reading *reading)
{
	return story->established && is_still(story, name) && reading->state != TCP_CLOSE;
}

static __always_inline bool is_another(__u64 at, __u64 id)
{
	return READ_AT(struct sock_common, at, skc_cookie.counter) != id;
}

static __always_inline bool is_gone(__u64 at, __u64 id)
{
	return is_another(at, id) || !READ_AT(struct sock_common, at, skc_refcnt.refs.counter);
}

static __always_inline bool is_idle(const struct reading *reading, struct story *story)
{
	struct bytes bytes = bytes_at_least(reading, story);

	return !story->is_news && story->bypass != BYPASS_SEEN && bytes.sent <= story->told_sent &&
	       bytes.received <= story->told_received && reading->retransmits == story->told_retransmits;
}

/* Adds what is new of a connection to its series. The story is found by its address once more: older kernels let no
 * program lock what it has not looked up. */
static __always_inline void tell(__u64 at)
{
	struct story *story = bpf_map_lookup_elem(&stories, &at);
	struct series_key key = {};
	struct reading reading;
	struct series *series;
	struct name name;
	struct news news;
	bool open;

	if (!story)
		return;
	name = name_of(at, story);
	if (!DIRECTLY(story, established))
		return;
	if (is_gone(at, name.id)) {
		give_up(story, at, name.id);
		return;
	}
	note_bypass(story, (__u64)READ_AT(struct sock, at, sk_user_data));
	reading = read_counts_at(at);
	if (is_idle(&reading, story))
		return;
	bpf_spin_lock(&story->lock);
	open = is_open(story, &name, &reading);
	if (open) {
		key = story->key;
		news = news_onward(story, &reading, bytes_at_least(&reading, story));
	}
	bpf_spin_unlock(&story->lock);
	series = open ? series_of(&key) : 0;
	if (series)
		add_news(series, &news, reading.srtt_us);
}

static long tell_one(struct bpf_map *map, const __u64 *at, struct story *story, void *look)
{
	tell(*at);
	return 0;
}

static __always_inline bool describe_listener(struct connection *record, struct story *story, const struct name *name)
{
	struct inet_connection_sock *sk = (void *)name->at;
	bool is_told;

	record->state = BPF_CORE_READ(sk, icsk_inet.sk.__sk_common.skc_state);
	record->queue = BPF_CORE_READ(sk, icsk_inet.sk.sk_ack_backlog);
	record->queue_max = BPF_CORE_READ(sk, icsk_inet.sk.sk_max_ack_backlog);
	record->syn_queue = BPF_CORE_READ(sk, icsk_accept_queue.qlen.counter);
	record->drops = BPF_CORE_READ(sk, icsk_inet.sk.sk_drops.counter);
	bpf_spin_lock(&story->lock);
	is_told = record->state == TCP_LISTEN && is_still(story, name);
	bpf_spin_unlock(&story->lock);
	return is_told;
}

/* Whether the record has become one of a connection, or of a listener, that is open. */
static __always_inline bool describe_open(struct connection *record, __u64 at, struct story *story)
{
	struct name name = name_of(at, story);
	bool is_established = DIRECTLY(story, established);
	struct reading reading;
	bool open;

	if (is_another(at, name.id))
		return false;
	if (is_established)
		note_bypass(story, (__u64)READ_AT(struct sock, at, sk_user_data));
	describe(record, (void *)at, story);
	record->kind = KIND_SEEN;
	if (record->role == ROLE_LISTENER)
		return describe_listener(record, story, &name);
	if (!is_established)
		return false;
	reading = read_at(at);
	bpf_spin_lock(&story->lock);
	open = is_open(story, &name, &reading);
	if (open)
		describe_traffic(record, &reading, story, bytes_at_least(&reading, story), reading.state);
	bpf_spin_unlock(&story->lock);
	return open;
}

/* Writes a connection or a listener out, unless this look has done so; whether there was room. */
static __always_inline bool write_out(__u64 at, __u8 look)
{
	struct story *story = bpf_map_lookup_elem(&stories, &at);
	struct connection *record;

	if (!story || story->look == look)
		return true;
	record = bpf_ringbuf_reserve(&written, sizeof(*record), 0);
	if (!record)
		return false;
	__builtin_memset(record, 0, sizeof(*record));
	story->look = look;
	if (describe_open(record, at, story))
		bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	else
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
	return true;
}

static long write_one(struct bpf_map *map, const __u64 *at, struct story *story, struct look *look)
{
	look->is_cut_short = !write_out(*at, look->number);
	return look->is_cut_short;
}

/* Makes room: while nothing is attached, nobody else does. */
static __always_inline void sweep(__u64 at)
{
	struct story *story = bpf_map_lookup_elem(&stories, &at);

	if (!story || (story->id && !is_gone(at, story->id)))
		return;
	give_up(story, at, story->id);
	if (story->key.role == ROLE_LISTENER)
		forget_listener(story);
	bpf_map_delete_elem(&stories, &at);
}

static long sweep_one(struct bpf_map *map, const __u64 *at, struct story *story, void *look)
{
	sweep(*at);
	return 0;
}

/* A base that is the same twice was not read in the middle of a change. */
static __always_inline bool is_at_rest(struct tcp_sock *tp, const struct reading *reading)
{
	__u32 send = DIRECTLY(tp, snd_una) - (__u32)DIRECTLY(tp, bytes_acked);
	__u32 receive = DIRECTLY(tp, rcv_nxt) - (__u32)DIRECTLY(tp, bytes_received);

	return send == send_base(reading) && receive == receive_base(reading);
}

static __always_inline struct reading read_at_rest(struct tcp_sock *tp)
{
	struct reading reading = read_socket(tp);

	for (int i = 0; i < 4 && !is_at_rest(tp, &reading); i++)
		reading = read_socket(tp);
	return reading;
}

/* What had moved when it was read, from a socket that nobody holds still. A FIN is the last that is received; whoever
 * counts it does so before it is marked. */
static __always_inline struct bytes bytes_then(struct tcp_sock *tp, const struct reading *then, bool active)
{
	bool fin_sent = has_sent_fin(then->state) && then->send_next == then->write_end;
	bool fin_received = has_received_fin(then, then->state) && then->received == DIRECTLY(tp, bytes_received);
	__u64 no_payload = active + fin_sent, sent = on_the_wire(then, send_base(then));
	struct bytes bytes = {};

	bytes.sent = sent > no_payload ? sent - no_payload : 0;
	bytes.received = then->received - (then->received && fin_received);
	return bytes;
}

/* What it has moved so far, of which nothing is told. */
static __always_inline void begin_in_the_middle(struct story *story, struct sock *sk, struct tcp_sock *tp)
{
	struct reading reading = read_at_rest(tp);
	struct bytes bytes = bytes_then(tp, &reading, story->key.role == ROLE_CLIENT);

	story->key = key_of(&sk->__sk_common, story);
	story->send_base = send_base(&reading);
	story->receive_base = receive_base(&reading);
	story->base_sent = story->told_sent = bytes.sent;
	story->base_received = story->told_received = bytes.received;
	story->base_retransmitted = story->told_retransmitted = reading.retransmitted;
	story->base_retransmits = story->told_retransmits = reading.retransmits;
	story->base_out_of_order = story->told_out_of_order = reading.out_of_order;
	story->base_reordered = reading.reordered;
	story->base_ecn_marked = reading.ecn_marked;
	story->established = 1;
}

/* Gives a socket that is older than the probe a story, with what it has moved so far as the baseline. */
static __always_inline void seed(struct task_struct *task, struct file *file)
{
	struct story story = {.seeded = 1};
	struct socket *socket;
	struct story *known;
	struct tcp_sock *tp;
	struct sock *sk;
	int state;

	if (!task || !file || is_about_to_exec(task))
		return;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return;
	sk = socket->sk;
	if (!sk || sk->sk_protocol != IPPROTO_TCP)
		return;
	state = sk->__sk_common.skc_state;
	if (state == TCP_CLOSE || state == TCP_SYN_SENT || state == TCP_SYN_RECV)
		return;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp || !is_in_scope(sk))
		return;
	known = story_of(sk);
	if (known) {
		if (state == TCP_LISTEN)
			known->unwatched = sk->sk_ack_backlog; /* children came while the programs were detached */
		return;
	}
	story.at = (__u64)sk;
	story.id = bpf_get_socket_cookie(sk);
	story.pid = task->tgid;
	story.uid = BPF_CORE_READ(task, cred, uid.val);
	BPF_CORE_READ_STR_INTO(&story.key.comm, task, group_leader, comm);
	story.key.cgroup = cgroup_of(sk);
	story.key.netns = sk->__sk_common.skc_net.net->ns.inum;
	story.local_port = sk->__sk_common.skc_num;
	if (state == TCP_LISTEN) {
		story.key.role = ROLE_LISTENER;
		story.listener = story.id;
		story.listener_at = story.at;
		story.unwatched = sk->sk_ack_backlog;
		note_listener(&story);
	} else {
		/* A child inherits the length of its listener's queue; a socket that connects has none. */
		story.key.role = sk->sk_max_ack_backlog ? ROLE_SERVER : ROLE_CLIENT;
		begin_in_the_middle(&story, sk, tp);
	}
	if (!keep(sk, &story))
		LOST(stories);
}

#endif
