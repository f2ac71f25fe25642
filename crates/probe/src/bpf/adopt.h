/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Starts the story of a connection that has already moved data. What it has moved so far becomes the baseline. */
#ifndef MESHTAX_ADOPT_H
#define MESHTAX_ADOPT_H

#include "listener.h"
#include "reading.h"

/* Returns whether the counts and sequences agree. If a second reading yields the same bases, the first was not taken
 * during a change. */
static __always_inline bool is_at_rest(struct tcp_sock *tp, const struct reading *reading)
{
	__u32 send = DIRECTLY(tp, snd_una) - (__u32)DIRECTLY(tp, bytes_acked);
	__u32 receive = DIRECTLY(tp, rcv_nxt) - (__u32)DIRECTLY(tp, bytes_received);

	return send == send_base(reading) && receive == receive_base(reading);
}

static __always_inline struct reading read_at_rest(struct tcp_sock *tp)
{
	struct reading reading = read_socket(tp);

	for (int i = 0; i < 4 && !is_at_rest(tp, &reading); i++)
		reading = read_socket(tp);
	return reading;
}

/* Returns the bytes moved at the time of a reading, for a socket that is not locked. A FIN is the last thing received,
 * and the kernel counts it before it marks it. */
static __always_inline struct bytes bytes_then(struct tcp_sock *tp, const struct reading *then, bool active)
{
	bool fin_received = has_received_fin(then, then->state) && then->received == DIRECTLY(tp, bytes_received);
	__u64 no_payload = active + is_fin_sent(then), sent = on_the_wire(then, send_base(then));
	struct bytes bytes = {};

	bytes.sent = sent > no_payload ? sent - no_payload : 0;
	bytes.received = then->received - (then->received && fin_received);
	return bytes;
}

/* Returns whether the peer opened the connection. A child inherits the length of its listener's queue, which may be 0.
 * The side that opened has spent one sequence number on its SYN, apart from payload and FIN. If the counts are changing
 * right now, it depends on whether a listener is known at the port. */
static __always_inline bool was_accepted(struct tcp_sock *tp, const struct reading *reading, const struct story *story)
{
	__u64 payload = DIRECTLY(tp, bytes_sent) - reading->retransmitted;
	__u64 spent = on_the_wire(reading, send_base(reading)) - is_fin_sent(reading);

	if (DIRECTLY(tp, inet_conn.icsk_inet.sk.sk_max_ack_backlog) || spent == payload)
		return true;
	return spent != payload + 1 && listener_by_port(story);
}

/* Starts the story with what the connection has moved so far, none of which is counted. */
static __always_inline void begin_in_the_middle(struct story *story, struct sock *sk, struct tcp_sock *tp)
{
	struct reading reading = read_at_rest(tp);
	struct bytes bytes;

	story->key.role = was_accepted(tp, &reading, story) ? ROLE_SERVER : ROLE_CLIENT;
	bytes = bytes_then(tp, &reading, story->key.role == ROLE_CLIENT);
	story->key = key_of(&sk->__sk_common, story);
	story->send_base = send_base(&reading);
	story->receive_base = receive_base(&reading);
	story->base_sent = story->told_sent = bytes.sent;
	story->base_received = story->told_received = bytes.received;
	story->base_retransmitted = story->told_retransmitted = reading.retransmitted;
	story->base_retransmits = story->told_retransmits = reading.retransmits;
	story->base_out_of_order = story->told_out_of_order = reading.out_of_order;
	story->base_reordered = reading.reordered;
	story->base_ecn_marked = reading.ecn_marked;
	story->established = 1;
}

/* Returns the part of a story that does not depend on the owner's process. `id` is the socket's cookie. */
static __always_inline struct story older_story(struct sock *sk, __u64 id)
{
	struct story story = {.seeded = 1};

	story.at = (__u64)sk;
	story.id = id;
	story.uid = sk->sk_uid.val;
	story.key.cgroup = cgroup_of(sk);
	story.key.netns = sk->__sk_common.skc_net.net->ns.inum;
	story.local_port = local_port(sk);
	return story;
}

#endif
