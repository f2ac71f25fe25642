/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Records about dropped packets for user space. They have fixed widths and no hidden padding. */
#ifndef MESHTAX_DROPS_H
#define MESHTAX_DROPS_H

#include "owners.h"

/* One dropped packet. Segments that the kernel handles as one packet make one record. IPv4 addresses are in the first
 * four bytes. */
struct drop {
	__u64 at_ns;    /* CLOCK_MONOTONIC */
	__u64 location; /* address of the code that dropped the packet */
	__u64 id;       /* socket cookie; 0 without a socket, or if it has none yet */
	__u64 cgroup;
	__u8 source[16];
	__u8 destination[16];
	__u32 netns; /* the socket's, or else the device's; 0 if there is neither */
	__u32 pid;
	__u32 uid;
	__u32 reason; /* the kernel's number; all ones if the kernel has no reasons */
	__u32 length; /* bytes, with the headers that the packet had when it was dropped */
	__u16 source_port;
	__u16 destination_port;
	__u16 ethertype;
	__u16 family;        /* of the addresses; 0 without addresses */
	__u16 socket_family; /* 0 without a socket */
	__u8 protocol;       /* IP protocol */
	__u8 state;          /* of the socket */
	__u8 tcp_flags;
	__u8 pad[3];
	char comm[COMM_LEN];
};
_Static_assert(sizeof(struct drop) == 120, "struct drop has no hidden padding");

/* Key of the counters. The overflow key `other` is all zero. */
struct series_key {
	__u32 netns;
	__u32 reason;
	__u16 ethertype;
	__u16 socket_family; /* only without an ethertype */
	__u8 protocol;
	__u8 pad[3];
};
_Static_assert(sizeof(struct series_key) == 16, "struct series_key has no hidden padding");

#include "drops_counters.h"

#endif
