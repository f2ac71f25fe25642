/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Records about DNS for user space. They have fixed widths and no hidden padding. */
#ifndef MESHTAX_QUERY_H
#define MESHTAX_QUERY_H

#include "kernel.h"

#define OWNER_LEN 16
#define NAME_LEN  256

/* Bucket i holds latencies below 2^(i + 6) µs, and the last one all others. */
#define LATENCY_BUCKETS 18

/* Code for a query without an answer in time. Response codes have twelve bits (RFC 6891, 6.1.3), so this is none of
 * them. */
#define RCODE_TIMEOUT 0xffff

/* Code for a query without an answer, because another server that was asked at the same time answered. */
#define RCODE_ELSEWHERE 0xfffe

/* Code for an answer whose upper code bits lie beyond the bytes that are read. */
#define RCODE_UNKNOWN 0xfffd

enum {
	ANSWER_TRUNCATED = 1,
	ANSWERED_ELSEWHERE = 2,
};

/* A query, from its sending to its end. IPv4 addresses are in the first four bytes. */
struct query {
	__u64 begun_ns; /* CLOCK_MONOTONIC */
	__u64 ended_ns; /* time of the answer, or of giving up */
	__u64 socket;   /* cookie */
	__u64 cgroup;   /* id of the cgroup v2 */
	__u8 local[16];
	__u8 server[16];
	__u32 state; /* STATE_…, used only by the programs */
	__u32 netns;
	__u32 pid; /* 0 if it is not known */
	__u32 uid;
	__u16 local_port;
	__u16 server_port;
	__u16 message; /* id of the message */
	__u16 type;
	__u8 family;
	__u8 transport;
	__u8 question_len;    /* length of the name on the wire */
	__u8 flags;           /* ANSWER_… */
	char comm[OWNER_LEN]; /* name of the process */
	__u8 name[NAME_LEN];  /* as on the wire; empty if names are not copied */
	__u16 name_len;
	__u16 rcode;
};
_Static_assert(sizeof(struct query) == 368, "struct query has no hidden padding");

/* Key of the counters. The overflow key `other` is all zero. */
struct series_key {
	__u64 cgroup;
	char comm[OWNER_LEN];
	__u32 netns;
	__u16 type;
	__u16 rcode;
	__u8 transport;
	__u8 pad[7];
};
_Static_assert(sizeof(struct series_key) == 40, "struct series_key has no hidden padding");

#include "dns_counters.h"

_Static_assert(sizeof(((struct series *)0)->latency) == LATENCY_BUCKETS * sizeof(__u64), "each bucket has its counter");

#endif
