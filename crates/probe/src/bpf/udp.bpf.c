// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who sends UDP datagrams to whom, how many and how large, and which of them sockets drop.
 *
 * The kernel counts none of this per peer. So these programs run for every packet of a local socket, where it leaves IP
 * and where it reaches the socket. There they see whole datagrams: before fragmentation and after reassembly. They let
 * everything pass, and leave packets that are not UDP after one look. No counter is ever cleared. */
#include "packet.h"
#include "udp.h"

#define SERIES_MAX 8192
#include "counted.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define PASS       1
#define UDP_HEADER 8

/* Whether keys leave out ports that the kernel chose. Then there are few series, however many sockets a client
 * makes. */
const volatile bool services_only SEC(".rodata.options") = false;

static const struct series_key other = {};

static __always_inline struct series *series_of(const struct series_key *key)
{
	return series_or(key, &other);
}

static __always_inline bool is_bound(struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDPORT_LOCK;
}

/* Returns the role of a socket. The side that sends first is the client. If the socket's first datagram was not seen,
 * the port decides: servers usually choose theirs. */
static __always_inline __u8 role_of(const struct owner *owner, bool sent)
{
	bool serves = owner->is_new ? !sent : owner->is_bound;

	return serves ? UDP_SERVER : UDP_CLIENT;
}

/* Completes the owner of a socket that has just sent or received a datagram, and so has a port. */
static __always_inline void know(struct owner *owner, __u64 at, bool sent)
{
	if (!owner->role) {
		inherit_older(owner, at);
		owner->is_bound = is_bound(socket_at(owner));
		owner->role = role_of(owner, sent);
	}
	if (!owner->netns) {
		/* The kernel made this socket, or its creation was not seen. */
		owner->netns = netns_of(socket_at(owner));
		owner->cgroup = cgroup_of(socket_at(owner));
	}
}

/* Corrects the role of a program that has chosen its port and asks first but also serves, as a time server does. It
 * receives from ports that it has not asked. */
static __always_inline void reconsider(struct owner *owner, __u16 port, bool sent)
{
	if (owner->role != UDP_CLIENT || !owner->is_bound)
		return;
	if (!owner->asked_port && sent)
		owner->asked_port = port;
	else if (!sent && port != owner->asked_port)
		owner->role = UDP_SERVER;
}

/* Fills in the key, except the remote end. */
static __always_inline void begin_key(struct series_key *key, struct owner *owner, __u16 port)
{
	key->cgroup = owner->cgroup;
	key->netns = owner->netns;
	key->role = owner->role;
	__builtin_memcpy(key->comm, owner->comm, COMM_LEN);
	if (!services_only)
		key->pid = owner->pid;
	if (!services_only || (owner->role == UDP_SERVER && owner->is_bound))
		key->local_port = port;
}

static __always_inline void end_key(struct series_key *key, __u16 port)
{
	if (!services_only || key->role == UDP_CLIENT)
		key->remote_port = port;
}

/* --- Datagrams --- */

struct datagram {
	__u8 source[16];
	__u8 destination[16];
	__u16 source_port;
	__u16 destination_port;
	__u16 header; /* bytes before the payload */
	__u8 family;
};

static __always_inline bool load_ports(struct __sk_buff *skb, struct datagram *datagram)
{
	struct ports ports;

	if (bpf_skb_load_bytes(skb, datagram->header, &ports, sizeof(ports)))
		return false;
	datagram->source_port = bpf_ntohs(ports.source);
	datagram->destination_port = bpf_ntohs(ports.dest);
	datagram->header += UDP_HEADER;
	return true;
}

static __always_inline bool load_ipv4(struct __sk_buff *skb, struct datagram *datagram)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)))
		return false;
	datagram->family = AF_INET;
	datagram->header = (ip.ihl_version & 15) * 4;
	*(__u32 *)datagram->source = ip.saddr;
	*(__u32 *)datagram->destination = ip.daddr;
	return load_ports(skb, datagram);
}

