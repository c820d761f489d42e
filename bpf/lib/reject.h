/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Rejecting: the packet becomes an ICMP or ICMPv6 port unreachable from the frontend and goes back where it came from
 * (contract K-15), so that a TCP client sees ECONNREFUSED at once. Limited per CPU and second.
 */
#pragma once

#include "lib/maps.h"
#include "lib/nat.h"

#define REJECT_TTL       64
#define REJECT_TCP_BYTES 20u /* of the offending L4 header; no less, or a partial checksum would lie behind the end */
#define REJECT_UDP_BYTES 8u

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

WG_INLINE __u32 reject_quoted(const struct packet *packet)
{
	return packet->protocol == WG_PROTOCOL_TCP ? REJECT_TCP_BYTES : REJECT_UDP_BYTES;
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

/* The kernel adds zeroed space behind the Ethernet header; this fills it in. quoted: bytes of L4 behind the old header.
 */
WG_INLINE int reject_write4(struct __sk_buff *skb, const struct packet *packet, __u32 quoted)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct reject_header4 *header = data + sizeof(struct ethhdr);
	void *inner = header + 1;

	if (inner + sizeof(struct iphdr) + quoted > end)
		return -1;
	reject_swap_mac(data);
	__builtin_memset(header, 0, sizeof(*header));
	header->ip.version = 4;
	header->ip.ihl = 5;
	header->ip.ttl = REJECT_TTL;
	header->ip.protocol = WG_PROTOCOL_ICMP;
	header->ip.tot_len = bpf_htons(sizeof(*header) + sizeof(struct iphdr) + quoted);
	header->ip.saddr = packet->destination[0];
	header->ip.daddr = packet->source[0];
	header->ip.check = ~nat_fold16(reject_sum(&header->ip, sizeof(header->ip)));
	header->icmp.type = REJECT_ICMP_UNREACHABLE;
	header->icmp.code = REJECT_ICMP_PORT;
	header->icmp.checksum = ~nat_fold16(reject_sum(&header->icmp, sizeof(header->icmp)) +
					    reject_sum(inner, sizeof(struct iphdr) + quoted));
	return 0;
}

WG_INLINE int reject_write6(struct __sk_buff *skb, const struct packet *packet, __u32 quoted)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct reject_header6 *header = data + sizeof(struct ethhdr);
	void *inner = header + 1;
	const __u32 length = sizeof(header->icmp) + sizeof(struct ipv6hdr) + quoted;

	if (inner + sizeof(struct ipv6hdr) + quoted > end)
		return -1;
	reject_swap_mac(data);
	__builtin_memset(header, 0, sizeof(*header));
	header->ip.version = 6;
	header->ip.payload_len = bpf_htons(length);
	header->ip.nexthdr = WG_PROTOCOL_ICMPV6;
	header->ip.hop_limit = REJECT_TTL;
	__builtin_memcpy(&header->ip.saddr, packet->destination, sizeof(header->ip.saddr));
	__builtin_memcpy(&header->ip.daddr, packet->source, sizeof(header->ip.daddr));
	header->icmp.type = REJECT_ICMPV6_UNREACHABLE;
	header->icmp.code = REJECT_ICMPV6_PORT;
	header->icmp.checksum =
	    ~nat_fold16(reject_sum(&header->ip.saddr, 2 * sizeof(header->ip.saddr)) + bpf_htonl(length) +
			bpf_htonl(WG_PROTOCOL_ICMPV6) + reject_sum(&header->icmp, sizeof(header->icmp)) +
			reject_sum(inner, sizeof(struct ipv6hdr) + quoted));
	return 0;
}

/* Only the plain shape: no options, no extension headers, no tags in the frame. Others are dropped, and counted as
 * such. */
WG_INLINE int reject_has_plain_shape(__u32 family, const struct packet *packet)
{
	const __u32 header = family == WG_IPV4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);

	return packet->l3_offset == sizeof(struct ethhdr) && packet->l4_offset == packet->l3_offset + header;
}

/* The packet becomes the error. 0, or a negative reason to drop it. */
WG_INLINE int reject_build(__u32 family, struct __sk_buff *skb, const struct packet *packet)
{
	const __u32 header = family == WG_IPV4 ? sizeof(struct reject_header4) : sizeof(struct reject_header6);
	const __u32 quoted = reject_quoted(packet);

	if (!reject_has_plain_shape(family, packet))
		return -WG_REASON_REWRITE;
	if (bpf_skb_change_tail(skb, packet->l4_offset + quoted, 0) ||
	    bpf_skb_adjust_room(skb, header, BPF_ADJ_ROOM_MAC, 0))
		return -WG_REASON_REWRITE;
	if (packet->protocol == WG_PROTOCOL_TCP)
		return (family == WG_IPV4 ? reject_write4(skb, packet, REJECT_TCP_BYTES)
					  : reject_write6(skb, packet, REJECT_TCP_BYTES))
			   ? -WG_REASON_REWRITE
			   : 0;
	return (family == WG_IPV4 ? reject_write4(skb, packet, REJECT_UDP_BYTES)
				  : reject_write6(skb, packet, REJECT_UDP_BYTES))
		   ? -WG_REASON_REWRITE
		   : 0;
}
