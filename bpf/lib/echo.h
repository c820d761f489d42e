/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Answering a ping to a ClusterIP (contract K-86, where Waggle is kinder than kube-proxy): the echo request becomes its
 * own reply and goes back where it came from. TC only; the caller knows that it is an echo request.
 */
#pragma once

#include "lib/nat.h"
#include "lib/reject.h"

#define ECHO_TTL        64
#define ECHO_REPLY      0
#define ECHO_REPLY_IPV6 129

/* The addresses change places, which no checksum notices; the TTL starts anew. */
WG_INLINE int echo_turn_ip(__u32 family, void *data, void *end, const struct packet *packet)
{
	if (family == WG_IPV4) {
		struct iphdr *ip = packet_at(data, packet->l3_offset);
		__u16 before;

		if ((void *)(ip + 1) > end)
			return -1;
		before = *(__u16 *)&ip->ttl;
		ip->ttl = ECHO_TTL;
		ip->check = nat_checksum(ip->check, nat_replace(0, before, *(__u16 *)&ip->ttl));
		ip->saddr = packet->destination[0];
		ip->daddr = packet->source[0];
		return 0;
	}
	struct ipv6hdr *ip = packet_at(data, packet->l3_offset);

	if ((void *)(ip + 1) > end)
		return -1;
	ip->hop_limit = ECHO_TTL;
	__builtin_memcpy(&ip->saddr, packet->destination, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, packet->source, sizeof(ip->daddr));
	return 0;
}

/* The request becomes the reply. 0, or a negative reason to drop the packet. */
WG_INLINE int echo_answer(__u32 family, struct __sk_buff *skb, const struct packet *packet)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct reject_icmp *icmp = packet_at(data, packet->l4_offset);
	__u8 before;

	if (data + sizeof(struct ethhdr) > end || (void *)(icmp + 1) > end)
		return -WG_REASON_REWRITE;
	before = icmp->type;
	icmp->type = family == WG_IPV4 ? ECHO_REPLY : ECHO_REPLY_IPV6;
	icmp->checksum = nat_checksum(icmp->checksum, nat_replace(0, before, icmp->type));
	reject_swap_mac(data);
	return echo_turn_ip(family, data, end, packet) ? -WG_REASON_REWRITE : 0;
}
