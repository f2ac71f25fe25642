/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel counts of a connection, and what of it is new. */
#ifndef MESHTAX_COUNT_H
#define MESHTAX_COUNT_H

#include "story.h"

static __always_inline bool has_sent_fin(int state)
{
	return state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_CLOSING || state == TCP_LAST_ACK ||
	       state == TCP_TIME_WAIT;
}

static __always_inline bool has_received_fin(struct sock *sk, int state)
{
	__u64 done = 1ull << bpf_core_enum_value(enum sock_flags, SOCK_DONE);

	return (sk->__sk_common.skc_flags & done) || state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK ||
	       state == TCP_CLOSING;
}

struct bytes {
	__u64 sent;
	__u64 received;
};

/* When the socket is locked, so that all fields agree; `state` is the one before the change. SYN and FIN take a place
 * in the sequence and are no payload. */
static __always_inline struct bytes bytes_exact(struct tcp_sock *tp, struct sock *sk, int state, bool active)
{
	struct bytes bytes = {};
	__u64 on_the_wire = tp->bytes_acked + (__u32)(tp->snd_nxt - tp->snd_una);
	__u64 no_payload = active + (has_sent_fin(state) && tp->snd_nxt == tp->write_seq);

	bytes.sent = on_the_wire > no_payload ? on_the_wire - no_payload : 0;
	bytes.received = tp->bytes_received - (tp->bytes_received && has_received_fin(sk, state));
	return bytes;
}

/* What has arrived, at any time. A FIN first counts as a byte, then moves the sequence, and only then is marked; so the
 * count is held against the sequence, and where something waits to be read, its last byte may be a FIN and is left out
 * until then. The marks are read last; a socket that is closed by now had one. */
static __always_inline __u64 received_at_least(struct tcp_sock *tp, struct sock *sk, struct story *story)
{
	__u64 received = *(volatile __u64 *)&tp->bytes_received;
	__u32 next = *(volatile __u32 *)&tp->rcv_nxt;
	__u32 read = *(volatile __u32 *)&tp->copied_seq;
	int state = *(volatile __u8 *)&sk->__sk_common.skc_state;
	__s32 ahead = (__u32)received - (next - story->receive_base);

	if (ahead > 0)
		received -= ahead;
	return received - (received && (has_received_fin(sk, state) || state == TCP_CLOSE || read != next));
}

/* What was acknowledged, at any time. It lags behind by the window, but is a single load. The state is read after the
 * counter, so that no FIN is taken for payload; one that is closed by now has sent its FIN, unless it was cut off. */
static __always_inline __u64 sent_at_least(struct tcp_sock *tp, struct sock *sk, bool active)
{
	__u64 acked = *(volatile __u64 *)&tp->bytes_acked;
	int state = *(volatile __u8 *)&sk->__sk_common.skc_state;
	__u64 no_payload = active + (has_sent_fin(state) || state == TCP_CLOSE);

	return acked > no_payload ? acked - no_payload : 0;
}

static __always_inline struct bytes bytes_at_least(struct tcp_sock *tp, struct sock *sk, struct story *story)
{
	struct bytes bytes = {};

	bytes.sent = sent_at_least(tp, sk, story->role == ROLE_CLIENT);
	bytes.received = received_at_least(tp, sk, story);
	return bytes;
}

/* What is new of a connection. */
struct news {
	__u64 sent;
	__u64 received;
	__u64 retransmitted;
	__u32 retransmits;
	__u32 out_of_order;
};

/* What is new since it was last told, which is told herewith; under the story's lock. The last word may be negative, as
 * a reading during the end may have taken a FIN for payload, and the sum is right. */
static __always_inline struct news news_of(struct story *story, struct tcp_sock *tp, struct bytes now)
{
	__u64 retransmitted = tp->bytes_retrans;
	__u32 retransmits = tp->total_retrans, out_of_order = tp->rcv_ooopack;
	struct news news = {
		.sent = now.sent - story->told_sent,
		.received = now.received - story->told_received,
		.retransmitted = retransmitted - story->told_retransmitted,
		.retransmits = retransmits - story->told_retransmits,
		.out_of_order = out_of_order - story->told_out_of_order,
	};

	story->told_sent = now.sent;
	story->told_received = now.received;
	story->told_retransmitted = retransmitted;
	story->told_retransmits = retransmits;
	story->told_out_of_order = out_of_order;
	return news;
}

/* What a snapshot tells: never less than the one before. */
static __always_inline struct bytes bytes_onward(struct tcp_sock *tp, struct sock *sk, struct story *story)
{
	struct bytes bytes = bytes_at_least(tp, sk, story);

	if (bytes.sent < story->told_sent)
		bytes.sent = story->told_sent;
	if (bytes.received < story->told_received)
		bytes.received = story->told_received;
	return bytes;
}

static __always_inline int bucket_of(__u32 rtt_us)
{
	int bucket = 0;

	for (int i = 0; i < RTT_BUCKETS - 1; i++)
		bucket += rtt_us >= (32u << i);
	return bucket;
}

static __always_inline void add_news(struct series *series, struct news *news, __u32 rtt_us)
{
	add(&series->sent, news->sent);
	add(&series->received, news->received);
	add(&series->retransmitted, news->retransmitted);
	add(&series->retransmits, news->retransmits);
	add(&series->out_of_order, news->out_of_order);
	if (rtt_us) {
		add(&series->rtt_sum_us, rtt_us);
		add(&series->rtt[bucket_of(rtt_us) & (RTT_BUCKETS - 1)], 1);
	}
}

#endif
