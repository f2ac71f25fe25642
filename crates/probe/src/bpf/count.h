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

/* What was put on the wire: the sequence tells what is in flight beyond what was acknowledged. */
static __always_inline __u64 on_the_wire(__u64 acked, __u32 next, __u32 send_base)
{
	__s32 ahead = next - send_base - (__u32)acked;

	return ahead > 0 ? acked + ahead : acked;
}

/* What was sent, at any time. State and end of the queue are read last, so that no FIN is taken for payload; a socket that
 * is closed by now has sent its FIN, unless it was cut off. */
static __always_inline __u64 sent_at_least(struct tcp_sock *tp, struct sock *sk, struct story *story)
{
	__u64 acked = *(volatile __u64 *)&tp->bytes_acked;
	__u32 next = *(volatile __u32 *)&tp->snd_nxt;
	int state = *(volatile __u8 *)&sk->__sk_common.skc_state;
	bool fin = state == TCP_CLOSE || (has_sent_fin(state) && next == *(volatile __u32 *)&tp->write_seq);
	__u64 no_payload = (story->role == ROLE_CLIENT) + fin, sent = on_the_wire(acked, next, story->send_base);

	return sent > no_payload ? sent - no_payload : 0;
}

static __always_inline struct bytes bytes_at_least(struct tcp_sock *tp, struct sock *sk, struct story *story)
{
	struct bytes bytes = {};

	if (!story->established_ns && !story->seeded)
		return bytes;
	bytes.sent = sent_at_least(tp, sk, story);
	bytes.received = received_at_least(tp, sk, story);
	return bytes;
}

/* What was told at the end stays, of a connection that has ended. */
static __always_inline struct bytes bytes_by_now(struct tcp_sock *tp, struct sock *sk, struct story *story)
{
	if (story->established)
		return bytes_at_least(tp, sk, story);
	return (struct bytes){.sent = story->told_sent, .received = story->told_received};
}

/* Counts and sequences move together, the counts first. */
static __always_inline __u32 send_base(struct tcp_sock *tp)
{
	return *(volatile __u32 *)&tp->snd_una - (__u32)*(volatile __u64 *)&tp->bytes_acked;
}

static __always_inline __u32 receive_base(struct tcp_sock *tp)
{
	return *(volatile __u32 *)&tp->rcv_nxt - (__u32)*(volatile __u64 *)&tp->bytes_received;
}

/* What moves on in a socket that nobody has locked. */
struct moving {
	__u64 acked;
	__u64 received;
	__u32 next;
	__u32 send_base;
	__u32 receive_base;
};

/* A base that is the same twice was not read in the middle of a change. */
static __always_inline struct moving moving_of(struct tcp_sock *tp)
{
	struct moving moving = {.send_base = send_base(tp), .receive_base = receive_base(tp)};

	for (int i = 0; i < 4 && moving.send_base != send_base(tp); i++)
		moving.send_base = send_base(tp);
	for (int i = 0; i < 4 && moving.receive_base != receive_base(tp); i++)
		moving.receive_base = receive_base(tp);
	moving.acked = *(volatile __u64 *)&tp->bytes_acked;
	moving.next = *(volatile __u32 *)&tp->snd_nxt;
	moving.received = *(volatile __u64 *)&tp->bytes_received;
	return moving;
}

/* What had moved then, as the socket's marks tell by now: a FIN is the last that is sent, and the last that is received. */
static __always_inline struct bytes bytes_then(struct tcp_sock *tp, struct sock *sk, const struct moving *then, bool active)
{
	int state = *(volatile __u8 *)&sk->__sk_common.skc_state;
	bool fin_sent = has_sent_fin(state) && then->next == *(volatile __u32 *)&tp->write_seq;
	bool fin_received = has_received_fin(sk, state) && then->received == *(volatile __u64 *)&tp->bytes_received;
	__u64 no_payload = active + fin_sent, sent = on_the_wire(then->acked, then->next, then->send_base);
	struct bytes bytes = {};

	bytes.sent = sent > no_payload ? sent - no_payload : 0;
	bytes.received = then->received - (then->received && fin_received);
	return bytes;
}

/* Never less than the baseline. */
static __always_inline struct bytes bytes_since(struct story *story, struct bytes bytes)
{
	if (bytes.sent < story->base_sent)
		bytes.sent = story->base_sent;
	if (bytes.received < story->base_received)
		bytes.received = story->base_received;
	return bytes;
}

/* What is new of a connection. */
struct news {
	__u64 opened;
	__u64 handshake_ns;
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
		.opened = story->is_news,
		.handshake_ns = story->is_news && story->established_ns ? story->established_ns - story->begun_ns : 0,
		.sent = now.sent - story->told_sent,
		.received = now.received - story->told_received,
		.retransmitted = retransmitted - story->told_retransmitted,
		.retransmits = retransmits - story->told_retransmits,
		.out_of_order = out_of_order - story->told_out_of_order,
	};

	story->is_news = 0;
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
	__u32 rest = rtt_us >> 5;
	int bucket = 0;

	for (int step = 8; step; step /= 2) {
		if (rest >> step) {
			rest >>= step;
			bucket += step;
		}
	}
	bucket += rest;
	return bucket < RTT_BUCKETS ? bucket : RTT_BUCKETS - 1;
}

static __always_inline void add_news(struct series *series, struct news *news, __u32 rtt_us)
{
	add(&series->opened, news->opened);
	add(&series->handshake_ns, news->handshake_ns);
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
