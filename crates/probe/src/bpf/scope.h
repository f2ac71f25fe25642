/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The sockets that are followed: all of them, or those of certain network namespaces. */
#ifndef MESHTAX_SCOPE_H
#define MESHTAX_SCOPE_H

#include "kernel.h"

#include <bpf/bpf_helpers.h>

const volatile __u32 is_scoped SEC(".rodata.scoped");

/* The network namespaces, by inode. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u8);
} scope SEC(".maps");

/* If all sockets are followed, the verifier removes the lookup. */
static __always_inline bool is_in_scope(struct sock *sk)
{
	__u32 netns;

	if (!is_scoped)
		return true;
	netns = sk->__sk_common.skc_net.net->ns.inum;
	return bpf_map_lookup_elem(&scope, &netns);
}

#endif
