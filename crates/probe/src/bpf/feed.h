/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The live feed of a witness. If it is full, events are lost and counted in `lost`. No metric depends on events. */
#ifndef MESHTAX_FEED_H
#define MESHTAX_FEED_H

#include "kernel.h"

#include <bpf/bpf_helpers.h>

#ifndef FEED_BYTES
#define FEED_BYTES (4 << 20)
#endif

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, FEED_BYTES);
} events SEC(".maps");

/* The kinds of events that user space reads, one bit each. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} feeds SEC(".maps");

/* Whether user space reads events at all. If not, the verifier removes the code that only events need. */
const volatile __u32 has_feed SEC(".rodata.feed") = 1;

static __always_inline bool is_fed(int kind)
{
	__u32 zero = 0;
	__u32 *kinds = has_feed ? bpf_map_lookup_elem(&feeds, &zero) : 0;

	return kinds && *kinds & (1u << kind);
}

#endif
