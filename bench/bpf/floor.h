/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * The floor: the least a program can do that knows where a packet goes. Its own short parser (Ethernet, IP without
 * options, TCP or UDP, all bounds checked), not the product's, so that the product's pays for what it does more.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define FLOOR_INLINE static inline __attribute__((always_inline))

/* The two ports and the last words of the addresses, mixed, so that the compiler must load them; 0: not TCP or UDP. */
FLOOR_INLINE __u32 floor_l4(void *header, void *end, __u8 protocol, __u32 addresses)
{
	struct udphdr *ports = header;

	if ((protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) || (void *)(ports + 1) > end)
		return 0;
	return addresses ^ ports->source ^ (__u32)ports->dest << 16;
}

FLOOR_INLINE __u32 floor_parse(void *data, void *end)
{
	struct ethhdr *ethernet = data;
	struct ipv6hdr *ipv6 = (void *)(ethernet + 1);
	struct iphdr *ipv4 = (void *)(ethernet + 1);

	if ((void *)(ipv4 + 1) > end)
		return 0;
	if (ethernet->h_proto == bpf_htons(ETH_P_IP) && ipv4->ihl == 5)
		return floor_l4(ipv4 + 1, end, ipv4->protocol, ipv4->saddr ^ ipv4->daddr);
	if (ethernet->h_proto != bpf_htons(ETH_P_IPV6) || (void *)(ipv6 + 1) > end)
		return 0;
	return floor_l4(ipv6 + 1, end, ipv6->nexthdr, ipv6->saddr.s6_addr32[3] ^ ipv6->daddr.s6_addr32[3]);
}
