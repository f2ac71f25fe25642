/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reading of sockets of any protocol. */
#ifndef MESHTAX_SOCKET_H
#define MESHTAX_SOCKET_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* From Linux 6.2 on, this makes the verifier treat an address as a pointer to a known type. Fields are then loaded
 * without a helper call. Memory that is not mapped reads as 0. */
extern void *bpf_rdonly_cast(const void *at, __u32 type) __ksym __weak;

#define AS_KNOWN(type, at) ((type *)bpf_rdonly_cast((void *)(at), bpf_core_type_id_kernel(type)))

/* Reads a field of a structure at an address. */
#define READ_AT(type, at, field)                                                                                       \
	(bpf_ksym_exists(bpf_rdonly_cast) ? AS_KNOWN(type, at)->field : BPF_CORE_READ((type *)(at), field))

/* Returns whether a process still shares its parent's memory and files, until it executes another program. What it
 * holds is its parent's. */
static __always_inline bool is_about_to_exec(struct task_struct *task)
{
	return task->vfork_done;
}

static __always_inline __u64 cgroup_of(struct sock *sk)
{
	if (!bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return 0; /* before Linux 5.15 */
	return BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
}

/* Returns whether a TCP socket is in a sockmap or sockhash. The kernel attaches data to such sockets, and removes it
 * before the socket is closed. */
static __always_inline bool is_in_sockmap(__u64 user_data)
{
	return (user_data & (SK_USER_DATA_NOCOPY | SK_USER_DATA_BPF)) == SK_USER_DATA_NOCOPY;
}

/* Returns the address of the socket that the program has. A TCP socket that carries MPTCP lies below another socket. */
static __always_inline __u64 known_as(__u64 at)
{
	struct tcp_sock *tp = (void *)at;
	struct mptcp_subflow_context *subflow;

	if (!bpf_core_field_exists(tp->is_mptcp) || !BPF_CORE_READ_BITFIELD_PROBED(tp, is_mptcp))
		return at;
	subflow = BPF_CORE_READ(tp, inet_conn.icsk_ulp_data);
	return (__u64)BPF_CORE_READ(subflow, conn);
}

static __always_inline __u32 netns_of(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

/* Reads the addresses of both ends into 16 bytes each, which must be zero before. */
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

/* Reads the addresses of both ends of a socket that the verifier knows as one: plain loads, without a helper. */
static __always_inline void ends_directly(struct sock_common *common, __u8 *local, __u8 *remote)
{
	__u32 *to_local = (__u32 *)local, *to_remote = (__u32 *)remote;
	__be32 *from_local = common->skc_v6_rcv_saddr.in6_u.u6_addr32;
	__be32 *from_remote = common->skc_v6_daddr.in6_u.u6_addr32;

	if (common->skc_family == AF_INET) {
		to_local[0] = common->skc_rcv_saddr;
		to_remote[0] = common->skc_daddr;
		return;
	}
	for (int i = 0; i < 4; i++) {
		to_local[i] = from_local[i];
		to_remote[i] = from_remote[i];
	}
}

#endif
