/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counters and losses, the same for every witness. Before including this, define `struct series_key` and `SERIES_MAX`,
 * the number of keys. The structures `series` and `losses` are generated from the witness's counters.rs in `records`.
 * The programs never clear a counter. */
#ifndef MESHTAX_COUNTED_H
#define MESHTAX_COUNTED_H

#include "kernel.h"

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SERIES_MAX);
	__type(key, struct series_key);
	__type(value, struct series);
} series SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct losses);
} lost SEC(".maps");

static const struct series nothing = {};

static __always_inline void add(__u64 *counter, __u64 more)
{
	if (more)
		__sync_fetch_and_add(counter, more);
}

/* Adds to a counter of struct losses, given by its offset. */
static __always_inline void count_loss(__u32 offset, __u64 more)
{
	__u32 zero = 0;
	struct losses *losses = bpf_map_lookup_elem(&lost, &zero);

	if (losses && offset <= sizeof(*losses) - sizeof(__u64))
		add((__u64 *)((void *)losses + offset), more);
}

#define LOST_MANY(field, more) count_loss(__builtin_offsetof(struct losses, field), more)
#define LOST(field)            LOST_MANY(field, 1)

/* Returns the counters of a key, or those of the overflow key if the map is full. */
static __always_inline struct series *series_or(const struct series_key *key, const struct series_key *other)
{
	struct series *found = bpf_map_lookup_elem(&series, key);

	if (found)
		return found;
	bpf_map_update_elem(&series, key, &nothing, BPF_NOEXIST);
	found = bpf_map_lookup_elem(&series, key);
	if (found)
		return found;
	LOST(series);
	return bpf_map_lookup_elem(&series, other);
}

#endif
