/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What crosses from the kernel: fixed width, no padding that is not written down. */
#ifndef MESHTAX_EVENT_H
#define MESHTAX_EVENT_H

#include "kernel.h"

#define COMM_LEN 16

/* Buckets of a histogram of round-trip times: bucket i holds times below 2^(i + 5) µs, the last one all others. */
#define RTT_BUCKETS 16

enum role {
	ROLE_UNKNOWN = 0,
	ROLE_CLIENT = 1,
	ROLE_SERVER = 2,
	ROLE_LISTENER = 3,
};

/* Why a record was written. */
enum kind {
	KIND_SEEN = 0,          /* a snapshot met it */
	KIND_CONNECTED = 1,     /* an active open has succeeded */
	KIND_ACCEPTED = 2,      /* a passive open has succeeded */
	KIND_CLOSED = 3,        /* an established connection is gone */
	KIND_FAILED = 4,        /* an active open has failed */
	KIND_QUEUED = 5,        /* a listener has a connection more that waits for its last acknowledgement */
	KIND_RETRANSMITTED = 6, /* a segment was sent again */
	KIND_SYNACK_AGAIN = 7,  /* the answer to an open was sent again */
	KIND_RESET_SENT = 8,
	KIND_RESET_RECEIVED = 9,
	KIND_COUNT = 10,
};

/* One socket at one instant. Addresses: IPv4 in the first four bytes. */
struct connection {
	__u64 at_ns;    /* CLOCK_MONOTONIC */
	__u64 id;       /* socket cookie; 0 where the kernel does not say */
	__u64 begun_ns; /* first SYN sent or answered; 0 if that is not known */
	__u64 established_ns;
	__u64 cgroup;        /* id of the cgroup v2 */
	__u64 sent;          /* payload bytes put on the wire at least once */
	__u64 received;      /* payload bytes in order */
	__u64 retransmitted; /* bytes */
	__u64 listener;      /* of a server's socket: the cookie of the one it came from */
	__u8 local[16];
	__u8 remote[16];
	__u32 netns;
	__u32 pid;
	__u32 uid;
	__u32 retransmits; /* segments */
	__u32 srtt_us;
	__u32 rttvar_us;
	__u32 rtt_min_us;
	__u32 lost;         /* segments presumed lost now */
	__u32 out_of_order; /* segments received */
	__u32 reordered;    /* times that reordering was seen */
	__u32 ecn_marked;   /* segments delivered with a mark */
	__u32 queue;        /* listener: accept queue now */
	__u32 queue_max;
	__u32 syn_queue; /* listener: opens that are not complete */
	__u32 drops;     /* listener: packets that it dropped, ever */
	__u16 local_port;
	__u16 remote_port;
	__u16 family;
	__u16 error; /* errno of a failed open or an aborted connection, or ERROR_… */
	__u8 kind;
	__u8 role;
	__u8 state;          /* the kernel's number of the TCP state; before the change where there is one */
	__u8 flags;          /* FLAG_… */
	char comm[COMM_LEN]; /* name of the process, not of the thread */
};
_Static_assert(sizeof(struct connection) == 192, "struct connection has no hidden padding");

/* In place of an errno, why an open has failed. */
enum {
	ERROR_GIVEN_UP = 0xffff, /* who asked for it did not wait */
	ERROR_NO_ROUTE =
		0xfffe, /* there was no way to the peer; which of several errors `connect` returned, nobody knows */
	ERROR_UNKNOWN = 0xfffd,
};

enum {
	FLAG_ZERO_WINDOW_SENT = 1,     /* we tell the peer to send nothing */
	FLAG_ZERO_WINDOW_RECEIVED = 2, /* the peer tells us */
	FLAG_SEEDED = 4,               /* older than the probe: bytes count from its start */
	FLAG_PARTIAL = 8,              /* this kernel lets neither bytes nor cookies be known, and not every owner */
	FLAG_BYPASSED = 16,            /* a sockmap may have carried bytes past TCP, which does not count them */
};

/* What is counted together. */
struct series_key {
	__u64 cgroup;
	__u8 remote[16]; /* all zero for the series `other` of each role */
	char comm[COMM_LEN];
	__u32 netns;
	__u16 port; /* the service's: the remote one of a client, the local one of a server */
	__u8 family;
	__u8 role;
};
_Static_assert(sizeof(struct series_key) == 48, "struct series_key has no hidden padding");

#include "tcp_counters.h"

_Static_assert(sizeof(((struct series *)0)->rtt) == RTT_BUCKETS * sizeof(__u64), "each bucket has its counter");
_Static_assert(sizeof(((struct losses *)0)->events) == KIND_COUNT * sizeof(__u64), "each kind has its counter");

#endif
