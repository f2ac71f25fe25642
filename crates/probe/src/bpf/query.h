/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What crosses from the kernel about DNS: fixed width, no padding that is not written down. */
#ifndef MESHTAX_QUERY_H
#define MESHTAX_QUERY_H

#include "kernel.h"

#define OWNER_LEN 16
#define NAME_LEN  256

/* Bucket i holds latencies below 2^(i + 6) µs, the last one all others. */
#define LATENCY_BUCKETS 18

/* In place of the code of an answer, which has twelve bits (RFC 6891, 6.1.3): there was none in time. */
#define RCODE_TIMEOUT 0xffff

/* There was none, and it was not waited for: another server that was asked at the same time has answered. */
#define RCODE_ELSEWHERE 0xfffe

/* Its upper bits are behind what is looked at. */
#define RCODE_UNKNOWN 0xfffd

enum {
	ANSWER_TRUNCATED = 1,
	ANSWERED_ELSEWHERE = 2,
};

/* A query, from its sending to its end. Addresses: IPv4 in the first four bytes. */
struct query {
	__u64 begun_ns; /* CLOCK_MONOTONIC */
	__u64 ended_ns; /* its answer came, or it was given up */
	__u64 socket;   /* cookie */
	__u64 cgroup;   /* id of the cgroup v2 */
	__u8 local[16];
	__u8 server[16];
	__u32 state; /* of the programs alone */
	__u32 netns;
	__u32 pid; /* 0 if it is not known */
	__u32 uid;
	__u16 local_port;
	__u16 server_port;
	__u16 message; /* id of the message */
	__u16 type;
	__u8 family;
	__u8 transport;
	__u8 question_len;    /* of the name that it asks for, on the wire */
	__u8 flags;           /* ANSWER_… */
	char comm[OWNER_LEN]; /* name of the process */
	__u8 name[NAME_LEN];  /* as on the wire; empty where it is withheld */
	__u16 name_len;
	__u16 rcode;
};
_Static_assert(sizeof(struct query) == 368, "struct query has no hidden padding");

/* What is counted together; all zero for the series `other`. */
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
