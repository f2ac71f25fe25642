/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel counts of a connection, and the payload that this comes to. */
#ifndef MESHTAX_READING_H
#define MESHTAX_READING_H

#include "story.h"

struct reading {
	__u64 acked;
	__u64 received;
	__u64 retransmitted;
	__u32 send_una;
	__u32 send_next;
	__u32 receive_next;
	__u32 read; /* sequence up to which the application has read */
	__u32 retransmits;
	__u32 out_of_order;
	__u32 reordered;
	__u32 ecn_marked;
	__u32 lost;
	__u32 srtt_us;
	__u32 rttvar_us;
	__u32 rtt_min_us;
	__u32 receive_window;
	__u32 send_window;
	__u32 write_end; /* sequence at the end of what the application has written */
	__u8 state;
	bool done; /* the peer has sent its FIN */
};

/* Counts move first, sequences next, and what marks a FIN in them last; so whoever reads a socket that nobody holds still
 * reads them in this order, and finds no FIN without its mark. */
#define READ_COUNTS(reading, tp, READ)                                                                                 \
	do {                                                                                                           \
		(reading)->acked = READ(tp, bytes_acked);                                                              \
		(reading)->send_una = READ(tp, snd_una);                                                               \
		(reading)->send_next = READ(tp, snd_nxt);                                                              \
		(reading)->received = READ(tp, bytes_received);                                                        \
		(reading)->receive_next = READ(tp, rcv_nxt);                                                           \
		(reading)->read = READ(tp, copied_seq);                                                                \
		(reading)->retransmitted = READ(tp, bytes_retrans);                                                    \
		(reading)->retransmits = READ(tp, total_retrans);                                                      \
		(reading)->out_of_order = READ(tp, rcv_ooopack);                                                       \
		(reading)->srtt_us = READ(tp, srtt_us) >> 3;                                                           \
		(reading)->state = READ(tp, inet_conn.icsk_inet.sk.__sk_common.skc_state);                             \
		(reading)->done = is_done(READ(tp, inet_conn.icsk_inet.sk.__sk_common.skc_flags));                     \
		(reading)->write_end = READ(tp, write_seq);                                                            \
	} while (0)

/* What is told of a connection and added up nowhere. */
#define READ_REST(reading, tp, READ)                                                                                   \
	do {                                                                                                           \
		(reading)->reordered = READ(tp, reord_seen);                                                           \
		(reading)->ecn_marked = READ(tp, delivered_ce);                                                        \
		(reading)->lost = READ(tp, lost_out);                                                                  \
		(reading)->rttvar_us = READ(tp, mdev_us) >> 2;                                                         \
		(reading)->rtt_min_us = READ(tp, rtt_min.s[0].v);                                                      \
		(reading)->receive_window = READ(tp, rcv_wnd);                                                         \
		(reading)->send_window = READ(tp, snd_wnd);                                                            \
	} while (0)

#define DIRECTLY(from, field) (*(volatile typeof((from)->field) *)&(from)->field)

static __always_inline bool is_done(unsigned long flags)
{
	return flags & (1ull << bpf_core_enum_value(enum sock_flags, SOCK_DONE));
}

/* Of a socket that the verifier knows as one: plain loads. */
static __always_inline struct reading read_counts(struct tcp_sock *tp)
{
	struct reading reading = {};

	READ_COUNTS(&reading, tp, DIRECTLY);
	return reading;
}

static __always_inline void read_rest(struct reading *reading, struct tcp_sock *tp)
{
	READ_REST(reading, tp, DIRECTLY);
}

static __always_inline struct reading read_socket(struct tcp_sock *tp)
{
	struct reading reading = read_counts(tp);

	read_rest(&reading, tp);
	return reading;
}

/* Of what is at an address, whether or not there is a socket any more. */
static __always_inline struct reading read_counts_at(__u64 at)
{
	struct tcp_sock *tp = (void *)at;
	struct reading reading = {};

	if (bpf_ksym_exists(bpf_rdonly_cast))
		return read_counts(AS_KNOWN(struct tcp_sock, at));
	READ_COUNTS(&reading, tp, BPF_CORE_READ);
	return reading;
}

static __always_inline struct reading read_at(__u64 at)
{
	struct tcp_sock *tp = (void *)at;
	struct reading reading;

	if (bpf_ksym_exists(bpf_rdonly_cast))
		return read_socket(AS_KNOWN(struct tcp_sock, at));
	reading = read_counts_at(at);
	READ_REST(&reading, tp, BPF_CORE_READ);
	return reading;
}