static __always_inline bool load_ipv6(struct __sk_buff *skb, struct datagram *datagram)
{
	struct ipv6hdr ip;
	__u8 next[2];
	__u8 kind;

	if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)))
		return false;
	datagram->family = AF_INET6;
	datagram->header = sizeof(ip);
	__builtin_memcpy(datagram->source, ip.saddr, 16);
	__builtin_memcpy(datagram->destination, ip.daddr, 16);
	kind = ip.nexthdr;
	for (int i = 0; i < EXTENSIONS_MAX && kind != IPPROTO_UDP; i++) {
		if (bpf_skb_load_bytes(skb, datagram->header, next, sizeof(next)))
			return false;
		datagram->header += kind == IPPROTO_FRAGMENT ? 8 : (next[1] + 1) * 8;
		kind = next[0];
	}
	return kind == IPPROTO_UDP && load_ports(skb, datagram);
}

/* Returns the number of datagrams in a packet. The kernel may handle several as one, which the device or the reader
 * splits. */
static __always_inline __u64 datagrams_in(struct __sk_buff *skb, __u32 payload)
{
	__u32 size = skb->gso_size;

	return size && payload > size ? (payload + size - 1) / size : 1;
}

/* Returns false if one look shows that the protocol above IP is not UDP. */
static __always_inline bool may_be_udp(struct __sk_buff *skb)
{
	__u8 *data = (void *)(long)skb->data;
	__u8 *end = (void *)(long)skb->data_end;
	__u8 next;

	if (data + 20 > end)
		return true;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return data[9] == IPPROTO_UDP;
	next = data[6];
	return next != IPPROTO_TCP;
}

/* Finds the remote end, as the program knows it. */
static __always_inline __u16 remote_of(struct bpf_sock *sk, const struct datagram *datagram, bool sent, __u8 *remote)
{
	__u16 port = peer_of(sk, datagram->family, remote);

	if (port)
		return port;
	__builtin_memcpy(remote, sent ? datagram->destination : datagram->source, 16);
	return sent ? datagram->destination_port : datagram->source_port;
}

