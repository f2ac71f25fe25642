/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The record of one socket for user space. */
#ifndef MESHTAX_RECORD_H
#define MESHTAX_RECORD_H

#include "reading.h"

/* Fills in the addresses of both ends. The story of an established IPv4 connection has the remote one. */
static __always_inline void describe_ends(struct connection *to, struct sock *sk, const struct story *story)
{
	to->family = story->key.family;
	if (to->family == AF_INET) {
		*(__u32 *)to->local = READ_AT(struct sock, sk, __sk_common.skc_rcv_saddr);
		__builtin_memcpy(to->remote, story->key.remote, sizeof(to->remote));
		return;
	}
	to->family = READ_AT(struct sock, sk, __sk_common.skc_family);
	ends(&sk->__sk_common, to->local, to->remote);
}

/* Fills in everything that does not change with traffic. The socket may be known only by its address. */
static __always_inline void describe(struct connection *to, struct sock *sk, const struct story *story)
{
	to->at_ns = bpf_ktime_get_ns();
	to->id = story->id;
	to->begun_ns = story->begun_ns;
	to->established_ns = story->established_ns;
	to->cgroup = story->key.cgroup;
	to->listener = story->listener;
	to->netns = story->key.netns ? story->key.netns : netns_of(sk);
	to->pid = story->pid;
	to->uid = story->uid;
	to->local_port = story->local_port;
	to->remote_port = bpf_ntohs(READ_AT(struct sock, sk, __sk_common.skc_dport));
	to->role = story->key.role;
	to->flags = (story->seeded ? FLAG_SEEDED : 0) | (story->bypass ? FLAG_BYPASSED : 0);
	describe_ends(to, sk, story);
	__builtin_memcpy(to->comm, story->key.comm, COMM_LEN);
}

/* Fills in the counts. Before the handshake has shown the peer's window, a window of 0 means nothing. */
static __always_inline void describe_traffic(struct connection *to, const struct reading *reading,
					     const struct story *story, struct bytes bytes, int state)
{
	to->state = state;
	to->sent = bytes.sent - story->base_sent;
	to->received = bytes.received - story->base_received;
	to->retransmitted = reading->retransmitted - story->base_retransmitted;
	to->retransmits = reading->retransmits - story->base_retransmits;
	to->srtt_us = reading->srtt_us;
	to->rttvar_us = reading->rttvar_us;
	to->rtt_min_us = reading->rtt_min_us;
	to->lost = reading->lost;
	to->out_of_order = reading->out_of_order - story->base_out_of_order;
	to->reordered = reading->reordered - story->base_reordered;
	to->ecn_marked = reading->ecn_marked - story->base_ecn_marked;
	if (state == TCP_SYN_SENT || state == TCP_SYN_RECV || state == TCP_LISTEN)
		return;
	if (!reading->receive_window)
		to->flags |= FLAG_ZERO_WINDOW_SENT;
	if (!reading->send_window)
		to->flags |= FLAG_ZERO_WINDOW_RECEIVED;
}

static __always_inline struct connection *reserve(int kind)
{
	struct connection *event;

	if (!is_fed(kind))
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count_loss(__builtin_offsetof(struct losses, events) + kind * sizeof(__u64), 1);
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->kind = kind;
	return event;
}

#endif
