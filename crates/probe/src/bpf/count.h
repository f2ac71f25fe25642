/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is new of a connection, and how it is added to a series. */
#ifndef MESHTAX_COUNT_H
#define MESHTAX_COUNT_H

#include "reading.h"

/* What is new of a connection since the last time. */
struct news {
	__u64 opened;
	__u64 handshake_ns;
	__u64 sent;
	__u64 received;
	__u64 retransmitted;
	__u32 retransmits;
	__u32 out_of_order;
	__u32 bypassed;
};

/* Returns what is new, and marks it as counted. Call it under the story's lock. The last difference may be negative,
 * because an earlier reading during the end may have counted a FIN as payload; the sum is still right. */
static __always_inline struct news news_of(struct story *story, const struct reading *reading, struct bytes now)
{
	struct news news = {
		.opened = story->is_news,
		.handshake_ns = story->is_news && story->begun_ns && story->established_ns ?
					story->established_ns - story->begun_ns :
					0,
		.sent = now.sent - story->told_sent,
		.received = now.received - story->told_received,
		.retransmitted = reading->retransmitted - story->told_retransmitted,
		.retransmits = reading->retransmits - story->told_retransmits,
		.out_of_order = reading->out_of_order - story->told_out_of_order,
		.bypassed = story->bypass == BYPASS_SEEN,
	};

	story->is_news = 0;
	if (news.bypassed)
		story->bypass = BYPASS_TOLD;
	story->told_sent = now.sent;
	story->told_received = now.received;
	story->told_retransmitted = reading->retransmitted;
	story->told_retransmits = reading->retransmits;
	story->told_out_of_order = reading->out_of_order;
	return news;
}

/* Returns what is new at a snapshot. Counts never fall below those of an earlier snapshot, which may have read
 * later. */
static __always_inline struct news news_onward(struct story *story, struct reading *reading, struct bytes now)
{
	if (now.sent < story->told_sent)
		now.sent = story->told_sent;
	if (now.received < story->told_received)
		now.received = story->told_received;
	if (reading->retransmitted < story->told_retransmitted)
		reading->retransmitted = story->told_retransmitted;
	if (reading->retransmits < story->told_retransmits)
		reading->retransmits = story->told_retransmits;
	if (reading->out_of_order < story->told_out_of_order)
		reading->out_of_order = story->told_out_of_order;
	return news_of(story, reading, now);
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
	add(&series->untimed, news->opened && !news->handshake_ns);
	add(&series->sent, news->sent);
	add(&series->received, news->received);
	add(&series->retransmitted, news->retransmitted);
	add(&series->retransmits, news->retransmits);
	add(&series->out_of_order, news->out_of_order);
	add(&series->bypassed, news->bypassed);
	if (rtt_us) {
		add(&series->rtt_sum_us, rtt_us);
		add(&series->rtt[bucket_of(rtt_us) & (RTT_BUCKETS - 1)], 1);
	}
}

#endif