static __always_inline void count(struct __sk_buff *skb, bool sent)
{
	struct datagram datagram = {};
	struct series *series;
	struct series_key key = {};
	struct owner *owner;
	struct bpf_sock *sk;
	__u32 payload;
	__u16 port;
	bool known;

	if (!may_be_udp(skb))
		return;
	sk = skb->sk;
	sk = sk ? bpf_sk_fullsock(sk) : 0;
	if (!sk || sk->protocol != IPPROTO_UDP)
		return;
	known = skb->protocol == bpf_htons(ETH_P_IP) ? load_ipv4(skb, &datagram) : load_ipv6(skb, &datagram);
	if (!known || skb->len < datagram.header)
		return;
	owner = bpf_sk_storage_get(&owners, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (owner) {
		know(owner, (__u64)sk, sent);
		key.family = datagram.family;
		port = sent ? take_asked(&owner->asked, key.remote) : 0;
		if (!port)
			port = remote_of(sk, &datagram, sent, key.remote);
		reconsider(owner, port, sent);
		begin_key(&key, owner, sk->src_port);
		end_key(&key, port);
	} else {
		LOST(owners);
	}
	series = series_of(&key);
	if (!series)
		return;
	payload = skb->len - datagram.header;
	add(sent ? &series->sent : &series->received, datagrams_in(skb, payload));
	add(sent ? &series->sent_bytes : &series->received_bytes, payload);
}

SEC("cgroup_skb/egress")
int on_send(struct __sk_buff *skb)
{
	count(skb, true);
	return PASS;
}

SEC("cgroup_skb/ingress")
int on_receive(struct __sk_buff *skb)
{
	count(skb, false);
	return PASS;
}

/* --- Calls that name a destination --- */

/* Returns the owner of the socket that a call uses. If the socket was handed over, the sending process becomes its
 * owner. */
static __always_inline struct owner *sender(struct bpf_sock_addr *call)
{
	struct bpf_sock *sk = call->sk;
	struct owner *owner = sk ? bpf_sk_storage_get(&owners, sk, 0, BPF_SK_STORAGE_GET_F_CREATE) : 0;

	if (owner && !owner->at) {
		inherit_older(owner, (__u64)sk);
		owner->netns = netns_of(socket_at(owner));
	}
	if (owner && (owner->pid != bpf_get_current_pid_tgid() >> 32 || owner->executed != times_executed()))
		take_over(owner);
	return owner;
}

SEC("cgroup/sendmsg4")
int on_call4(struct bpf_sock_addr *call)
{
	struct owner *owner = sender(call);

	if (owner)
		note_asked4(&owner->asked, call);
	return PASS;
}

SEC("cgroup/sendmsg6")
int on_call6(struct bpf_sock_addr *call)
{
	struct owner *owner = sender(call);

	if (owner)
		note_asked6(&owner->asked, call);
	return PASS;
}

/* --- Datagrams that sockets drop --- */

enum fate { OVERFLOWED, STARVED, FAILED };

static __always_inline void lose(struct sock *sk, struct sk_buff *skb, enum fate fate)
{
	struct series *series;
	struct packet packet = {};
	struct series_key key = {};
	struct owner *owner;
	__u8 local[16] = {};

	owner = bpf_sk_storage_get(&owners, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (owner) {
		know(owner, (__u64)sk, false);
		begin_key(&key, owner, sk->__sk_common.skc_num);
		if (skb)
			read_packet(skb, &packet);
		if (packet.family) {
			key.family = packet.family;
			__builtin_memcpy(key.remote, packet.source, 16);
			end_key(&key, packet.source_port);
		} else {
			key.family = sk->__sk_common.skc_family;
			ends(&sk->__sk_common, local, key.remote);
			end_key(&key, bpf_ntohs(sk->__sk_common.skc_dport));
		}
	} else {
		LOST(owners);
	}
	series = series_of(&key);
	if (series)
		add(fate == OVERFLOWED ? &series->overflowed : fate == STARVED ? &series->starved : &series->failed, 1);
}

/* Since Linux 6.11, the tracepoint names the receiver. */
SEC("?tp_btf/kfree_skb")
int BPF_PROG(on_drop, struct sk_buff *skb, void *location, int reason, struct sock *receiver)
{
	if (!receiver || receiver->sk_protocol != IPPROTO_UDP)
		return 0;
	if (reason == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_SOCKET_RCVBUFF))
		lose(receiver, skb, OVERFLOWED);
	else if (reason == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_PROTO_MEM))
		lose(receiver, skb, STARVED);
	else
		lose(receiver, skb, FAILED);
	return 0;
}

/* For kernels before 6.11. This tracepoint shows the socket but not the datagram, so the peer is known only if the
 * socket is connected. */
SEC("?tp_btf/udp_fail_queue_rcv_skb")
int BPF_PROG(on_full, int error, struct sock *receiver)
{
	const int ENOMEM = 12;

	lose(receiver, 0, error == -ENOMEM ? OVERFLOWED : STARVED);
	return 0;
}

/* --- Owners of sockets --- */

SEC("?cgroup/sock_create")
int on_socket(struct bpf_sock *made)
{
	if (made->protocol == IPPROTO_UDP && !own(made))
		LOST(owners);
	return 1;
}

SEC("iter/task_file")
int seed_all(struct bpf_iter__task_file *context)
{
	struct task_struct *task = context->task;
	struct sock *sk = socket_of(context->file);

	if (task && sk && sk->sk_protocol == IPPROTO_UDP && !seed(task, sk))
		LOST(owners);
	return 0;
}
