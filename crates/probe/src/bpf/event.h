/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Records about TCP for user space. They have fixed widths and no hidden padding. */
#ifndef MESHTAX_EVENT_H
#define MESHTAX_EVENT_H

#include "kernel.h"

#define COMM_LEN 16

/* Number of buckets of a histogram of round-trip times. Bucket i holds times below 2^(i + 5) µs, and the last one all
 * others. */
#define RTT_BUCKETS 16

enum role {
	ROLE_UNKNOWN = 0,
	ROLE_CLIENT = 1,
	ROLE_SERVER = 2,
	ROLE_LISTENER = 3,
};

/* Events of connections. */
enum kind {
	KIND_SEEN = 0,          /* a snapshot found it */
	KIND_CONNECTED = 1,     /* an active open succeeded */
	KIND_ACCEPTED = 2,      /* a passive open succeeded */
	KIND_CLOSED = 3,        /* an established connection ended */
	KIND_FAILED = 4,        /* an active open failed */
	KIND_QUEUED = 5,        /* one more connection at a listener waits for its last acknowledgement */
	KIND_RETRANSMITTED = 6, /* a segment was retransmitted */
	KIND_SYNACK_AGAIN = 7,  /* a SYN-ACK was retransmitted */
	KIND_RESET_SENT = 8,
	KIND_RESET_RECEIVED = 9,
	KIND_COUNT = 10,
};

/* One socket at one instant. IPv4 addresses are in the first four bytes. */
struct connection {
	__u64 at_ns;    /* CLOCK_MONOTONIC */
	__u64 id;       /* socket cookie; 0 if it is not known */
	__u64 begun_ns; /* time of the first SYN or SYN-ACK; 0 if it is not known */
	__u64 established_ns;
	__u64 cgroup;        /* id of the cgroup v2 */
	__u64 sent;          /* payload bytes sent on the wire at least once */
	__u64 received;      /* payload bytes received in order */
	__u64 retransmitted; /* bytes */
	__u64 listener;      /* cookie of the listener that accepted it */
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
	__u32 reordered;    /* times that reordering was detected */
	__u32 ecn_marked;   /* segments delivered with a congestion mark (ECN) */
	__u32 queue;        /* listener: connections that wait to be accepted */
	__u32 queue_max;
	__u32 syn_queue; /* listener: connections whose handshake is not complete */
	__u32 drops;     /* listener: packets dropped so far */
	__u16 local_port;
	__u16 remote_port;
	__u16 family;
	__u16 error; /* errno of a failed open or an aborted connection, or ERROR_… */
	__u8 kind;
	__u8 role;
	__u8 state;          /* the kernel's TCP state, before the change if the event is one */
	__u8 flags;          /* FLAG_… */
	char comm[COMM_LEN]; /* name of the process, not of the thread */
};
_Static_assert(sizeof(struct connection) == 192, "struct connection has no hidden padding");

/* Codes that stand in place of an errno and say why an open has failed. */
enum {
	ERROR_GIVEN_UP = 0xffff, /* the client did not wait */
	ERROR_NO_ROUTE = 0xfffe, /* the peer was unreachable; which error `connect` returned is not known */
	ERROR_UNKNOWN = 0xfffd,
};

enum {
	FLAG_ZERO_WINDOW_SENT = 1,     /* this end announces a window of 0 */
	FLAG_ZERO_WINDOW_RECEIVED = 2, /* the other end announces a window of 0 */
	FLAG_SEEDED = 4,               /* older than the probe: bytes count from its start */
	FLAG_PARTIAL = 8,              /* this kernel shows no bytes, no cookies and not every owner */
	FLAG_BYPASSED = 16,            /* a sockmap may have carried bytes past TCP, which does not count them */
};

/* Key of the counters. */
struct series_key {
	__u64 cgroup;
	__u8 remote[16]; /* all zero for the series `other` of each role */
	char comm[COMM_LEN];
	__u32 netns;
	__u16 port; /* the service's port: a client's remote or a server's local one */
	__u8 family;
	__u8 role;
};
_Static_assert(sizeof(struct series_key) == 48, "struct series_key has no hidden padding");

#include "tcp_counters.h"

_Static_assert(sizeof(((struct series *)0)->rtt) == RTT_BUCKETS * sizeof(__u64), "each bucket has its counter");
_Static_assert(sizeof(((struct losses *)0)->events) == KIND_COUNT * sizeof(__u64), "each kind has its counter");

#endif
