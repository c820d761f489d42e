/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Reading an ICMP or ICMPv6 error and the packet it quotes into the working memory of icmp.h, which alone calls this.
 */
#pragma once

#include "lib/nat.h"
#include "lib/reply.h"

#define ICMP_QUOTED_L4_BYTES 8u /* every error quotes as much (RFC 792) */
#define ICMP_CHECK_OFFSET    2u
#define ICMP_FRAGMENT_OFFSET 0x1fffu

/* Types of errors: RFC 792 and RFC 4443 */
#define ICMP_UNREACHABLE   3u
#define ICMP_EXCEEDED      11u
#define ICMP_PARAMETER     12u
#define ICMPV6_FIRST_ERROR 1u /* unreachable, packet too big, time exceeded, parameter problem */
#define ICMPV6_LAST_ERROR  4u

struct icmp_header {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	__be32 rest;
};

struct icmp_work {
	struct packet outer;  /* in: the error's own IP header */
	struct packet quoted; /* its first layer is in l3_offset */
	struct rewrite outer_after;
	struct rewrite quoted_after;
	__sum16 outer_ip_check;
	__sum16 quoted_ip_check;
	__sum16 l4_check;
	__sum16 icmp_check;
	__u32 l4_check_offset; /* 0: the quote has none, or it stays */
	__u32 backend;         /* of the flow, as wg_flow_head.backend */
	struct packet request; /* the quoted packet's direction turned round */
	struct frontend_hit frontend;
	struct table_key key;
	struct reply_flow flow;
	struct snat_owner owner;
	struct wg_spill_value spilled;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct icmp_work);
} icmp_scratch SEC(".maps");

WG_INLINE struct icmp_work *icmp_work_for(const struct packet *packet)
{
	__u32 zero = 0;
	struct icmp_work *work = bpf_map_lookup_elem(&icmp_scratch, &zero);

	if (work)
		work->outer = *packet;
	return work;
}

/* Unreachable (fragmentation needed, too), time exceeded, parameter problem; in ICMPv6 packet too big, too. */
WG_INLINE int icmp_is_error(__u32 family, __u8 type)
{
	if (family == WG_IPV4)
		return type == ICMP_UNREACHABLE || type == ICMP_EXCEEDED || type == ICMP_PARAMETER;
	return type >= ICMPV6_FIRST_ERROR && type <= ICMPV6_LAST_ERROR;
}

WG_INLINE int icmp_read_quote4(struct __sk_buff *skb, struct icmp_work *work)
{
	struct packet *quoted = &work->quoted;
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, quoted->l3_offset, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5 ||
	    ip.frag_off & bpf_htons(ICMP_FRAGMENT_OFFSET))
		return 0;
	quoted->source[0] = ip.saddr;
	quoted->destination[0] = ip.daddr;
	quoted->protocol = ip.protocol;
	quoted->l4_offset = quoted->l3_offset + ip.ihl * 4;
	work->quoted_ip_check = ip.check;
	return !bpf_skb_load_bytes(skb, work->outer.l3_offset + __builtin_offsetof(struct iphdr, check),
				   &work->outer_ip_check, sizeof(work->outer_ip_check));
}

/* Walks what precedes L4 in the quote. A fragment header is passed if L4 begins behind it. */
WG_INLINE int icmp_read_extensions(struct __sk_buff *skb, struct packet *quoted, __u8 next)
{
	__u32 offset = quoted->l3_offset + sizeof(struct ipv6hdr);

#pragma nounroll
	for (int i = 0; i < PARSE_EXTENSION_HEADERS; i++) {
		__u8 header[8];

		OPAQUE(i);
		if (next != IPV6_HOP_BY_HOP && next != IPV6_ROUTING && next != IPV6_DESTINATION &&
		    next != IPV6_FRAGMENT)
			break;
		if (bpf_skb_load_bytes(skb, offset, header, sizeof(header)))
			return 0;
		if (next == IPV6_FRAGMENT && (header[2] || header[3] & 0xf8))
			return 0;
		offset += next == IPV6_FRAGMENT ? sizeof(header) : (header[1] + 1u) * 8u;
		next = header[0];
	}
	quoted->protocol = next;
	quoted->l4_offset = offset;
	return 1;
}

WG_INLINE int icmp_read_quote6(struct __sk_buff *skb, struct icmp_work *work)
{
	struct packet *quoted = &work->quoted;
	struct ipv6hdr ip;

	if (bpf_skb_load_bytes(skb, quoted->l3_offset, &ip, sizeof(ip)) || ip.version != 6)
		return 0;
	__builtin_memcpy(quoted->source, &ip.saddr, sizeof(quoted->source));
	__builtin_memcpy(quoted->destination, &ip.daddr, sizeof(quoted->destination));
	return icmp_read_extensions(skb, quoted, ip.nexthdr);
}

/* Ports, and the L4 checksum if the quote reaches so far. SCTP's does not cover addresses, and nobody checks it in a
 * quote that is cut off. */
WG_INLINE int icmp_read_quoted_l4(struct __sk_buff *skb, struct icmp_work *work)
{
	struct packet *quoted = &work->quoted;
	const __u32 end = parse_end(&work->outer);
	struct nat_ports ports;
	__u32 check;

	if (quoted->protocol != WG_PROTOCOL_TCP && quoted->protocol != WG_PROTOCOL_UDP &&
	    quoted->protocol != WG_PROTOCOL_SCTP)
		return 0;
	if (quoted->l4_offset + ICMP_QUOTED_L4_BYTES > end ||
	    bpf_skb_load_bytes(skb, quoted->l4_offset, &ports, sizeof(ports)))
		return 0;
	quoted->source_port = ports.source;
	quoted->destination_port = ports.destination;
	work->l4_check_offset = 0;
	check = quoted->l4_offset + nat_checksum_offset(quoted);
	if (quoted->protocol == WG_PROTOCOL_SCTP || check + sizeof(work->l4_check) > end)
		return 1;
	if (bpf_skb_load_bytes(skb, check, &work->l4_check, sizeof(work->l4_check)))
		return 0;
	if (quoted->protocol == WG_PROTOCOL_TCP || work->l4_check)
		work->l4_check_offset = check;
	return 1;
}

/* Reads the error whose IP header is in work->outer. 0, or WG_REASON_PROTOCOL: it is none, or not one to be read. */
WG_INLINE int icmp_read(__u32 family, struct __sk_buff *skb, struct icmp_work *work)
{
	const struct packet *outer = &work->outer;
	struct icmp_header header;

	if (bpf_skb_load_bytes(skb, outer->l4_offset, &header, sizeof(header)) || !icmp_is_error(family, header.type))
		return -WG_REASON_PROTOCOL;
	work->icmp_check = header.checksum;
	work->backend = 0;
	work->quoted.family = family;
	work->quoted.l3_offset = outer->l4_offset + sizeof(header);
	if (!(family == WG_IPV4 ? icmp_read_quote4(skb, work) : icmp_read_quote6(skb, work)) ||
	    !icmp_read_quoted_l4(skb, work) ||
	    !same_address(address_words(family), work->quoted.source, outer->destination))
		return -WG_REASON_PROTOCOL;
	rewrite_nothing(family, outer, &work->outer_after);
	rewrite_nothing(family, &work->quoted, &work->quoted_after);
	return 0;
}
