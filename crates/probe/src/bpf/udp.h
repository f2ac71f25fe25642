/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What crosses from the kernel about UDP: fixed width, no padding that is not written down. */
#ifndef MESHTAX_UDP_H
#define MESHTAX_UDP_H

#include "owners.h"

/* Which end a socket is: a client sends first. */
enum udp_role {
	UDP_UNKNOWN = 0,
	UDP_CLIENT = 1,
	UDP_SERVER = 2,
};

/* What is counted together; all zero for `other`. */
struct udp_key {
	__u64 cgroup;
	__u8 remote[16]; /* IPv4 in the first four bytes */
	char comm[COMM_LEN];
	__u32 netns;
	__u32 pid;
	__u16 local_port;
	__u16 remote_port;
	__u8 family;
	__u8 role;
	__u8 pad[2];
};
_Static_assert(sizeof(struct udp_key) == 56, "struct udp_key has no hidden padding");

/* Monotonic counters. Bytes are payload. */
struct udp_series {
	__u64 sent; /* datagrams that IP took */
	__u64 sent_bytes;
	__u64 received; /* datagrams that came to the socket, with those that it then had to drop */
	__u64 received_bytes;
	__u64 overflowed; /* of those: the socket's queue was full */
	__u64 starved;    /* of those: UDP had no memory left */
	__u64 failed;     /* dropped at the socket for another reason, such as a wrong checksum or a filter */
};

struct udp_losses {
	__u64 series; /* counted as `other`: no room for a series more */
	__u64 owners; /* sockets whose owner was not noted: no memory for it */
};

#endif
