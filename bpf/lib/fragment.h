/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Fragments, IPv4 and IPv6 (contract K-14). The first one has the ports: it is handled as a packet, and what could be a
 * service's leaves its ports in `fragments`. Those that follow take them from there, go where the first one went, and
 * have nothing but addresses to rewrite. Called by TC; XDP leaves fragments alone. Services count each as a packet.
 *
 * A fragment that overtakes its first one finds no ports. One for a ClusterIP has nowhere to go and is dropped; others
 * may be the node's own business, and pass: without its first one nobody puts the datagram together.
 *
 * Fragments of SCTP are left alone: its checksum follows the ports, over a length that the first one does not know.
 */
#pragma once

#include "lib/address.h"
#include "lib/nat.h"
#include "lib/snat.h"
#include "lib/work.h"

#define FRAGMENT_SECONDS     30u /* as long as the kernel waits for the rest of a datagram (ipfrag_time) */
#define FRAGMENT_OFFSET_BITS 0x1fffu
#define FRAGMENT_MORE6       0x1u
#define FRAGMENT_OFFSET6     0xfff8u

/* What the fragment's headers say. */
struct fragment_part {
	__u32 id;
	__u32 l4_offset; /* where the payload begins, from the start of the frame */
	__u8 protocol;
	__u8 is_first;
	__u8 is_whole; /* an atomic fragment (RFC 6946): a packet like others */
};

/* The second word of an IPv4 header; IPv6's fragment header. */
struct fragment_word4 {
	__be16 id;
	__be16 bits;
};
struct fragment_header6 {
	__u8 next;
	__u8 reserved;
	__be16 bits;
	__be32 id;
};

WG_INLINE int fragment_part_of(struct __sk_buff *skb, const struct packet *packet, struct fragment_part *part)
{
	struct fragment_header6 header;
	struct fragment_word4 word;

	if (packet->family == WG_IPV4) {
		if (bpf_skb_load_bytes(skb, packet->l3_offset + sizeof(word), &word, sizeof(word)))
			return 0;
		part->id = word.id;
		part->protocol = packet->protocol;
		part->l4_offset = packet->l4_offset;
		part->is_first = !(word.bits & bpf_htons(FRAGMENT_OFFSET_BITS));
		part->is_whole = 0;
		return 1;
	}
	if (bpf_skb_load_bytes(skb, packet->l4_offset, &header, sizeof(header)))
		return 0;
	part->id = header.id;
	part->protocol = header.next;
	part->l4_offset = packet->l4_offset + sizeof(header);
	part->is_first = !(header.bits & bpf_htons(FRAGMENT_OFFSET6));
	part->is_whole = part->is_first && !(header.bits & bpf_htons(FRAGMENT_MORE6));
	return 1;
}

WG_INLINE void fragment_key_of(const struct packet *packet, const struct fragment_part *part, int is_egress,
			       struct wg_fragment_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	copy_address(WG_ADDRESS_WORDS, key->source, packet->source);
	copy_address(WG_ADDRESS_WORDS, key->destination, packet->destination);
	key->id = part->id;
	key->protocol = part->protocol;
	key->family = packet->family;
	key->hook = is_egress ? WG_FRAGMENT_EGRESS : WG_FRAGMENT_INGRESS;
}

/* Could it be a service's, as far as the gates know? */
WG_INLINE int fragment_may_matter(struct __sk_buff *skb, __u32 family, const struct packet *packet, int is_egress)
{
	const int is_reply = reply_gate_open(family, packet->source, packet->source_port, packet->protocol);

	if (is_egress)
		return is_reply || skb->mark & settings.snat_mark;
	return frontend_gate_open(family, packet->destination) ||
	       (is_reply && snat_port_in_range(packet->destination_port));
}

/* Ports and flags of a first fragment, whose L4 header must be there in one piece, and in reach of those who write it.
 */
WG_INLINE int fragment_read_l4(struct __sk_buff *skb, const struct fragment_part *part, struct packet *packet)
{
	const int is_tcp = part->protocol == WG_PROTOCOL_TCP;
	struct tcphdr tcp = {.doff = 5};

	packet->protocol = part->protocol;
	packet->l4_offset = part->l4_offset;
	if (!parse_fits(packet, is_tcp ? sizeof(struct tcphdr) : sizeof(struct udphdr)))
		return -WG_REASON_MALFORMED;
	if (part->l4_offset + sizeof(tcp) > skb->data_end - skb->data && skb->data_end - skb->data < skb->len)
		return -WG_REASON_TRUNCATED;
	if (is_tcp ? bpf_skb_load_bytes(skb, part->l4_offset, &tcp, sizeof(struct tcphdr))
		   : bpf_skb_load_bytes(skb, part->l4_offset, &tcp, sizeof(struct udphdr)))
		return -WG_REASON_TRUNCATED;
	if (is_tcp && (tcp.doff < 5 || !parse_fits(packet, tcp.doff * 4u)))
		return -WG_REASON_MALFORMED;
	packet->source_port = tcp.source;
	packet->destination_port = tcp.dest;
	packet->tcp_flags = is_tcp ? ((__u8 *)&tcp)[13] : 0;
	return 0;
}

