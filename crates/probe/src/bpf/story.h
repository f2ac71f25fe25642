/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is remembered of a socket, the maps, and what was lost. */
#ifndef MESHTAX_STORY_H
#define MESHTAX_STORY_H

#include "event.h"
#include "feed.h"
#include "socket.h"

#define SERIES_MAX 8192
#include "counted.h"

/* Whether a sockmap may carry its bytes past TCP. */
enum { BYPASS_NONE = 0, BYPASS_SEEN = 1, BYPASS_TOLD = 2 };

/* A socket's story. Its lock is held where it ends and where something is told of it, so that nothing is told twice, nor
 * of another connection: a socket that is closed may be used again, its memory at once, and so may its story's. */
struct story {
	struct bpf_spin_lock lock;
	__u32 receive_base; /* sequence less count, in their low bits: the same for as long as a connection lives */
	__u64 at;           /* the socket's address */
	__u64 id;           /* its cookie; 0 of a child until it is established: before Linux 6.15 it is born with its
	                          * listener's */
	__u64 begun_ns;     /* 0 if that is not known; with `id` the connection's name */
	__u64 established_ns;
	__u64 listener;        /* cookie */
	__u64 listener_at;     /* address; its socket may be gone */
	struct series_key key; /* where it counts: whole once it is established; before, its owner and role */
	__u64 told_sent;       /* already in a series */
	__u64 told_received;
	__u64 told_retransmitted;
	__u64 base_sent; /* before the probe was there */
	__u64 base_received;
	__u64 base_retransmitted;
	__u32 base_retransmits;
	__u32 base_out_of_order;
	__u32 base_reordered;
	__u32 base_ecn_marked;
	__u32 told_retransmits;
	__u32 told_out_of_order;
	__u32 send_base;
	__u32 pid;
	__u32 uid;
	__u32 unwatched;  /* of a listener: children that were born before the probe was there, and not accepted */
	__u16 local_port; /* the kernel forgets it before the last event */
	__u8 established;
	__u8 over; /* its end has been told */
	__u8 seeded;
	__u8 is_news; /* that it was opened is not in a series yet */
	__u8 look;    /* the last one that wrote it out */
	__u8 bypass;  /* BYPASS_… */
};

/* By the socket's address. A socket has storage of its own, too, but to make and free it costs a short connection three
 * times as much as all the programs here. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct story);
} stories SEC(".maps");

static __always_inline struct series *series_of(const struct series_key *key)
{
	struct series_key other = {.role = key->role};

	return series_or(key, &other);
}

/* Where a connection counts, or one that a listener has been asked for. */
static __always_inline struct series_key key_of(struct sock_common *common, struct story *story)
{
	struct series_key key = story->key;
	__u8 local[16] = {};

	__builtin_memset(key.remote, 0, sizeof(key.remote));
	key.netns = common->skc_net.net->ns.inum;
	key.family = common->skc_family;
	key.role = key.role == ROLE_LISTENER ? ROLE_SERVER : key.role;
	key.port = key.role == ROLE_SERVER ? story->local_port : bpf_ntohs(common->skc_dport);
	ends_directly(common, local, key.remote);
	return key;
}

#endif