/* When the first packet was answered of a connection that a listener has established just now: the kernel timed that answer
 * (in eighths of a microsecond). Where it was sent again that is the time of the last one, and nobody knows the first's. */
static __always_inline __u64 answered_at(__u32 srtt_us, __u32 retransmits, __u64 established_ns)
{
	return srtt_us && !retransmits ? established_ns - srtt_us * 125ull : 0;
}

/* Whether a connection that goes from this state to its end is cut off: its peer is told by a reset, if at all. */
static __always_inline bool is_cut_off(int state)
{
	return state == TCP_ESTABLISHED || state == TCP_SYN_RECV || state == TCP_FIN_WAIT1 || state == TCP_CLOSE_WAIT;
}

/* Whether it listens, or a handshake has made it a connection. */
static __always_inline bool is_in_use(int state)
{
	return state != TCP_CLOSE && state != TCP_SYN_SENT && state != TCP_SYN_RECV;
}

static __always_inline bool has_sent_fin(int state)
{
	return state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_CLOSING || state == TCP_LAST_ACK ||
	       state == TCP_TIME_WAIT;
}

static __always_inline bool has_received_fin(const struct reading *reading, int state)
{
	return reading->done || state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING;
}

static __always_inline bool is_fin_sent(const struct reading *reading)
{
	return has_sent_fin(reading->state) && reading->send_next == reading->write_end;
}

struct bytes {
	__u64 sent;
	__u64 received;
};

/* When the socket is locked, so that all fields agree; `state` is the one before the change. SYN and FIN take a place
 * in the sequence and are no payload. */
static __always_inline struct bytes bytes_exact(const struct reading *reading, int state, bool active)
{
	struct bytes bytes = {};
	__u64 on_the_wire = reading->acked + (__u32)(reading->send_next - reading->send_una);
	__u64 no_payload = active + (has_sent_fin(state) && reading->send_next == reading->write_end);

	bytes.sent = on_the_wire > no_payload ? on_the_wire - no_payload : 0;
	bytes.received = reading->received - (reading->received && has_received_fin(reading, state));
	return bytes;
}

/* Counts and sequences move together, the counts first. */
static __always_inline __u32 send_base(const struct reading *reading)
{
	return reading->send_una - (__u32)reading->acked;
}

static __always_inline __u32 receive_base(const struct reading *reading)
{
	return reading->receive_next - (__u32)reading->received;
}

/* What has arrived, at any time. A FIN first counts as a byte, then moves the sequence, and only then is marked; so the
 * count is held against the sequence, and where something waits to be read, its last byte may be a FIN and is left out
 * until then. A socket that is closed by now had one. */
static __always_inline __u64 received_at_least(const struct reading *reading, struct story *story)
{
	__u64 received = reading->received;
	__s32 ahead = (__u32)received - (reading->receive_next - story->receive_base);
	bool may_be_fin = has_received_fin(reading, reading->state) || reading->state == TCP_CLOSE ||
			  reading->read != reading->receive_next;

	if (ahead > 0)
		received -= received > ahead ? ahead : received;
	return received - (received && may_be_fin);
}

/* What was put on the wire: the sequence tells what is in flight beyond what was acknowledged. */
static __always_inline __u64 on_the_wire(const struct reading *reading, __u32 send_base)
{
	__s32 ahead = reading->send_next - send_base - (__u32)reading->acked;

	return ahead > 0 ? reading->acked + ahead : reading->acked;
}

/* What was sent, at any time. A socket that is closed by now has sent its FIN, unless it was cut off. */
static __always_inline __u64 sent_at_least(const struct reading *reading, struct story *story)
{
	bool fin = reading->state == TCP_CLOSE || is_fin_sent(reading);
	__u64 no_payload = (story->key.role == ROLE_CLIENT) + fin, sent = on_the_wire(reading, story->send_base);

	return sent > no_payload ? sent - no_payload : 0;
}

static __always_inline struct bytes bytes_at_least(const struct reading *reading, struct story *story)
{
	struct bytes bytes = {};

	if (!story->established_ns && !story->seeded)
		return bytes;
	bytes.sent = sent_at_least(reading, story);
	bytes.received = received_at_least(reading, story);
	return bytes;
}

/* What was told at the end stays, of a connection that has ended. */
static __always_inline struct bytes bytes_by_now(const struct reading *reading, struct story *story)
{
	if (story->established)
		return bytes_at_least(reading, story);
	return (struct bytes){.sent = story->told_sent, .received = story->told_received};
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

#endif
