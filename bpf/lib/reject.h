/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Rejecting: the packet becomes an ICMP or ICMPv6 port unreachable from the frontend and goes back where it came from
 * (contract K-15), so that a TCP client sees ECONNREFUSED at once. Limited per CPU and second.
 */
#pragma once

#include "lib/maps.h"
#include "lib/nat.h"

#define REJECT_TTL 64
/* Of the offending L4 header: for TCP no less, or a partial checksum would lie behind the end; for SCTP no less, or a
 * client could not find its initiate tag in it (RFC 9260, appendix C). */
#define REJECT_TCP_BYTES 20u
#define REJECT_UDP_BYTES 8u
#define REJECT_MAX_QUOTE 160u /* of the offending packet, from its IP header on */

struct reject_limit {
	__u32 second;
	__u32 sent;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct reject_limit);
} reject_limits SEC(".maps");

WG_INLINE int reject_is_allowed(void)
{
	__u32 zero = 0;
	const __u32 second = bpf_jiffies64() / settings.hz;
	struct reject_limit *limit = bpf_map_lookup_elem(&reject_limits, &zero);

	if (!limit)
		return 0;
	if (limit->second != second) {
		limit->second = second;
		limit->sent = 0;
	}
	if (limit->sent >= settings.reject_per_second)
		return 0;
	limit->sent += 1;
	return 1;
}

/* What the error quotes, with zeros behind it. */
struct reject_quote {
	__u8 bytes[REJECT_MAX_QUOTE];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct reject_quote);
} reject_quotes SEC(".maps");

/* ICMP (RFC 792) and ICMPv6 (RFC 4443) errors have one form. */
struct reject_icmp {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	__be32 unused;
};
#define REJECT_ICMP_UNREACHABLE   3u
#define REJECT_ICMP_PORT          3u
#define REJECT_ICMPV6_UNREACHABLE 1u
#define REJECT_ICMPV6_PORT        4u

/* What stands in front of the offending packet's own header. */
struct reject_header4 {
	struct iphdr ip;
	struct reject_icmp icmp;
} __attribute__((packed));

struct reject_header6 {
	struct ipv6hdr ip;
	struct reject_icmp icmp;
} __attribute__((packed));

/* Bytes of the offending packet that the error quotes. */
WG_INLINE __u32 reject_quoted(const struct packet *packet)
{
	const __u8 protocol = packet->protocol;
	const __u32 header = (__u32)packet->l4_offset - packet->l3_offset;
	__u32 behind = REJECT_UDP_BYTES;

	if (protocol == WG_PROTOCOL_TCP || protocol == WG_PROTOCOL_SCTP)
		behind = REJECT_TCP_BYTES;
	return header + behind < packet->length ? header + behind : packet->length;
}

WG_INLINE void reject_swap_mac(struct ethhdr *ethernet)
{
	__u8 mac[ETH_ALEN];

	__builtin_memcpy(mac, ethernet->h_dest, ETH_ALEN);
	__builtin_memcpy(ethernet->h_dest, ethernet->h_source, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, mac, ETH_ALEN);
}

/* Sum of `bytes` (a multiple of 4, constant) at `data`. */
WG_INLINE __u64 reject_sum(const void *data, __u32 bytes)
{
	const __u32 *word = data;
	__u64 sum = 0;

#pragma unroll
	for (__u32 i = 0; i < bytes / 4; i++)
		sum += word[i];
	return sum;
}

/* sum: of what is quoted. */
WG_INLINE void reject_fill4(struct reject_header4 *header, const struct packet *packet, __u32 quoted, __u64 sum)
{
	__builtin_memset(header, 0, sizeof(*header));
	header->ip.version = 4;
	header->ip.ihl = 5;
	header->ip.ttl = REJECT_TTL;
	header->ip.protocol = WG_PROTOCOL_ICMP;
	header->ip.tot_len = bpf_htons(sizeof(*header) + quoted);
	header->ip.saddr = packet->destination[0];
	header->ip.daddr = packet->source[0];
	header->ip.check = ~nat_fold16(reject_sum(&header->ip, sizeof(header->ip)));
	header->icmp.type = REJECT_ICMP_UNREACHABLE;
	header->icmp.code = REJECT_ICMP_PORT;
	header->icmp.checksum = ~nat_fold16(reject_sum(&header->icmp, sizeof(header->icmp)) + sum);
}

