/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * ICMP and ICMPv6 errors about packets of a flow (contract K-14): what a router, a backend, a client or this node's own
 * kernel says about a packet reaches the packet's sender, in the addresses and ports that the sender knows. So path MTU
 * discovery works through a service. Called by TC; XDP leaves ICMP alone.
 *
 * An error goes to the source of the packet it quotes. Both are rewritten at the edges where the flow's own packets
 * are, in the other direction, and the error then seems to come from whom the sender spoke to, as the kernel's NAT has
 * it. Where both edges are one (alone.h, host.h), both are rewritten at once. Errors neither keep a flow alive nor
 * change its state, and no service counts them: anybody could send some.
 *
 * What cannot be read for sure is left alone: quotes without ports, later fragments, other protocols, no flow.
 */
#pragma once

#include "lib/alone.h"
#include "lib/host.h"
#include "lib/icmp_read.h"

/* What comes after an error is translated; 0: it goes on its way. */
#define ICMP_ALONE      1 /* sent on past the stack */
#define ICMP_TO_PROCESS 2 /* given to the node itself */

/* icmp_to_node: the port stands for another one of the node's own address. */
#define ICMP_OF_ITSELF 1

/* The flow in work->key, whose client is as the stack knows it. */
WG_INLINE int icmp_find_flow(__u32 family, struct icmp_work *work)
{
	struct wg_flow_head *head;

	__builtin_memset(&work->flow, 0, sizeof(work->flow));
	return reply_find(family, work->quoted.protocol, &work->key, &work->flow, &head);
}

/* About a request of the flow that was found, to its client. */
WG_INLINE void icmp_show_frontend(__u32 family, struct icmp_work *work)
{
	copy_address(address_words(family), work->outer_after.source, work->flow.frontend);
	copy_address(address_words(family), work->quoted_after.destination, work->flow.frontend);
	work->quoted_after.destination_port = work->flow.hit.frontend_port;
	work->quoted_after.source_port = work->key.client_port;
}

/* About a reply of the flow that was found, to its backend, who knows the client by the node's address. */
WG_INLINE void icmp_show_node(__u32 family, const struct wg_control *state, struct icmp_work *work)
{
	const struct table_hit *hit = &work->flow.hit;
	const __u32 *node = snat_address(family, state, hit->backend >> WG_FLOW_SNAT_ADDRESS_SHIFT);

	copy_address(address_words(family), work->outer_after.source, node);
	copy_address(address_words(family), work->quoted_after.destination, node);
	work->quoted_after.destination_port = hit->snat_port;
}

/* Client edge, egress: about a request, on its way to the client, who spoke to the frontend from its own port. */
WG_INLINE int icmp_to_client(__u32 family, struct icmp_work *work)
{
	const struct packet *quoted = &work->quoted;

	if (!reply_gate_open(family, quoted->destination, quoted->destination_port, quoted->protocol))
		return -WG_REASON_PROTOCOL;
	reply_key(family, quoted->source, quoted->source_port, quoted->destination, quoted->destination_port,
		  &work->key);
	if (!icmp_find_flow(family, work))
		return -WG_REASON_PROTOCOL;
	icmp_show_frontend(family, work);
	return 0;
}

/* Backend edge, ingress: about a request that left with the node's address; on to the client edge. work->owner: whose
 * it was. */
WG_INLINE int icmp_to_node(__u32 family, struct icmp_work *work)
{
	const struct packet *quoted = &work->quoted;
	const __u32 words = address_words(family);

	if (!snat_port_in_range(quoted->source_port) ||
	    !reply_gate_open(family, quoted->destination, quoted->destination_port, quoted->protocol))
		return -WG_REASON_PROTOCOL;
	reply_key(family, quoted->source, quoted->source_port, quoted->destination, quoted->destination_port,
		  &work->key);
	if (!reply_owner(family, &work->key, quoted->protocol, &work->owner))
		return -WG_REASON_PROTOCOL;
	if (same_address(words, work->owner.address, quoted->source))
		return ICMP_OF_ITSELF;
	copy_address(words, work->outer_after.destination, work->owner.address);
	copy_address(words, work->quoted_after.source, work->owner.address);
	work->quoted_after.source_port = work->owner.port;
	return 0;
}

