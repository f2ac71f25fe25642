/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The destination that a program names, before address translation. The peer of a connected socket is read from the
 * socket. The address in a `sendto` call is recorded before its packet exists. Packets that arrive are seen after they
 * were translated back. */
#ifndef MESHTAX_ASKED_H
#define MESHTAX_ASKED_H

#include "kernel.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct asked {
	__u64 task; /* task that named the address; 0 once its packet was seen */
	__u8 address[16];
	__u16 port;
	__u8 pad[6];
};

static __always_inline void note_asked(struct asked *asked, struct bpf_sock_addr *call)
{
	asked->task = bpf_get_current_task();
	asked->port = bpf_ntohs(call->user_port);
}

static __always_inline void note_asked4(struct asked *asked, struct bpf_sock_addr *call)
{
	note_asked(asked, call);
	__builtin_memset(asked->address, 0, sizeof(asked->address));
	*(__u32 *)asked->address = call->user_ip4;
}

static __always_inline void note_asked6(struct asked *asked, struct bpf_sock_addr *call)
{
	__u32 *to = (__u32 *)asked->address;

	note_asked(asked, call);
	to[0] = call->user_ip6[0];
	to[1] = call->user_ip6[1];
	to[2] = call->user_ip6[2];
	to[3] = call->user_ip6[3];
}

/* Returns the port that the current call has named, and its address in `remote`; 0 if it has named none. If several
 * calls use one socket at the same time, a named address may be missed, and the packet's own address is used. */
static __always_inline __u16 take_asked(struct asked *asked, __u8 *remote)
{
	if (!asked->task || asked->task != bpf_get_current_task())
		return 0;
	asked->task = 0;
	__builtin_memcpy(remote, asked->address, 16);
	return asked->port;
}

/* Returns the port of a connected socket's peer, and its address in `remote`; 0 if the socket is not connected. */
static __always_inline __u16 peer_of(struct bpf_sock *sk, __u8 family, __u8 *remote)
{
	/* The verifier requires each field to be read at a fixed offset. */
	__u32 ip4 = *(volatile __u32 *)&sk->dst_ip4;
	__u32 mapped = *(volatile __u32 *)&sk->dst_ip6[3];

	if (!sk->dst_port)
		return 0;
	if (family == AF_INET) {
		__builtin_memset(remote, 0, 16);
		*(__u32 *)remote = sk->family == AF_INET ? ip4 : mapped;
	} else {
		((__u32 *)remote)[0] = sk->dst_ip6[0];
		((__u32 *)remote)[1] = sk->dst_ip6[1];
		((__u32 *)remote)[2] = sk->dst_ip6[2];
		((__u32 *)remote)[3] = sk->dst_ip6[3];
	}
	return bpf_ntohs(sk->dst_port);
}

#endif
