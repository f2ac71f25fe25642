/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where programs count, and what they note as lost: the same for every witness. Whoever includes this has said before what
 * `struct series_key` is, and what `SERIES_MAX` keys are counted by; the structures `series` and `losses` are made from
 * counters.rs of the witness in `records`. Nothing is ever cleared. */
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

/* Notes something that went wrong, by its place in struct losses. */
static __always_inline void count_loss(__u32 offset, __u64 more)
{
	__u32 zero = 0;
	struct losses *losses = bpf_map_lookup_elem(&lost, &zero);

	if (losses && offset <= sizeof(*losses) - sizeof(__u64))
		add((__u64 *)((void *)losses + offset), more);
}

#define LOST_MANY(field, more) count_loss(__builtin_offsetof(struct losses, field), more)
#define LOST(field)            LOST_MANY(field, 1)

/* The counters of a key, or those of `other` where there is no room for more. */
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
