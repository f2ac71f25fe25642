/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Looks at all sockets that have a story. Stories are found by an address, at which the socket may be no more: what is read
 * there counts only if the story, under its lock, has not ended since. */
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

#endif
