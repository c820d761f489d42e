/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * From bytes to a tuple: Ethernet (up to two VLAN tags), IPv4 with options, IPv6 with extension headers, TCP, UDP. SCTP
 * (its chunk is read by a step of its own).
 *
 * One contract for all functions: they check bounds themselves, answer a negative reason for what Waggle leaves alone,
 * and keep addresses and ports in network byte order.
 */
#pragma once

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>

#include <waggle/abi/reason.h>

#include "lib/compiler.h"

#define PARSE_VLAN_TAGS         2
#define PARSE_EXTENSION_HEADERS 4
/* The farthest the headers Waggle reads may reach: 14 + 2*4 + 40 + extension headers + TCP. */
#define PARSE_MAX_OFFSET 512u
#define IP_FRAGMENT_BITS 0x3fffu /* more fragments, and the offset */

/* IPv6 extension headers (IANA protocol numbers) */
#define IPV6_HOP_BY_HOP  0u
#define IPV6_ROUTING     43u
#define IPV6_FRAGMENT    44u
#define IPV6_DESTINATION 60u

#define TCP_FLAG_FIN_BIT 0x01u
#define TCP_FLAG_SYN_BIT 0x02u
#define TCP_FLAG_RST_BIT 0x04u
#define TCP_FLAG_ACK_BIT 0x10u

struct sctp_header {
	__be16 source;
	__be16 dest;
	__be32 tag;
	__u32 checksum; /* CRC32c, little endian */
};

/* Chunk types (RFC 9260) that begin or end an association */
#define SCTP_INIT              1u
#define SCTP_INIT_ACK          2u
#define SCTP_ABORT             6u
#define SCTP_SHUTDOWN          7u
#define SCTP_SHUTDOWN_ACK      8u
#define SCTP_SHUTDOWN_COMPLETE 14u
#define SCTP_INIT_BYTES        20u /* of the chunk, at least */
#define SCTP_CHUNK_BYTES       4u

struct packet {
	__be32 source[WG_ADDRESS_WORDS];
	__be32 destination[WG_ADDRESS_WORDS];
	__be16 source_port;
	__be16 destination_port;
	__u16 l3_offset; /* bytes from the start of the frame */
	__u16 l4_offset; /* 0: a later fragment, which has the first one's ports (fragment.h) */
	__u16 length;    /* bytes of the IP packet as its header says, host byte order */
	__u8 protocol;
	__u8 tcp_flags; /* 0 for UDP; for SCTP what its first chunk would be in TCP */
	__u8 family;    /* enum wg_family */
	__u8 ttl;       /* or hop limit */
	__u16 vlan_tags;
};

/* A header of a parsed packet. The mask changes nothing; it is what the verifier wants to see before a bounds check. */
#define PARSE_OFFSET_MASK 1023u
WG_INLINE void *packet_at(void *data, __u32 offset)
{
	OPAQUE(offset);
	return data + (offset & PARSE_OFFSET_MASK);
}

struct parse_vlan {
	__be16 tag;
	__be16 protocol;
};

struct parse_extension {
	__u8 next;
	__u8 length; /* 8-byte units without the first */
};

/* Offset of the IP header; *protocol: EtherType behind all tags. */
WG_INLINE int parse_ethernet(void *data, void *end, __be16 *protocol, __u16 *tags)
{
	struct ethhdr *ethernet = data;
	int offset = sizeof(*ethernet);

	*tags = 0;
	if ((void *)(ethernet + 1) > end)
		return -WG_REASON_TRUNCATED;
	*protocol = ethernet->h_proto;
#pragma unroll
	for (int i = 0; i < PARSE_VLAN_TAGS; i++) {
		struct parse_vlan *vlan = data + offset;

		if (*protocol != bpf_htons(ETH_P_8021Q) && *protocol != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(vlan + 1) > end)
			return -WG_REASON_TRUNCATED;
		*protocol = vlan->protocol;
		offset += sizeof(*vlan);
		*tags += 1;
	}
	return offset;
}

WG_INLINE int parse_ipv4(void *data, void *end, int offset, struct packet *packet)
{
	struct iphdr *ip = data + offset;
	__u32 header;

	if ((void *)(ip + 1) > end)
		return -WG_REASON_TRUNCATED;
	header = ip->ihl * 4u;
	packet->length = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header < sizeof(*ip) || packet->length < header)
		return -WG_REASON_MALFORMED;
	packet->source[0] = ip->saddr;
	packet->destination[0] = ip->daddr;
	packet->protocol = ip->protocol;
	packet->ttl = ip->ttl;
	packet->family = WG_IPV4;
	packet->l3_offset = offset;
	packet->l4_offset = offset + header;
	return ip->frag_off & bpf_htons(IP_FRAGMENT_BITS) ? -WG_REASON_FRAGMENT : 0;
}

/* Walks the extension headers that may precede L4. */
WG_INLINE int parse_ipv6_extensions(void *data, void *end, __u32 offset, __u8 next, struct packet *packet)
{
#pragma unroll
	for (int i = 0; i < PARSE_EXTENSION_HEADERS; i++) {
		struct parse_extension *extension;

		if (next == IPV6_FRAGMENT) {
			packet->l4_offset = offset; /* of the fragment header */
			return -WG_REASON_FRAGMENT;
		}
		if (next != IPV6_HOP_BY_HOP && next != IPV6_ROUTING && next != IPV6_DESTINATION)
			break;
		if (offset > PARSE_MAX_OFFSET)
			return -WG_REASON_MALFORMED;
		extension = data + offset;
		if ((void *)(extension + 1) > end)
			return -WG_REASON_TRUNCATED;
		next = extension->next;
		offset += (extension->length + 1u) * 8u;
	}
	packet->protocol = next;
	packet->l4_offset = offset;
	return 0;
}

