/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The headers of a packet, as far as they lie where the kernel says. */
#ifndef MESHTAX_PACKET_H
#define MESHTAX_PACKET_H

#include "socket.h"

/* Maximum number of IPv6 extension headers that are skipped. */
#define EXTENSIONS_MAX 4

struct packet {
	__u8 source[16]; /* IPv4 in the first four bytes */
	__u8 destination[16];
	__u16 source_port;
	__u16 destination_port;
	__u16 ethertype;
	__u16 family; /* 0 if it has no addresses */
	__u8 protocol;
	__u8 tcp_flags;
};

/* Reads bytes at `offset` of the packet's buffer, unless they lie beyond its end. */
static __always_inline bool peek(struct sk_buff *skb, __u32 offset, void *to, __u32 size)
{
	return offset + size <= skb->tail && !bpf_probe_read_kernel(to, size, skb->head + offset);
}

static __always_inline void read_ports(struct sk_buff *skb, __u32 offset, struct packet *packet)
{
	struct ports ports;

	if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP)
		return;
	if (!peek(skb, offset, &ports, sizeof(ports)))
		return;
	packet->source_port = bpf_ntohs(ports.source);
	packet->destination_port = bpf_ntohs(ports.dest);
	if (packet->protocol == IPPROTO_TCP)
		peek(skb, offset + 13, &packet->tcp_flags, 1);
}

static __always_inline void read_ipv4(struct sk_buff *skb, __u32 offset, struct packet *packet)
{
	const __u16 FRAGMENT = 0x1fff;
	struct iphdr ip;

	if (!peek(skb, offset, &ip, sizeof(ip)) || ip.ihl_version >> 4 != 4)
		return;
	packet->family = AF_INET;
	packet->protocol = ip.protocol;
	*(__u32 *)packet->source = ip.saddr;
	*(__u32 *)packet->destination = ip.daddr;
	if (!(bpf_ntohs(ip.frag_off) & FRAGMENT))
		read_ports(skb, offset + (ip.ihl_version & 15) * 4, packet);
}

static __always_inline void read_ipv6(struct sk_buff *skb, __u32 offset, struct packet *packet)
{
	struct ipv6hdr ip;
	__u8 next[8];

	if (!peek(skb, offset, &ip, sizeof(ip)) || bpf_ntohl(ip.version_class_flow) >> 28 != 6)
		return;
	packet->family = AF_INET6;
	packet->protocol = ip.nexthdr;
	__builtin_memcpy(packet->source, ip.saddr, 16);
	__builtin_memcpy(packet->destination, ip.daddr, 16);
	offset += sizeof(ip);
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		__u8 kind = packet->protocol;

		if (kind != IPPROTO_HOPOPTS && kind != IPPROTO_ROUTING && kind != IPPROTO_DSTOPTS &&
		    kind != IPPROTO_FRAGMENT)
			break;
		if (!peek(skb, offset, next, sizeof(next)))
			return;
		packet->protocol = next[0];
		if (kind == IPPROTO_FRAGMENT && (next[2] || next[3] & 0xf8))
			return; /* not the first fragment: no ports */
		offset += kind == IPPROTO_FRAGMENT ? 8 : (next[1] + 1) * 8;
	}
	read_ports(skb, offset, packet);
}

/* Reads the headers of a packet. `packet` must be zero before. */
static __always_inline void read_packet(struct sk_buff *skb, struct packet *packet)
{
	__u32 offset = skb->network_header;

	packet->ethertype = bpf_ntohs(skb->protocol);
	if (!offset || offset == (__u16)~0)
		offset = skb->data - skb->head;
	if (packet->ethertype == ETH_P_IP)
		read_ipv4(skb, offset, packet);
	else if (packet->ethertype == ETH_P_IPV6)
		read_ipv6(skb, offset, packet);
}

#endif