/* The flow of work->owner. */
WG_INLINE int icmp_find_owner(__u32 family, struct icmp_work *work)
{
	const struct packet *quoted = &work->quoted;

	reply_key(family, work->owner.address, work->owner.port, quoted->destination, quoted->destination_port,
		  &work->key);
	return icmp_find_flow(family, work);
}

/* Both edges, ingress: on to the client of a flow that XDP forwards alone. */
WG_INLINE int icmp_to_outside(__u32 family, struct icmp_work *work)
{
	if (!icmp_find_owner(family, work))
		return 0;
	icmp_show_frontend(family, work);
	return ICMP_ALONE;
}

/* The same for a flow of the node's own. Any other is a client's: its edge knows. */
WG_INLINE int icmp_to_process(__u32 family, struct icmp_work *work)
{
	if (!icmp_find_owner(family, work) || !(work->flow.hit.backend & WG_FLOW_HOST))
		return -WG_REASON_PROTOCOL;
	icmp_show_frontend(family, work);
	return ICMP_TO_PROCESS;
}

/* Where the request that the quoted reply answers went: the flow's backend, in work->flow.hit. */
WG_INLINE int icmp_find_request(__u32 family, struct icmp_work *work)
{
	const struct packet *quoted = &work->quoted;
	struct packet *request = &work->request;
	struct table_hit *hit = &work->flow.hit;
	struct wg_flow_place place;

	*request = *quoted;
	copy_address(WG_ADDRESS_WORDS, request->source, quoted->destination);
	copy_address(WG_ADDRESS_WORDS, request->destination, quoted->source);
	request->source_port = quoted->destination_port;
	request->destination_port = quoted->source_port;
	place = flow_place(family, request->source, request->source_port, request->protocol);
	flow_request_key(family, request, work->frontend.position, &work->key);
	if (table_find(TABLE_FLOWS, family, TABLE_REQUEST, &place, &work->key, hit))
		return 1;
	if (!flow_bucket_spilled(family, &place) || !spill_find_request(family, request, &work->spilled))
		return 0;
	copy_address(WG_ADDRESS_WORDS, hit->backend_address, work->spilled.address);
	hit->backend_port = work->spilled.port;
	hit->backend = work->spilled.backend;
	return 1;
}

/* Client edge, ingress: about a reply, which the client side got from the frontend; on to the backend. */
WG_INLINE int icmp_to_frontend(__u32 family, struct icmp_work *work)
{
	const struct packet *quoted = &work->quoted;
	const struct table_hit *hit = &work->flow.hit;

	if (frontend_find(family, quoted->source, quoted->source_port, quoted->protocol, &work->frontend) !=
		FRONTEND_HIT ||
	    !icmp_find_request(family, work))
		return -WG_REASON_PROTOCOL;
	copy_address(address_words(family), work->outer_after.destination, hit->backend_address);
	copy_address(address_words(family), work->quoted_after.source, hit->backend_address);
	work->quoted_after.source_port = hit->backend_port;
	if (hit->backend & WG_FLOW_SOURCE_PORT)
		work->quoted_after.destination_port = hit->snat_port;
	work->backend = hit->backend;
	return 0;
}

/* Both edges, ingress: on to the backend of a flow that XDP forwards alone, after icmp_to_frontend. */
WG_INLINE int icmp_from_node(__u32 family, struct icmp_work *work)
{
	struct wg_control *state = control_get();

	if (!state)
		return 0;
	icmp_show_node(family, state, work);
	return ICMP_ALONE;
}

/* Backend edge, egress: about a reply, where the backend knows the client by the node's address. */
WG_INLINE int icmp_to_backend(__u32 family, struct icmp_work *work)
{
	const struct packet *quoted = &work->quoted;
	struct wg_control *state = control_get();

	reply_key(family, quoted->destination, quoted->destination_port, quoted->source, quoted->source_port,
		  &work->key);
	if (!state || !icmp_find_flow(family, work) || !(work->flow.hit.backend & WG_FLOW_SNAT))
		return -WG_REASON_PROTOCOL;
	icmp_show_node(family, state, work);
	return 0;
}