WG_INLINE int parse_ipv6(void *data, void *end, int offset, struct packet *packet)
{
	struct ipv6hdr *ip = data + offset;

	if ((void *)(ip + 1) > end)
		return -WG_REASON_TRUNCATED;
	if (ip->version != 6)
		return -WG_REASON_MALFORMED;
	__builtin_memcpy(packet->source, &ip->saddr, sizeof(packet->source));
	__builtin_memcpy(packet->destination, &ip->daddr, sizeof(packet->destination));
	packet->length = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	packet->ttl = ip->hop_limit;
	packet->family = WG_IPV6;
	packet->l3_offset = offset;
	return parse_ipv6_extensions(data, end, offset + sizeof(*ip), ip->nexthdr, packet);
}

/* Whether the IP header leaves room for an L4 header of `size` bytes. */
WG_INLINE int parse_fits(const struct packet *packet, __u32 size)
{
	return (__u32)packet->l4_offset - packet->l3_offset + size <= packet->length;
}

WG_INLINE int parse_tcp(void *data, void *end, struct packet *packet)
{
	struct tcphdr *tcp = data + packet->l4_offset;

	OPAQUE(tcp); /* or clang computes it once more behind the check, which the verifier does not follow */
	if ((void *)(tcp + 1) > end)
		return -WG_REASON_TRUNCATED;
	if (tcp->doff < 5 || !parse_fits(packet, tcp->doff * 4u))
		return -WG_REASON_MALFORMED;
	packet->source_port = tcp->source;
	packet->destination_port = tcp->dest;
	packet->tcp_flags = ((__u8 *)tcp)[13];
	return 0;
}

WG_INLINE int parse_udp(void *data, void *end, struct packet *packet)
{
	struct udphdr *udp = data + packet->l4_offset;

	OPAQUE(udp);
	if ((void *)(udp + 1) > end)
		return -WG_REASON_TRUNCATED;
	if (!parse_fits(packet, sizeof(*udp)))
		return -WG_REASON_MALFORMED;
	packet->source_port = udp->source;
	packet->destination_port = udp->dest;
	packet->tcp_flags = 0;
	return 0;
}

/* What a chunk does to the association, said by TCP's flags, so that flows have one set of states. Like TCP's FIN,
 * SHUTDOWN and its answer end one direction each; SHUTDOWN COMPLETE and ABORT end all. */
WG_INLINE __u8 parse_sctp_flags(__u8 chunk)
{
	if (chunk == SCTP_INIT)
		return TCP_FLAG_SYN_BIT;
	if (chunk == SCTP_INIT_ACK)
		return TCP_FLAG_SYN_BIT | TCP_FLAG_ACK_BIT;
	if (chunk == SCTP_ABORT || chunk == SCTP_SHUTDOWN_COMPLETE)
		return TCP_FLAG_RST_BIT;
	if (chunk == SCTP_SHUTDOWN || chunk == SCTP_SHUTDOWN_ACK)
		return TCP_FLAG_FIN_BIT | TCP_FLAG_ACK_BIT;
	return TCP_FLAG_ACK_BIT;
}

/* The first chunk of an SCTP packet whose ports are read already. room: bytes from its header on, by the packet's own
 * account. may_lack_chunk: a chunk that is not in reach is taken for data. What it would be in TCP's flags, or a
 * negative reason. */
WG_INLINE int parse_sctp_chunk(struct sctp_header *sctp, void *end, __u32 room, int may_lack_chunk)
{
	__u8 *chunk = (__u8 *)(sctp + 1);

	if ((void *)(sctp + 1) > end)
		return -WG_REASON_TRUNCATED;
	if (room < sizeof(*sctp) + SCTP_CHUNK_BYTES)
		return -WG_REASON_MALFORMED;
	if ((void *)(chunk + 1) > end)
		return may_lack_chunk ? (int)TCP_FLAG_ACK_BIT : -WG_REASON_TRUNCATED;
	if (*chunk == SCTP_INIT && room < sizeof(*sctp) + SCTP_INIT_BYTES)
		return -WG_REASON_MALFORMED;
	return parse_sctp_flags(*chunk);
}

/* Where the packet ends by its own account, in bytes from the start of the frame. */
WG_INLINE __u32 parse_end(const struct packet *packet)
{
	return (__u32)packet->l3_offset + packet->length;
}

/* What follows the link-layer header that parse_ethernet has read: 0, or the negative reason why the packet is left
 * alone. `packet` must be zeroed before. The family is a constant at every call: the two share no variables, so that
 * IPv4 keeps its few words in registers. takes_sctp: a constant, too; else SCTP is a protocol like others. */
WG_INLINE int parse_network(__u32 family, void *data, void *end, int offset, int takes_sctp, struct packet *packet)
{
	int result = family == WG_IPV4 ? parse_ipv4(data, end, offset, packet) : parse_ipv6(data, end, offset, packet);

	if (result < 0)
		return result;
	if (packet->l4_offset > PARSE_MAX_OFFSET)
		return -WG_REASON_MALFORMED;
	if (packet->protocol == WG_PROTOCOL_TCP)
		return parse_tcp(data, end, packet);
	if (packet->protocol == WG_PROTOCOL_UDP || (takes_sctp && packet->protocol == WG_PROTOCOL_SCTP))
		return parse_udp(data, end, packet); /* the ports of both are in the same place */
	return -WG_REASON_PROTOCOL;
}
