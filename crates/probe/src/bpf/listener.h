/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds the listener that a connection came from, which no field of a socket names. */
#ifndef MESHTAX_LISTENER_H
#define MESHTAX_LISTENER_H

#include "owner.h"
#include "story.h"

/* Maximum number of steps towards the listener in a list of sockets. */
#define STEPS_MAX 4

struct port {
	__u32 netns;
	__u32 port;
};

/* Addresses of listeners, by port. Of several listeners on a port, the last to listen is kept. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct port);
	__type(value, __u64);
} listeners SEC(".maps");

static __always_inline struct port port_of(const struct story *story)
{
	return (struct port){.netns = story->key.netns, .port = story->local_port};
}

static __always_inline void note_listener(const struct story *story)
{
	struct port port = port_of(story);

	bpf_map_update_elem(&listeners, &port, &story->at, BPF_ANY);
}

static __always_inline void forget_listener(const struct story *story)
{
	struct port port = port_of(story);
	__u64 *at = bpf_map_lookup_elem(&listeners, &port);

	if (at && *at == story->at)
		bpf_map_delete_elem(&listeners, &port);
}

/* Returns the story at an address, if it is a listener in the child's network namespace. */
static __always_inline struct story *listening_at(__u64 at, const struct story *child)
{
	struct story *story = bpf_map_lookup_elem(&stories, &at);

	return story && story->key.role == ROLE_LISTENER && story->key.netns == child->key.netns ? story : 0;
}

/* Finds the listener of a child that was just created. The child is a copy of its listener, including its place in the
 * list of all sockets of the port: the child's back pointer leads to the listener, unless other sockets were inserted
 * meanwhile. If several sockets listen on one port (SO_REUSEPORT), nothing else tells which of them it was. */
static __always_inline struct story *listener_by_list(struct sock *sk, const struct story *child)
{
	__u64 node, pointer = (__u64)sk->__sk_common.skc_bind_node.pprev;

	for (int i = 0; i < STEPS_MAX; i++) {
		struct story *found;

		node = (__u64)READ_AT(struct hlist_node, pointer, next);
		if (!node)
			return 0;
		found = listening_at(node - bpf_core_field_offset(struct sock_common, skc_bind_node), child);
		if (found)
			return found;
		pointer = node; /* its first field points to the next node */
	}
	return 0;
}

static __always_inline struct story *listener_by_port(const struct story *child)
{
	struct port port = port_of(child);
	__u64 *at = bpf_map_lookup_elem(&listeners, &port);

	return at ? listening_at(*at, child) : 0;
}

/* Copies the owner of the listener to its child. The listener may have been handed over to that owner. */
static __always_inline void inherit(struct story *story, struct sock *sk, bool is_now)
{
	struct story *listener = is_now ? listener_by_list(sk, story) : 0;

	if (!listener)
		listener = listener_by_port(story);
	if (!listener)
		return;
	__builtin_memcpy(story->key.comm, listener->key.comm, COMM_LEN);
	story->key.cgroup = listener->key.cgroup;
	story->pid = listener->pid;
	story->uid = listener->uid;
	story->listener = listener->id;
	story->listener_at = listener->at;
}

/* Returns whether a child without a story is older than the probe. If the kernel's tables could be read, every such
 * child has a story. Otherwise only accepted ones have, so as many have none as waited to be accepted. For the totals
 * it does not matter which of those has ended. */
static __always_inline bool was_born_unwatched(const struct story *child)
{
	struct story *listener = listener_by_port(child);

	if (!listener)
		return true;
	if (!listener->unwatched)
		return false;
	__sync_fetch_and_add(&listener->unwatched, -1);
	return true;
}

#endif
