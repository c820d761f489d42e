/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Rewriting a packet: new addresses and ports in, headers and checksums changed. Does not decide anything.
 *
 * IP headers are changed by direct access with incremental checksums (RFC 1624). The L4 checksum: in XDP packets carry
 * complete ones, so it is incremental, too; in TC bpf_l4_csum_replace does it, because only it knows whether the
 * checksum is complete, partial or left to the hardware.
 */
#pragma once

#include "lib/parse.h"

/* What the packet shall say afterwards. */
struct rewrite {
	__be32 source[WG_ADDRESS_WORDS];
	__be32 destination[WG_ADDRESS_WORDS];
	__be16 source_port;
	__be16 destination_port;
};

WG_INLINE void rewrite_nothing(__u32 family, const struct packet *packet, struct rewrite *rewrite)
{
	copy_address(address_words(family), rewrite->source, packet->source);
	copy_address(address_words(family), rewrite->destination, packet->destination);
	rewrite->source_port = packet->source_port;
	rewrite->destination_port = packet->destination_port;
}

/* One's complement sums, unfolded. */
WG_INLINE __u64 nat_replace(__u64 sum, __u32 before, __u32 after)
{
	return sum + (__u32)~before + after;
}

WG_INLINE __u64 nat_address_difference(__u32 family, const struct packet *packet, const struct rewrite *rewrite)
{
	const __u32 words = address_words(family);
	__u64 sum = 0;

#pragma unroll
	for (__u32 i = 0; i < WG_ADDRESS_WORDS; i++)
		if (i < words) {
			sum = nat_replace(sum, packet->source[i], rewrite->source[i]);
			sum = nat_replace(sum, packet->destination[i], rewrite->destination[i]);
		}
	return sum;
}

WG_INLINE __u32 nat_fold32(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	return sum;
}

WG_INLINE __u16 nat_fold16(__u64 sum)
{
	sum = nat_fold32(sum);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* A checksum field after `difference` was added to what it covers. */
WG_INLINE __sum16 nat_checksum(__sum16 check, __u64 difference)
{
	return ~nat_fold16((__u64)(__u16)~check + nat_fold32(difference));
}

/* The IP header. 0, or -1 if the packet is shorter than it was. */
WG_INLINE int nat_write_ip(__u32 family, void *data, void *end, const struct packet *packet,
			   const struct rewrite *rewrite, __u64 difference)
{
	if (family == WG_IPV4) {
		struct iphdr *ip = packet_at(data, packet->l3_offset);

		if ((void *)(ip + 1) > end)
			return -1;
		ip->saddr = rewrite->source[0];
		ip->daddr = rewrite->destination[0];
		ip->check = nat_checksum(ip->check, difference);
		return 0;
	}
	struct ipv6hdr *ip = packet_at(data, packet->l3_offset);

	if ((void *)(ip + 1) > end)
		return -1;
	__builtin_memcpy(&ip->saddr, rewrite->source, sizeof(rewrite->source));
	__builtin_memcpy(&ip->daddr, rewrite->destination, sizeof(rewrite->destination));
	return 0;
}

struct nat_ports {
	__be16 source;
	__be16 destination;
};

WG_INLINE int nat_write_ports(void *data, void *end, const struct packet *packet, const struct rewrite *rewrite)
{
	struct nat_ports *ports;

	ports = packet_at(data, packet->l4_offset);
	if ((void *)(ports + 1) > end)
		return -1;
	ports->source = rewrite->source_port;
	ports->destination = rewrite->destination_port;
	return 0;
}

WG_INLINE __u32 nat_checksum_offset(const struct packet *packet)
{
	return packet->protocol == WG_PROTOCOL_TCP ? __builtin_offsetof(struct tcphdr, check)
						   : __builtin_offsetof(struct udphdr, check);
}

WG_INLINE __u32 nat_ports_word(__be16 source, __be16 destination)
{
	return (__u32)destination << 16 | source;
}

/* One hop less to go, as the kernel's forwarding has it. 0, or -1 if the packet is shorter than it was. */
WG_INLINE int nat_hop(__u32 family, void *data, void *end, const struct packet *packet)
{
	if (family == WG_IPV4) {
		struct iphdr *ip = packet_at(data, packet->l3_offset);

		if ((void *)(ip + 1) > end)
			return -1;
		ip->check = nat_checksum(ip->check, nat_replace(0, 1, 0)); /* TTL is the low byte of its word */
		ip->ttl -= 1;
		return 0;
	}
	struct ipv6hdr *ip = packet_at(data, packet->l3_offset);

	if ((void *)(ip + 1) > end)
		return -1;
	ip->hop_limit -= 1;
	return 0;
}
