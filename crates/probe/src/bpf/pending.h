/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Queries that wait for their answers. Each of them ends exactly once. */
#ifndef MESHTAX_PENDING_H
#define MESHTAX_PENDING_H

#include "feed.h"
#include "payload.h"
#include "query.h"

#define SERIES_MAX 8192
#include "counted.h"

#include <bpf/bpf_core_read.h>

/* Options, which are set before the programs are loaded. */
const volatile struct {
	__u64 timeout_ns;
	__u32 withholds_names;
	__u32 pad;
} settings SEC(".rodata.settings");

/* Queries with the same id to several servers within this time need only one answer. */
#define AT_ONCE_NS 100000000ull

enum { BPF_MAP_FULL = -7, BPF_MAP_HAS = -17 };

/* Maximum number of queries of one socket and id that wait at the same time, such as repeated ones. */
#define PLACES 8

enum {
	STATE_WRITTEN = 0, /* not complete yet */
	STATE_WAITING = 1,
	STATE_ENDED = 2,
};

struct pending_key {
	__u64 socket;
	__u16 message;
	__u16 place;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct pending_key);
	__type(value, struct query);
} pending SEC(".maps");

static const struct series_key other = {};
static const struct query blank = {};

static __always_inline struct series *series_of(struct query *query)
{
	struct series_key key = {};

	key.cgroup = query->cgroup;
	key.netns = query->netns;
	key.type = query->type;
	key.rcode = query->rcode;
	key.transport = query->transport;
	__builtin_memcpy(key.comm, query->comm, OWNER_LEN);
	return series_or(&key, &other);
}

static __always_inline void add_latency(struct series *series, __u64 latency_ns)
{
	__u32 bucket = 0;

	for (int i = 0; i < LATENCY_BUCKETS - 1; i++)
		bucket += latency_ns >= (64000ull << i);
	barrier_var(bucket); /* the verifier does not know that it is small */
	if (bucket < LATENCY_BUCKETS)
		add(&series->latency[bucket], 1);
	add(&series->latency_ns, latency_ns);
}

/* Claims the end of a query. Only the program that gets true may conclude it. */
static __always_inline bool claim(struct query *query)
{
	return __sync_val_compare_and_swap(&query->state, STATE_WAITING, STATE_ENDED) == STATE_WAITING;
}

/* Counts and reports the end of a claimed query. Its entry stays until then, so that no other query takes the entry and
 * is deleted in its place. */
static __always_inline void conclude(struct query *query, struct pending_key *key)
{
	struct series *series = series_of(query);

	if (series) {
		add(&series->queries, 1);
		add(&series->truncated, query->flags & ANSWER_TRUNCATED);
		if (query->rcode != RCODE_TIMEOUT && query->rcode != RCODE_ELSEWHERE)
			add_latency(series, query->ended_ns - query->begun_ns);
	}
	if (is_fed(0) && bpf_ringbuf_output(&events, query, sizeof(*query), 0))
		LOST(events);
	bpf_map_delete_elem(&pending, key);
}

static __always_inline void give_up(struct query *query, struct pending_key *key)
{
	query->rcode = query->flags & ANSWERED_ELSEWHERE ? RCODE_ELSEWHERE : RCODE_TIMEOUT;
	query->ended_ns = query->begun_ns + settings.timeout_ns;
	conclude(query, key);
}

/* Returns an empty entry for one more query; 0 if there is no room. */
static __always_inline struct query *make_room(struct pending_key *key)
{
	int error = BPF_MAP_HAS;

	for (int place = 0; place < PLACES && error == BPF_MAP_HAS; place++) {
		key->place = place;
		error = bpf_map_update_elem(&pending, key, &blank, BPF_NOEXIST);
	}
	if (error) {
		LOST(queries);
		return 0;
	}
	return bpf_map_lookup_elem(&pending, key);
}

/* Folds an address into one word. For IPv4 this loses nothing. */
static __always_inline __u64 folded(const __u8 *address)
{
	const __u64 *halves = (void *)address;

	return halves[0] ^ halves[1];
}

/* Flag of `awaited`: other queries wait as well. */
#define OTHERS_WAIT 256

/* Returns the type and the length of the name as one word. It is 0 if an answer has no question. */
static __always_inline __u32 question_of(__u16 type, __u8 length)
{
	return (__u32)type << 8 | length;
}

/* Returns how well a waiting query fits an answer. The question counts more than the server: some programs ask for A
 * and AAAA under one id, and address translation may change the server's address. */
static __always_inline __u32 fit(struct query *query, __u64 server, __u32 question)
{
	__u32 is_asked = question_of(query->type, query->question_len) == question;
	__u32 is_there = folded(query->server) == server;

	return is_asked << 1 | is_there;
}

/* Returns the entry of the query that an answer from `server` belongs to: the oldest of those that fit best, so that no
 * latency is too short. Returns -1 if no query waits. The function is not static, so that the verifier checks it only
 * once. */
__noinline int awaited(struct __sk_buff *skb, __u32 message, __u64 server, __u32 question)
{
	struct pending_key key = {};
	__u64 best_begun_ns = ~0ull;
	int best = -1, waiting = 0;
	__u32 best_fit = 0;

	key.socket = bpf_get_socket_cookie(skb);
	key.message = message;
	for (int place = 0; place < PLACES; place++) {
		struct query *query;
		__u32 fits;

		key.place = place;
		query = bpf_map_lookup_elem(&pending, &key);
		if (!query || query->state != STATE_WAITING)
			continue;
		waiting++;
		fits = fit(query, server, question);
		if (fits < best_fit || (fits == best_fit && query->begun_ns >= best_begun_ns))
			continue;
		best = place;
		best_fit = fits;
		best_begun_ns = query->begun_ns;
	}
	return waiting > 1 ? best | OTHERS_WAIT : best;
}

/* Marks queries to other servers that asked the same question at the same time as `server`. They no longer need an
 * answer. The function is not static, so that the verifier checks it only once. */
__noinline int excuse_others(struct __sk_buff *skb, __u32 message, __u64 server, __u32 question, __u64 begun_ns)
{
	struct pending_key key = {};

	key.socket = bpf_get_socket_cookie(skb);
	key.message = message;
	for (int place = 0; place < PLACES; place++) {
		struct query *query;

		key.place = place;
		query = bpf_map_lookup_elem(&pending, &key);
		if (query && query->state == STATE_WAITING && folded(query->server) != server &&
		    question_of(query->type, query->question_len) == question &&
		    query->begun_ns + AT_ONCE_NS > begun_ns && query->begun_ns < begun_ns + AT_ONCE_NS)
			query->flags |= ANSWERED_ELSEWHERE;
	}
	return 0;
}

#endif