/* Source and destination as they lie in both kinds of header. */
WG_INLINE int icmp_write_addresses(__u32 family, struct __sk_buff *skb, __u32 header, const struct rewrite *after)
{
	const __u32 bytes = address_words(family) * sizeof(__be32);
	const __u32 offset = header + (family == WG_IPV4 ? __builtin_offsetof(struct iphdr, saddr)
							 : __builtin_offsetof(struct ipv6hdr, saddr));

	return bpf_skb_store_bytes(skb, offset, after->source, bytes, 0) ||
	       bpf_skb_store_bytes(skb, offset + bytes, after->destination, bytes, 0);
}

WG_INLINE int icmp_write_check(struct __sk_buff *skb, __u32 offset, __sum16 check)
{
	return bpf_skb_store_bytes(skb, offset, &check, sizeof(check), 0);
}

/* Ports and L4 checksum of the quote; sum: what changed in the addresses, and grows by what changes here. */
WG_INLINE int icmp_write_quoted_l4(struct __sk_buff *skb, struct icmp_work *work, __u64 *sum)
{
	const struct packet *quoted = &work->quoted;
	struct nat_ports ports = {work->quoted_after.source_port, work->quoted_after.destination_port};
	__sum16 check;

	*sum = nat_replace(*sum, nat_ports_word(quoted->source_port, quoted->destination_port),
			   nat_ports_word(ports.source, ports.destination));
	if (bpf_skb_store_bytes(skb, quoted->l4_offset, &ports, sizeof(ports), 0))
		return -1;
	if (!work->l4_check_offset)
		return 0;
	check = nat_checksum(work->l4_check, *sum);
	if (quoted->protocol == WG_PROTOCOL_UDP && !check)
		check = 0xffff;
	*sum = nat_replace(*sum, work->l4_check, check);
	return icmp_write_check(skb, work->l4_check_offset, check);
}

/* Writes what was decided. The error's own checksum makes up for all of it, so a sum over the whole packet
 * (CHECKSUM_COMPLETE) stays right; senders never leave an ICMP checksum to the device. */
WG_INLINE int icmp_write(__u32 family, struct __sk_buff *skb, struct icmp_work *work)
{
	const __u64 outer = nat_address_difference(family, &work->outer, &work->outer_after);
	__u64 sum = nat_address_difference(family, &work->quoted, &work->quoted_after);
	const __sum16 ip_check = nat_checksum(work->quoted_ip_check, sum);
	const __u32 check = __builtin_offsetof(struct iphdr, check);

	if (icmp_write_addresses(family, skb, work->outer.l3_offset, &work->outer_after) ||
	    icmp_write_addresses(family, skb, work->quoted.l3_offset, &work->quoted_after) ||
	    icmp_write_quoted_l4(skb, work, &sum))
		return -WG_REASON_REWRITE;
	if (family == WG_IPV6)
		sum += outer; /* of the pseudo header */
	else if (icmp_write_check(skb, work->outer.l3_offset + check, nat_checksum(work->outer_ip_check, outer)) ||
		 icmp_write_check(skb, work->quoted.l3_offset + check, ip_check))
		return -WG_REASON_REWRITE;
	else
		sum = nat_replace(sum, work->quoted_ip_check, ip_check);
	return icmp_write_check(skb, work->outer.l4_offset + ICMP_CHECK_OFFSET, nat_checksum(work->icmp_check, sum))
		   ? -WG_REASON_REWRITE
		   : 0;
}

/* Called one after another, not nested: see open.h. */
#define ICMP_STEP(step, suffix, family)                                                                                \
	WG_GLOBAL int step##suffix(struct icmp_work *work)                                                             \
	{                                                                                                              \
		return work ? step(family, work) : -WG_REASON_PROTOCOL;                                                \
	}
