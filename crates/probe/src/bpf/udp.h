/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Records about UDP for user space. They have fixed widths and no hidden padding. */
#ifndef MESHTAX_UDP_H
#define MESHTAX_UDP_H

#include "owners.h"

/* Role of a socket. A client sends first. */
enum udp_role {
	UDP_UNKNOWN = 0,
	UDP_CLIENT = 1,
	UDP_SERVER = 2,
};

/* Key of the counters. The overflow key `other` is all zero. */
struct series_key {
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
_Static_assert(sizeof(struct series_key) == 56, "struct series_key has no hidden padding");

#include "udp_counters.h"

#endif