/* A first fragment, or an atomic one. */
WG_INLINE int fragment_first(struct __sk_buff *skb, __u32 family, struct packet *packet,
			     const struct fragment_part *part, int is_egress)
{
	struct wg_fragment_value value = {.seen = bpf_jiffies64()};
	struct wg_fragment_key key;
	const int result = fragment_read_l4(skb, part, packet);

	if (result < 0 || part->is_whole || !fragment_may_matter(skb, family, packet, is_egress))
		return result;
	fragment_key_of(packet, part, is_egress, &key);
	value.source_port = packet->source_port;
	value.destination_port = packet->destination_port;
	bpf_map_update_elem(&fragments, &key, &value, BPF_ANY);
	return 0;
}

/* One whose first is not known. A marked one would show the backend an address that it must not see. */
WG_INLINE int fragment_lost(struct __sk_buff *skb, __u32 family, const struct packet *packet, int is_egress)
{
	struct frontend_hit hit;

	if (is_egress)
		return skb->mark & settings.snat_mark ? -WG_REASON_FRAGMENT_LOST : -WG_REASON_FRAGMENT;
	return address_is_cluster_ip(family, packet->destination, &hit) ? -WG_REASON_FRAGMENT_LOST
									: -WG_REASON_FRAGMENT;
}

/* One that follows: no L4 header, and the first one's ports. */
WG_INLINE int fragment_later(struct __sk_buff *skb, __u32 family, struct packet *packet,
			     const struct fragment_part *part, int is_egress)
{
	const struct wg_fragment_value *value;
	struct wg_fragment_key key;

	fragment_key_of(packet, part, is_egress, &key);
	value = bpf_map_lookup_elem(&fragments, &key);
	if (!value || (__u32)bpf_jiffies64() - value->seen > FRAGMENT_SECONDS * settings.hz)
		return fragment_lost(skb, family, packet, is_egress);
	packet->protocol = part->protocol;
	packet->l4_offset = 0;
	packet->source_port = value->source_port;
	packet->destination_port = value->destination_port;
	packet->tcp_flags = part->protocol == WG_PROTOCOL_TCP ? TCP_FLAG_ACK_BIT : 0;
	return 0;
}

WG_INLINE int fragment_read(__u32 family, struct __sk_buff *skb, struct packet *packet, int is_egress)
{
	struct fragment_part part;

	if (packet->l4_offset > PARSE_MAX_OFFSET || !fragment_part_of(skb, packet, &part))
		return -WG_REASON_FRAGMENT;
	if (part.protocol != WG_PROTOCOL_TCP && part.protocol != WG_PROTOCOL_UDP &&
	    !(part.is_whole && part.protocol == WG_PROTOCOL_SCTP))
		return -WG_REASON_FRAGMENT;
	return part.is_first ? fragment_first(skb, family, packet, &part, is_egress)
			     : fragment_later(skb, family, packet, &part, is_egress);
}

/* For the packet in the working memory. */
WG_GLOBAL int fragment_read4(struct __sk_buff *skb, struct lb_scratch *work, int is_egress)
{
	return work ? fragment_read(WG_IPV4, skb, &work->packet, is_egress) : -WG_REASON_FRAGMENT;
}
WG_GLOBAL int fragment_read6(struct __sk_buff *skb, struct lb_scratch *work, int is_egress)
{
	return work ? fragment_read(WG_IPV6, skb, &work->packet, is_egress) : -WG_REASON_FRAGMENT;
}

/* Completes a packet for which parse_network answered WG_REASON_FRAGMENT: 0, or a negative reason. */
WG_INLINE int fragment_take(struct __sk_buff *skb, __u32 family, int is_egress, struct packet *packet)
{
	const struct frontend_hit none = {};
	struct lb_scratch *work = lb_scratch_for(packet, &none);
	int result = family == WG_IPV4 ? fragment_read4(skb, work, is_egress) : fragment_read6(skb, work, is_egress);

	if (result < 0 || !work)
		return result;
	packet->source_port = work->packet.source_port;
	packet->destination_port = work->packet.destination_port;
	packet->tcp_flags = work->packet.tcp_flags;
	packet->protocol = work->packet.protocol;
	packet->l4_offset = work->packet.l4_offset;
	return 0;
}
