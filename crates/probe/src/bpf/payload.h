/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets as programs at a control group see them, and the place of their payload. */
#ifndef MESHTAX_PAYLOAD_H
#define MESHTAX_PAYLOAD_H

#include "kernel.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Returns whether a header may stand between the IPv6 header and the transport's: RFC 8200, 4302, 6275, 7401, 5533. */
static __always_inline bool is_extension(__u8 next_header)
{
	return next_header == 0 || next_header == 43 || next_header == 44 || next_header == 51 || next_header == 60 ||
	       next_header == 135 || next_header == 139 || next_header == 140;
}

enum { IPV4_LEN = 20, IPV6_LEN = 40, UDP_LEN = 8, TCP_LEN = 20, PORTS_LEN = 4 };

enum packet_kind {
	PACKET_OTHER = 0,
	PACKET_SUSPECT = 1,  /* needs a closer look */
	PACKET_EXTENDED = 2, /* has IPv6 extension headers, which are not parsed */
};

static __always_inline bool is_port(struct bpf_sock *sk, __be16 port)
{
	return *(volatile __be16 *)&sk->dst_port == port;
}

/* Returns whether the socket is connected to this port, wherever address translation sends its packets. */
static __always_inline bool is_connected_to(struct __sk_buff *skb, __be16 port)
{
	struct bpf_sock *sk = skb->sk;

	return sk && is_port(sk, port);
}

/* Classifies a packet with a few loads: whether the service's port can be this one. */
static __always_inline enum packet_kind glance(struct __sk_buff *skb, bool outgoing, __be16 port)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u32 place = outgoing ? 2 : 0;
	__u8 *bytes = data;

	if (data + IPV4_LEN + PORTS_LEN > end)
		return PACKET_SUSPECT; /* the headers may lie outside the linear buffer */
	if (bytes[0] >> 4 == 4) {
		if (bytes[9] != IPPROTO_UDP && bytes[9] != IPPROTO_TCP)
			return PACKET_OTHER;
		if (bytes[0] != 0x45)
			return PACKET_SUSPECT; /* options */
		if (*(__be16 *)(data + IPV4_LEN + place) == port)
			return PACKET_SUSPECT;
		return outgoing && is_connected_to(skb, port) ? PACKET_SUSPECT : PACKET_OTHER;
	}
	if (is_extension(bytes[6]))
		return PACKET_EXTENDED;
	if (bytes[6] != IPPROTO_UDP && bytes[6] != IPPROTO_TCP)
		return PACKET_OTHER;
	if (data + IPV6_LEN + PORTS_LEN > end)
		return PACKET_SUSPECT;
	if (*(__be16 *)(data + IPV6_LEN + place) == port)
		return PACKET_SUSPECT;
	return outgoing && is_connected_to(skb, port) ? PACKET_SUSPECT : PACKET_OTHER;
}

/* A packet's headers. IPv4 addresses are in the first four bytes. */
struct packet {
	__u8 source[16];
	__u8 target[16];
	__u32 payload; /* offset of the payload */
	__u32 length;  /* length of the payload in bytes */
	__u32 seq;
	__u16 source_port;
	__u16 target_port;
	__u8 family;
	__u8 transport;
	__u8 opens; /* the SYN flag is set */
};

static __always_inline int read_ip(struct __sk_buff *skb, struct packet *packet)
{
	struct ipv6hdr ipv6;
	struct iphdr ipv4;

	if (bpf_skb_load_bytes(skb, 0, &ipv4, sizeof(ipv4)))
		return -1;
	if (ipv4.ihl_version >> 4 == 4) {
		packet->family = AF_INET;
		packet->transport = ipv4.protocol;
		*(__u32 *)packet->source = ipv4.saddr;
		*(__u32 *)packet->target = ipv4.daddr;
		return (ipv4.ihl_version & 15) * 4;
	}
	if (bpf_skb_load_bytes(skb, 0, &ipv6, sizeof(ipv6)))
		return -1;
	packet->family = AF_INET6;
	packet->transport = ipv6.nexthdr;
	__builtin_memcpy(packet->source, ipv6.saddr, 16);
	__builtin_memcpy(packet->target, ipv6.daddr, 16);
	return IPV6_LEN;
}

/* Reads the headers. Returns whether the packet is UDP or TCP. */
static __always_inline bool read_headers(struct __sk_buff *skb, struct packet *packet)
{
	int at = read_ip(skb, packet);
	struct ports ports;
	__u8 bytes[2];
	__be32 seq;

	if (at < 0 || bpf_skb_load_bytes(skb, at, &ports, sizeof(ports)))
		return false;
	packet->source_port = bpf_ntohs(ports.source);
	packet->target_port = bpf_ntohs(ports.dest);
	if (packet->transport == IPPROTO_UDP) {
		packet->payload = at + UDP_LEN;
	} else if (packet->transport == IPPROTO_TCP) {
		if (bpf_skb_load_bytes(skb, at + 4, &seq, sizeof(seq)) ||
		    bpf_skb_load_bytes(skb, at + 12, bytes, sizeof(bytes)))
			return false;
		packet->seq = bpf_ntohl(seq);
		packet->opens = bytes[1] >> 1 & 1;
		packet->payload = at + (bytes[0] >> 4) * 4;
	} else {
		return false;
	}
	packet->length = skb->len > packet->payload ? skb->len - packet->payload : 0;
	return true;
}

#endif
