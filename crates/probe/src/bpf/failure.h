/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why an open has failed. What comes from outside leaves an error in the socket; what `connect` itself returns is kept
 * nowhere. A tracepoint of that system call would tell it, but the kernel then takes every system call of every process a
 * longer way; so it is told from what the call leaves behind. */
#ifndef MESHTAX_FAILURE_H
#define MESHTAX_FAILURE_H

#include "owner.h"
#include "record.h"

/* Whether `connect` gave up before it had a port, or one that is free towards this peer: only then does it choose
 * a first sequence number. One that is closed to be used again keeps a distance from its last one. */
static __always_inline bool lacks_port(struct tcp_sock *tp)
{
	return !tp->write_seq || tp->write_seq - tp->snd_una > 1;
}

/* Of a socket that goes from SYN_SENT to its end: an errno, or one of ERROR_…. It waits for an answer only after
 * `connect` has let it. */
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

/* Whether a socket that is given up never got as far as SYN_SENT, though it was to connect: there was no route. Its state
 * has never changed. Where it was to go is kept with what the kernel looked up; of IPv6 older kernels keep no port. */
static __always_inline bool found_no_route(struct tcp_sock *tp, struct series_key *key)
{
	struct inet_sock *inet = &tp->inet_conn.icsk_inet;
	struct sock_common *common = &inet->sk.__sk_common;
	__u32 *to = (__u32 *)key->remote, *ipv6 = common->skc_v6_daddr.in6_u.u6_addr32;

	if (tp->write_seq || common->skc_dport)
		return false;
	if (common->skc_daddr || inet->sk.sk_gso_type)
		return false; /* IPv4 or IPv6 noted the way that it had found, and then there was no port */
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

/* The story of an open for which there was no route, told as its socket is closed. Whoever does that is taken for its
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
