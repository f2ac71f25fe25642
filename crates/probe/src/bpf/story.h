/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stories: what the programs remember about each socket. */
#ifndef MESHTAX_STORY_H
#define MESHTAX_STORY_H

#include "event.h"
#include "feed.h"
#include "socket.h"

#define SERIES_MAX 8192
#include "counted.h"

/* Whether a sockmap may carry a socket's bytes past TCP, and whether that is counted already. */
enum { BYPASS_NONE = 0, BYPASS_SEEN = 1, BYPASS_TOLD = 2 };

/* The story of a socket. Its lock is held when the story ends and when news of it is added to a series. So nothing is
 * counted twice, and nothing is counted for another connection: a closed socket may be used again, its memory may be
 * reused at once, and so may the memory of its story. */
struct story {
	struct bpf_spin_lock lock;
	__u32 receive_base; /* low bits of sequence minus count: constant during a connection */
	__u64 at;           /* the socket's address */
	__u64 id;           /* the socket's cookie; 0 for a child until it is established,
	                          * because before Linux 6.15 it starts with its listener's */
	__u64 begun_ns;     /* 0 if it is not known; identifies the connection, with `id` */
	__u64 established_ns;
	__u64 listener;        /* cookie */
	__u64 listener_at;     /* address of the listener, which may be gone */
	struct series_key key; /* key of its series; before it is established, only owner and role */
	__u64 told_sent;       /* already added to a series, like all told_… */
	__u64 told_received;
	__u64 told_retransmitted;
	__u64 base_sent; /* from before the probe, like all base_… */
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
	__u32 unwatched;  /* for a listener: children older than the probe that are not accepted yet */
	__u16 local_port; /* the kernel clears it before the last event */
	__u8 established;
	__u8 over; /* its end has been counted */
	__u8 seeded;
	__u8 is_news; /* its opening is not in a series yet */
	__u8 look;    /* number of the last snapshot that wrote it out */
	__u8 bypass;  /* BYPASS_… */
};

/* Stories by the socket's address. BPF storage in the socket would work as well, but creating and freeing it costs a
 * short connection three times as much as all programs here. */
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

/* Returns the key of a connection, or of a request at a listener. */
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
