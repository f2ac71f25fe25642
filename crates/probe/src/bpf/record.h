/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One socket, as it is told to user space. */
#ifndef MESHTAX_RECORD_H
#define MESHTAX_RECORD_H

#include "story.h"

/* All but the cookie, which programs can ask for since 5.12. */
static __always_inline void introduce(struct connection *to, struct sock *sk, const struct story *story)
{
	to->at_ns = bpf_ktime_get_ns();
	to->begun_ns = story->begun_ns;
	to->established_ns = story->established_ns;
	to->cgroup = story->cgroup;
	to->listener = story->listener;
	to->netns = sk->__sk_common.skc_net.net->ns.inum;
	to->pid = story->pid;
	to->uid = story->uid;
	to->local_port = story->local_port;
	to->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	to->family = sk->__sk_common.skc_family;
	to->role = story->role;
	to->flags = story->seeded ? FLAG_SEEDED : 0;
	ends_directly(&sk->__sk_common, to->local, to->remote);
	__builtin_memcpy(to->comm, story->comm, COMM_LEN);
}

static __always_inline void describe(struct connection *to, struct sock *sk, const struct story *story)
{
	introduce(to, sk, story);
	to->id = bpf_get_socket_cookie(sk);
}

/* In `state`: until a handshake has told how much the peer takes, windows say nothing. */
static __always_inline void describe_traffic(struct connection *to, struct tcp_sock *tp, const struct story *story,
					     struct bytes bytes, int state)
{
	to->state = state;
	to->sent = bytes.sent - story->base_sent;
	to->received = bytes.received - story->base_received;
	to->retransmitted = tp->bytes_retrans - story->base_retransmitted;
	to->retransmits = tp->total_retrans - story->base_retransmits;
	to->srtt_us = tp->srtt_us >> 3;
	to->rttvar_us = tp->mdev_us >> 2;
	to->rtt_min_us = tp->rtt_min.s[0].v;
	to->lost = tp->lost_out;
	to->out_of_order = tp->rcv_ooopack - story->base_out_of_order;
	to->reordered = tp->reord_seen - story->base_reordered;
	to->ecn_marked = tp->delivered_ce - story->base_ecn_marked;
	if (state == TCP_SYN_SENT || state == TCP_SYN_RECV)
		return;
	if (!tp->rcv_wnd)
		to->flags |= FLAG_ZERO_WINDOW_SENT;
	if (!tp->snd_wnd)
		to->flags |= FLAG_ZERO_WINDOW_RECEIVED;
}

static __always_inline struct connection *reserve(int kind)
{
	struct connection *event;

	if (!is_fed(kind))
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count_loss(kind * sizeof(__u64));
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->kind = kind;
	return event;
}

#endif
