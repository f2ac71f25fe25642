/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What crosses from the kernel about packets that it drops: fixed width, no padding that is not written down. */
#ifndef MESHTAX_DROPS_H
#define MESHTAX_DROPS_H

#include "owners.h"

/* One packet, or as many as the kernel handles as one. Addresses: IPv4 in the first four bytes. */
struct drop {
	__u64 at_ns;    /* CLOCK_MONOTONIC */
	__u64 location; /* address of the code that dropped it */
	__u64 id;       /* socket cookie; 0 where there is no socket, or nobody has asked for it yet */
	__u64 cgroup;
	__u8 source[16];
	__u8 destination[16];
	__u32 netns; /* the socket's, else the device's; 0 where there is neither */
	__u32 pid;
	__u32 uid;
	__u32 reason; /* the kernel's number; all ones where it has none */
	__u32 length; /* bytes, with the headers that it had just then */
	__u16 source_port;
	__u16 destination_port;
	__u16 ethertype;
	__u16 family;        /* of the addresses; 0 where there are none */
	__u16 socket_family; /* 0 where there is no socket */
	__u8 protocol;       /* of IP */
	__u8 state;          /* of the socket */
	__u8 tcp_flags;
	__u8 pad[3];
	char comm[COMM_LEN];
};
_Static_assert(sizeof(struct drop) == 120, "struct drop has no hidden padding");

/* What is counted together; all zero for `other`. */
struct series_key {
	__u32 netns;
	__u32 reason;
	__u16 ethertype;
	__u16 socket_family; /* where there is no ethertype */
	__u8 protocol;
	__u8 pad[3];
};
_Static_assert(sizeof(struct series_key) == 16, "struct series_key has no hidden padding");

#include "drops_counters.h"

#endif
