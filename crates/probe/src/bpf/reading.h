/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel counts about a connection, and how many payload bytes that means. */
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
	__u32 read; /* sequence number up to which the application has read */
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
	__u32 write_end; /* sequence number at the end of what the application has written */
	__u8 state;
	bool done; /* the peer's FIN has arrived */
};

/* The kernel changes the counts first, then the sequence numbers, and the marks of a FIN last. A socket that is not
 * locked is read in the same order. So a reading never contains a FIN without its mark. */
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

/* Fields that are reported but not added up. */
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

/* Reads the counts of a socket that the verifier knows as one, with plain loads. */
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

/* Reads the counts at an address, whether or not the socket still exists. */
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

/* Returns when a listener answered the SYN of a connection that was established just now. The kernel has timed the
 * SYN-ACK, in eighths of a microsecond. If the SYN-ACK was retransmitted, that is the time of the last one, and the
 * first one's is not known. */
static __always_inline __u64 answered_at(__u32 srtt_us, __u32 retransmits, __u64 established_ns)
{
	return srtt_us && !retransmits ? established_ns - srtt_us * 125ull : 0;
}

/* Returns whether a connection that ends from this state is aborted: the peer gets a reset, if anything. */
static __always_inline bool is_cut_off(int state)
{
	return state == TCP_ESTABLISHED || state == TCP_SYN_RECV || state == TCP_FIN_WAIT1 || state == TCP_CLOSE_WAIT;
}

/* Returns whether the socket listens, or has completed its handshake. */
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

/* Returns the bytes moved, from the fields of a locked socket, which agree. `state` is the one before the change. SYN
 * and FIN take sequence numbers but are not payload. */
static __always_inline struct bytes bytes_exact(const struct reading *reading, int state, bool active)
{
	struct bytes bytes = {};
	__u64 on_the_wire = reading->acked + (__u32)(reading->send_next - reading->send_una);
	__u64 no_payload = active + (has_sent_fin(state) && reading->send_next == reading->write_end);

	bytes.sent = on_the_wire > no_payload ? on_the_wire - no_payload : 0;
	bytes.received = reading->received - (reading->received && has_received_fin(reading, state));
	return bytes;
}

/* Sequence number minus count. Both move together, so it is constant; the count moves first. */
static __always_inline __u32 send_base(const struct reading *reading)
{
	return reading->send_una - (__u32)reading->acked;
}

static __always_inline __u32 receive_base(const struct reading *reading)
{
	return reading->receive_next - (__u32)reading->received;
}

/* Returns the bytes received, at any time. A FIN is first counted as a byte, then moves the sequence number, and is
 * marked last. So the count is limited by the sequence number. If data waits to be read, its last byte may be a FIN and
 * is left out until it is read. A socket that is closed by now has received a FIN. */
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

/* Returns the bytes put on the wire. The sequence number shows what is in flight beyond the acknowledged bytes. */
static __always_inline __u64 on_the_wire(const struct reading *reading, __u32 send_base)
{
	__s32 ahead = reading->send_next - send_base - (__u32)reading->acked;

	return ahead > 0 ? reading->acked + ahead : reading->acked;
}

/* Returns the bytes sent, at any time. A socket that is closed by now has sent its FIN, unless it was aborted. */
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

/* Returns the bytes moved. For a connection that has ended, that is what was counted at its end. */
static __always_inline struct bytes bytes_by_now(const struct reading *reading, struct story *story)
{
	if (story->established)
		return bytes_at_least(reading, story);
	return (struct bytes){.sent = story->told_sent, .received = story->told_received};
}

/* Returns the bytes moved, never less than the baseline. */
static __always_inline struct bytes bytes_since(struct story *story, struct bytes bytes)
{
	if (bytes.sent < story->base_sent)
		bytes.sent = story->base_sent;
	if (bytes.received < story->base_received)
		bytes.received = story->base_received;
	return bytes;
}

#endif
