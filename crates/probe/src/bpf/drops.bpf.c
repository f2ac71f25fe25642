// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets that the kernel drops, and why. Drops are counted by namespace, reason and protocol, and reported one by one
 * if user space reads the feed. The programs run when a packet is dropped and, if drops are reported, when a socket is
 * made. */
#define FEED_BYTES (1 << 20)

#include "drops.h"
#include "feed.h"
#include "packet.h"

#define SERIES_MAX 4096
#include "counted.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define NO_REASON ((__u32)-1)

/* Smallest number of a namespace (include/linux/proc_ns.h: PROC_DYNAMIC_FIRST, and a few below it). */
#define NAMESPACE_MIN 0xefffff00u

/* Reasons that are not reported. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} muted SEC(".maps");

/* Set if the kernel lets programs store nothing in a socket. The verifier then removes the code that would. */
const volatile __u32 is_ownerless SEC(".rodata.ownerless");

static const struct series_key other = {};

static __always_inline void count(const struct series_key *key)
{
	struct series *found = series_or(key, &other);

	if (found)
		add(&found->count, 1);
}

/* Returns the device's namespace. Call it only for packets without a socket: the queues of a socket use the device's
 * field for other data. */
static __always_inline __u32 netns_of_device(struct sk_buff *skb)
{
	__u32 number = BPF_CORE_READ(skb, dev, nd_net.net, ns.inum);

	return number >= NAMESPACE_MIN ? number : 0;
}

static __always_inline bool is_full(struct sock *sk)
{
	int state = sk->__sk_common.skc_state;

	return state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV;
}

static __always_inline struct owner *owner_of(struct sock *sk)
{
	struct owner *owner = bpf_sk_storage_get(&owners, sk, 0, 0);

	if (owner || !is_full(sk))
		return owner;
	owner = older_owner((__u64)sk);
	return owner || sk->sk_protocol != IPPROTO_TCP ? owner : older_listener(netns_of(sk), sk->__sk_common.skc_num);
}

static __always_inline void describe_socket(struct drop *event, struct sock *sk)
{
	struct owner *owner = is_ownerless ? 0 : owner_of(sk);

	event->id = sk->__sk_common.skc_cookie.counter;
	event->state = sk->__sk_common.skc_state;
	if (owner) {
		event->pid = owner->pid;
		event->uid = owner->uid;
		event->cgroup = owner->cgroup;
		__builtin_memcpy(event->comm, owner->comm, COMM_LEN);
	} else if (is_full(sk)) {
		event->cgroup = cgroup_of(sk);
	}
}

/* Takes the ends of the socket for a packet that has no headers yet. */
static __always_inline void read_socket(struct sock *sk, struct packet *packet)
{
	packet->family = sk->__sk_common.skc_family;
	packet->protocol = sk->sk_protocol;
	packet->source_port = sk->__sk_common.skc_num;
	packet->destination_port = bpf_ntohs(sk->__sk_common.skc_dport);
	ends(&sk->__sk_common, packet->source, packet->destination);
}

static __always_inline void tell(struct sk_buff *skb, void *location, struct series_key *key, struct packet *packet,
				 struct sock *sk)
{
	struct drop *event;

	if (!is_fed(0) || bpf_map_lookup_elem(&muted, &key->reason))
		return;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		LOST(events);
		return;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->at_ns = bpf_ktime_get_ns();
	event->location = (__u64)location;
	event->netns = key->netns;
	event->reason = key->reason;
	event->length = skb->len;
	event->source_port = packet->source_port;
	event->destination_port = packet->destination_port;
	event->ethertype = packet->ethertype;
	event->family = packet->family;
	event->socket_family = key->socket_family;
	event->protocol = packet->protocol;
	event->tcp_flags = packet->tcp_flags;
	__builtin_memcpy(event->source, packet->source, 16);
	__builtin_memcpy(event->destination, packet->destination, 16);
	if (sk)
		describe_socket(event, sk);
	bpf_ringbuf_submit(event, 0);
}

static __always_inline int drop(struct sk_buff *skb, void *location, __u32 reason, struct sock *sk)
{
	struct packet packet = {};
	struct series_key key = {};

	if (!reason)
		return 0; /* not dropped */
	if (bpf_core_enum_value_exists(enum skb_drop_reason, SKB_CONSUMED) &&
	    reason == bpf_core_enum_value(enum skb_drop_reason, SKB_CONSUMED))
		return 0;
	key.reason = reason;
	read_packet(skb, &packet);
	if (sk) {
		int family = sk->__sk_common.skc_family;

		key.netns = sk->__sk_common.skc_net.net->ns.inum;
		key.socket_family = family;
		if (!packet.family && is_full(sk) && (family == AF_INET || family == AF_INET6))
			read_socket(sk, &packet);
	} else {
		key.netns = netns_of_device(skb);
	}
	key.ethertype = packet.ethertype;
	key.protocol = packet.protocol;
	tell(skb, location, &key, &packet, sk);
	if (key.ethertype)
		key.socket_family = 0;
	count(&key);
	return 0;
}

/* The tracepoint has got more arguments over time. One of these programs fits. */

SEC("?tp_btf/kfree_skb")
int BPF_PROG(on_drop, struct sk_buff *skb, void *location, int reason, struct sock *receiver)
{
	return drop(skb, location, reason, receiver ? receiver : skb->sk);
}

SEC("?tp_btf/kfree_skb")
int BPF_PROG(on_drop_with_reason, struct sk_buff *skb, void *location, int reason)
{
	return drop(skb, location, reason, skb->sk);
}

SEC("?tp_btf/kfree_skb")
int BPF_PROG(on_drop_without_reason, struct sk_buff *skb, void *location)
{
	return drop(skb, location, NO_REASON, skb->sk);
}

/* --- Owners of sockets --- */

SEC("?cgroup/sock_create")
int on_socket(struct bpf_sock *made)
{
	if (!own(made))
		LOST(owners);
	return 1;
}

SEC("iter/task_file")
int seed_all(struct bpf_iter__task_file *context)
{
	struct task_struct *task = context->task;
	struct sock *sk = socket_of(context->file);

	if (task && sk && !seed(task, sk))
		LOST(owners);
	return 0;
}
