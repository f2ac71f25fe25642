/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why an open has failed. An error from the network is stored in the socket. An error that only `connect` returns is
 * not stored anywhere. A tracepoint of that system call would show it, but then every system call of every process
 * would take a slower path in the kernel. So the error is derived from the state that the call leaves in the socket. */
#ifndef MESHTAX_FAILURE_H
#define MESHTAX_FAILURE_H

#include "owner.h"
#include "record.h"

/* Returns whether `connect` gave up because no local port was free towards this peer. It chooses a first sequence
 * number only once it has a port. A closed socket that is used again keeps a distance from its last sequence number. */
static __always_inline bool lacks_port(struct tcp_sock *tp)
{
	return !tp->write_seq || tp->write_seq - tp->snd_una > 1;
}

/* Returns why a socket went from SYN_SENT to its end: an errno, or ERROR_…. The socket waits for an answer
 * (SS_CONNECTING) only after `connect` has succeeded so far. */
static __always_inline int failure_of(struct sock *sk, struct tcp_sock *tp)
{
	struct socket *socket = sk->sk_socket;
	int error = sk->sk_err;

	if (error)
		return error;
	if (!socket)
		return ERROR_UNKNOWN;
	if (socket->state == SS_CONNECTING)
		return ERROR_GIVEN_UP;
	return socket->state == SS_UNCONNECTED && lacks_port(tp) ? EADDRNOTAVAIL : ERROR_UNKNOWN;
}

static __always_inline bool is_mapped_ipv4(const __u32 *address)
{
	return !address[0] && !address[1] && address[2] == bpf_htonl(0xffff);
}

/* Returns whether an open ended before SYN_SENT because there was no route. The socket's state has never changed then.
 * The destination is still in the flow that the kernel looked up; older kernels keep no port there for IPv6. */
static __always_inline bool found_no_route(struct tcp_sock *tp, struct series_key *key)
{
	struct inet_sock *inet = &tp->inet_conn.icsk_inet;
	struct sock_common *common = &inet->sk.__sk_common;
	__u32 *to = (__u32 *)key->remote, *ipv6 = common->skc_v6_daddr.in6_u.u6_addr32;

	if (tp->write_seq || common->skc_dport)
		return false;
	if (common->skc_daddr || inet->sk.sk_gso_type)
		return false; /* the socket has a route, so it had no free port */
	key->family = common->skc_family;
	if (key->family == AF_INET) {
		to[0] = inet->cork.fl.u.ip4.daddr;
		key->port = bpf_ntohs(inet->cork.fl.u.ip4.uli.ports.dport);
		return to[0];
	}
	for (int i = 0; i < 4; i++)
		to[i] = ipv6[i];
	if (is_mapped_ipv4(to))
		key->port = bpf_ntohs(inet->cork.fl.u.ip4.uli.ports.dport);
	else
		key->port = bpf_ntohs(inet->cork.fl.u.ip6.uli.ports.dport);
	return to[0] || to[1] || to[2] || to[3];
}

/* Fills in the story of an open without a route, when its socket is closed. The process that closes it counts as its
 * owner. */
static __always_inline bool tell_unrouted(struct sock *sk, struct tcp_sock *tp, struct story *story)
{
	if (!found_no_route(tp, &story->key))
		return false;
	story->key.role = ROLE_CLIENT;
	story->key.cgroup = cgroup_directly(sk);
	story->key.netns = sk->__sk_common.skc_net.net->ns.inum;
	own(story);
	return true;
}

static __always_inline void describe_unrouted(struct connection *event, struct sock *sk, const struct story *story)
{
	describe(event, sk, story);
	event->remote_port = story->key.port;
	event->state = TCP_CLOSE;
	event->error = ERROR_NO_ROUTE;
}

#endif
