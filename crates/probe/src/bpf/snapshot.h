/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Snapshots of all sockets that have a story. A story is found by an address at which the socket may no longer exist. A
 * reading of that address counts only if the story, under its lock, has not ended since. */
#ifndef MESHTAX_SNAPSHOT_H
#define MESHTAX_SNAPSHOT_H

#include "every.h"
#include "life.h"

/* The ring in which a snapshot writes open sockets. If it is full, the snapshot continues once it has been read. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 2 << 20);
} written SEC(".maps");

/* The number of the current snapshot: from 1 to 255, and then 1 again. */
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

/* Identifies a connection. One socket may have several, one after the other. */
struct name {
	__u64 at;
	__u64 id;
	__u64 begun_ns;
};

static __always_inline struct name name_of(__u64 at, struct story *story)
{
	return (struct name){.at = at, .id = DIRECTLY(story, id), .begun_ns = DIRECTLY(story, begun_ns)};
}

/* Call this under the story's lock. */
static __always_inline bool is_still(struct story *story, const struct name *name)
{
	return story->at == name->at && story->id == name->id && story->begun_ns == name->begun_ns;
}

/* Returns whether the connection is still open. Call it under the story's lock. The connection was established before
 * the socket was read. */
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

/* Adds what is new of a connection to its series. The story is looked up again by its address, because older kernels
 * let a program lock only what it has looked up itself. */
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

/* Fills in the record of an open connection or listener. Returns false if it is not open. */
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

/* Writes out a connection or listener, unless this snapshot has already done so. Returns false if there is no room. */
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

/* Removes a story whose socket is gone. While the programs are detached, nothing else removes stories. */
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