WG_INLINE void reject_fill6(struct reject_header6 *header, const struct packet *packet, __u32 quoted, __u64 sum)
{
	const __u32 length = sizeof(header->icmp) + quoted;

	__builtin_memset(header, 0, sizeof(*header));
	header->ip.version = 6;
	header->ip.payload_len = bpf_htons(length);
	header->ip.nexthdr = WG_PROTOCOL_ICMPV6;
	header->ip.hop_limit = REJECT_TTL;
	__builtin_memcpy(&header->ip.saddr, packet->destination, sizeof(header->ip.saddr));
	__builtin_memcpy(&header->ip.daddr, packet->source, sizeof(header->ip.daddr));
	header->icmp.type = REJECT_ICMPV6_UNREACHABLE;
	header->icmp.code = REJECT_ICMPV6_PORT;
	sum += reject_sum(&header->ip.saddr, 2 * sizeof(header->ip.saddr)) + bpf_htonl(length) +
	       bpf_htonl(WG_PROTOCOL_ICMPV6) + reject_sum(&header->icmp, sizeof(header->icmp));
	header->icmp.checksum = ~nat_fold16(sum);
}

/* Makes room for the error's own headers in front of what it quotes. Behind the Ethernet header the kernel can do that,
 * and a checksum that hardware is yet to fill in moves along; behind tags the quote is written anew. */
WG_INLINE int reject_make_room(__u32 family, struct __sk_buff *skb, const struct packet *packet,
			       const struct reject_quote *quote, __u32 quoted)
{
	const __u32 header = family == WG_IPV4 ? sizeof(struct reject_header4) : sizeof(struct reject_header6);
	const __u32 start = packet->l3_offset;

	if (!packet->vlan_tags)
		return bpf_skb_change_tail(skb, start + quoted, 0) ||
		       bpf_skb_adjust_room(skb, header, BPF_ADJ_ROOM_MAC, 0);
	if (quoted < sizeof(struct iphdr) || quoted > REJECT_MAX_QUOTE)
		return -1;
	return bpf_skb_change_tail(skb, start + header + quoted, 0) ||
	       bpf_skb_store_bytes(skb, start + header, quote->bytes, quoted, 0);
}

/* Into the room goes what makes it an error. */
WG_INLINE int reject_write(__u32 family, struct __sk_buff *skb, const struct packet *packet, __u32 quoted, __u64 sum)
{
	void *data = (void *)(long)skb->data;
	struct reject_header4 header4;
	struct reject_header6 header6;

	if (data + sizeof(struct ethhdr) > (void *)(long)skb->data_end)
		return -1;
	reject_swap_mac(data);
	if (family == WG_IPV4) {
		reject_fill4(&header4, packet, quoted, sum);
		return bpf_skb_store_bytes(skb, packet->l3_offset, &header4, sizeof(header4), 0);
	}
	reject_fill6(&header6, packet, quoted, sum);
	return bpf_skb_store_bytes(skb, packet->l3_offset, &header6, sizeof(header6), 0);
}

/* Copies what the error quotes. 0: the kernel would not give it. */
WG_INLINE int reject_read(struct __sk_buff *skb, const struct packet *packet, struct reject_quote *quote, __u32 quoted)
{
	__builtin_memset(quote, 0, sizeof(*quote));
	if (quoted < sizeof(struct iphdr) || quoted > REJECT_MAX_QUOTE)
		return 0;
	return !bpf_skb_load_bytes(skb, packet->l3_offset, quote->bytes, quoted);
}

/* The packet becomes the error, with the tags, options and extension headers it came with. 0, or a negative reason to
 * drop it. */
WG_INLINE int reject_build(__u32 family, struct __sk_buff *skb, const struct packet *packet)
{
	__u32 zero = 0;
	struct reject_quote *quote = bpf_map_lookup_elem(&reject_quotes, &zero);
	__u32 quoted = reject_quoted(packet);
	__u64 sum;

	OPAQUE(quoted);
	if (!quote || !reject_read(skb, packet, quote, quoted))
		return -WG_REASON_REWRITE;
	sum = (__u32)bpf_csum_diff(0, 0, (__be32 *)quote->bytes, sizeof(quote->bytes), 0);
	if (reject_make_room(family, skb, packet, quote, quoted) || reject_write(family, skb, packet, quoted, sum))
		return -WG_REASON_REWRITE;
	return 0;
}