#define ICMP_FAMILY_STEPS(suffix, family)                                                                              \
	WG_GLOBAL int icmp_read##suffix(struct __sk_buff *skb, struct icmp_work *work)                                 \
	{                                                                                                              \
		return work ? icmp_read(family, skb, work) : -WG_REASON_PROTOCOL;                                      \
	}                                                                                                              \
	WG_GLOBAL int icmp_write##suffix(struct __sk_buff *skb, struct icmp_work *work)                                \
	{                                                                                                              \
		return work ? icmp_write(family, skb, work) : -WG_REASON_PROTOCOL;                                     \
	}                                                                                                              \
	WG_GLOBAL int icmp_deliver##suffix(struct __sk_buff *skb, struct icmp_work *work)                              \
	{                                                                                                              \
		return work ? host_deliver(family, skb, &work->outer, work->flow.frontend) : -WG_REASON_PROTOCOL;      \
	}                                                                                                              \
	ICMP_STEP(icmp_to_client, suffix, family)                                                                      \
	ICMP_STEP(icmp_to_node, suffix, family)                                                                        \
	ICMP_STEP(icmp_to_outside, suffix, family)                                                                     \
	ICMP_STEP(icmp_to_process, suffix, family)                                                                     \
	ICMP_STEP(icmp_to_frontend, suffix, family)                                                                    \
	ICMP_STEP(icmp_from_node, suffix, family)                                                                      \
	ICMP_STEP(icmp_to_backend, suffix, family)
ICMP_FAMILY_STEPS(4, WG_IPV4)
ICMP_FAMILY_STEPS(6, WG_IPV6)

/* Each finds out what becomes of an error and notes it: what comes after it is translated, or a negative reason. */
WG_INLINE int icmp_decide_out(struct __sk_buff *skb, __u32 family, struct icmp_work *work)
{
	const int is_ipv4 = family == WG_IPV4;
	int result = -WG_REASON_PROTOCOL;

	if (!(skb->mark & settings.snat_mark)) {
		result = is_ipv4 ? icmp_to_client4(work) : icmp_to_client6(work);
		if (result >= 0 || !host_is_sender(skb))
			return result;
	}
	/* Marked where it came in, or what the node's own kernel says about a reply that it cannot forward. */
	return is_ipv4 ? icmp_to_backend4(work) : icmp_to_backend6(work);
}

WG_INLINE int icmp_decide_in(struct __sk_buff *skb, __u32 family, struct icmp_work *work)
{
	const int is_ipv4 = family == WG_IPV4;
	int result = is_ipv4 ? icmp_to_node4(work) : icmp_to_node6(work);
	int next;

	if (result == 0 && alone_comes_in(skb) && alone_has_way(family, skb, &work->outer, work->owner.address)) {
		result = is_ipv4 ? icmp_to_outside4(work) : icmp_to_outside6(work);
	} else if (result >= 0) {
		next = is_ipv4 ? icmp_to_process4(work) : icmp_to_process6(work);
		if (next >= 0 || result == ICMP_OF_ITSELF)
			result = next;
	}
	if (result >= 0)
		return result;
	result = is_ipv4 ? icmp_to_frontend4(work) : icmp_to_frontend6(work);
	if (result < 0 || !(work->backend & WG_FLOW_SNAT))
		return result;
	if (alone_comes_in(skb) && alone_has_way(family, skb, &work->outer, work->flow.hit.backend_address))
		return is_ipv4 ? icmp_from_node4(work) : icmp_from_node6(work);
	skb->mark |= settings.snat_mark;
	return 0;
}

/* A packet that has no ports: a TC verdict or 0 if it was an error about a packet of a flow, and is translated;
 * WG_REASON_PROTOCOL if it is anything else. */
WG_INLINE int icmp_translate(struct __sk_buff *skb, __u32 family, const struct packet *packet, int is_egress)
{
	const int is_ipv4 = family == WG_IPV4;
	struct icmp_work *work;
	int result, next;

	if (packet->protocol != (is_ipv4 ? WG_PROTOCOL_ICMP : WG_PROTOCOL_ICMPV6))
		return -WG_REASON_PROTOCOL;
	work = icmp_work_for(packet);
	result = is_ipv4 ? icmp_read4(skb, work) : icmp_read6(skb, work);
	if (result < 0 || !work)
		return result;
	next = is_egress ? icmp_decide_out(skb, family, work) : icmp_decide_in(skb, family, work);
	if (next < 0)
		return next;
	if (is_egress)
		skb->mark &= ~settings.snat_mark;
	result = is_ipv4 ? icmp_write4(skb, work) : icmp_write6(skb, work);
	if (result < 0 || next == 0)
		return result;
	if (next == ICMP_ALONE)
		return alone_go(family, skb, &work->outer);
	return is_ipv4 ? icmp_deliver4(skb, work) : icmp_deliver6(skb, work);
}
