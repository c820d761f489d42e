/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Packets of the node's own processes that no socket hook has translated (raw sockets, SCTP, UDP where its hook is
 * off): TC egress is their client edge and their backend edge at once. The reply comes to a reserved port of the node
 * and is translated both ways where it enters. Included by tc_lb.bpf.c alone.
 */
#pragma once

#include "lib/count.h"
#include "lib/nat_tc.h"
#include "lib/reply.h"
#include "lib/show.h"

/* A packet at TC egress that came in by no link. */
WG_INLINE int host_is_sender(const struct __sk_buff *skb)
{
	return !skb->ingress_ifindex;
}

/* Is work->packet to a service? 1: to a flow that exists; 0: one is to be opened; or a negative reason. */
WG_INLINE int host_find_request(__u32 family, struct lb_scratch *work)
{
	const struct packet *packet = &work->packet;
	const int found =
	    frontend_find(family, packet->destination, packet->destination_port, packet->protocol, &work->frontend);

	if (found != FRONTEND_HIT)
		return lb_no_frontend(found);
	work->answer.service = work->frontend.service;
	return lb_request_established(family, packet, &work->frontend, &work->key, &work->hit, &work->answer);
}

/* To the backend in work->answer, by the way that leads there. Without one the packet goes where it would have gone. */
WG_INLINE int host_send(__u32 family, struct __sk_buff *skb, struct lb_scratch *work)
{
	struct bpf_fib_lookup fib = {};
	int result = route_lookup(skb, &work->packet, work->answer.address, &fib);

	if (result != BPF_FIB_LKUP_RET_SUCCESS && result != BPF_FIB_LKUP_RET_NO_NEIGH)
		return -WG_REASON_NO_FLOW;
	result = show_node(skb, family, work);
	return result < 0 ? result : (int)bpf_redirect_neigh(fib.ifindex, 0, 0, 0);
}

/* work->packet is for a port that stands for work->reply_owner, an address of the node, perhaps another than the one
 * that the backend knows: an overlay's link has its own (WG_FLOW_HOST). 0: it belongs to a flow of the node's own, and
 * work->answer has its frontend. Such flows are never spilled. One whose source port had to be translated, too (a
 * second one from a port of the node to the same backend), is not found: its answers are not the node's (README). */
WG_INLINE int host_find_reply(__u32 family, struct lb_scratch *work)
{
	const struct packet *packet = &work->packet;
	const struct snat_owner *owner = &work->reply_owner;
	struct reply_flow *flow = &work->reply;
	struct wg_flow_place place = flow_place(family, owner->address, owner->port, packet->protocol);
	struct wg_flow_head *head;

	reply_key(family, owner->address, owner->port, packet->source, packet->source_port, &work->key);
	head = table_find(TABLE_FLOWS, family, TABLE_REPLY, &place, &work->key, &flow->hit);
	if (!head || !(flow->hit.backend & WG_FLOW_HOST))
		return -WG_REASON_NOT_SERVICE;
	if (family == WG_IPV4)
		flow->frontend[0] = flow->hit.frontend;
	else if (!frontend6_at(flow->hit.frontend, flow->frontend))
		return -WG_REASON_NOT_SERVICE;
	reply_fill_answer(family, &work->key, flow, &work->answer);
	work->must_follow = lb_track(packet, head, &flow->hit, TABLE_REPLY);
	if (work->must_follow)
		lb_note_followed(family, work, &work->key, &flow->hit);
	return 0;
}

/* Delivers a reply where the kernel expects packets from this frontend: strict rp_filter would drop one that a pod's
 * link brought. */
WG_INLINE int host_deliver(__u32 family, struct __sk_buff *skb, const struct packet *packet, const __u32 *frontend)
{
	struct bpf_fib_lookup fib = {};
	const __u32 here = skb->ifindex;

	if (route_lookup(skb, packet, frontend, &fib) != BPF_FIB_LKUP_RET_SUCCESS || fib.ifindex == here)
		return 0;
	if (bpf_skb_store_bytes(skb, 0, fib.smac, ETH_ALEN, 0))
		return -WG_REASON_REWRITE;
	return bpf_redirect(fib.ifindex, BPF_F_INGRESS);
}

/* To the process in work->reply_owner, from the frontend in work->answer. */
WG_INLINE int host_receive(__u32 family, struct __sk_buff *skb, struct lb_scratch *work)
{
	int result = show_frontend(skb, family, &work->packet, work->reply_owner.address, &work->answer);

	return result < 0 ? result : host_deliver(family, skb, &work->packet, work->answer.address);
}

/* One after another, or their frames would stand on one stack. */
#define HOST_FAMILY_STEPS(suffix, family)                                                                              \
	WG_GLOBAL int host_send##suffix(struct __sk_buff *skb, struct lb_scratch *work)                                \
	{                                                                                                              \
		return work ? host_send(family, skb, work) : -WG_REASON_NO_FLOW;                                       \
	}                                                                                                              \
	WG_GLOBAL int host_find_request##suffix(struct lb_scratch *work)                                               \
	{                                                                                                              \
		return work ? host_find_request(family, work) : -WG_REASON_NOT_SERVICE;                                \
	}                                                                                                              \
	WG_GLOBAL int host_find_reply##suffix(struct lb_scratch *work)                                                 \
	{                                                                                                              \
		return work ? host_find_reply(family, work) : -WG_REASON_NOT_SERVICE;                                  \
	}                                                                                                              \
	WG_GLOBAL int host_receive##suffix(struct __sk_buff *skb, struct lb_scratch *work)                             \
	{                                                                                                              \
		return work ? host_receive(family, skb, work) : -WG_REASON_NO_FLOW;                                    \
	}
HOST_FAMILY_STEPS(4, WG_IPV4)
HOST_FAMILY_STEPS(6, WG_IPV6)

/* lb_unsnat has found whom the port in work->packet stands for: its own address, or a flow of the node's own. */
WG_INLINE int host_reply(struct __sk_buff *skb, __u32 family, struct lb_scratch *work)
{
	const int result = family == WG_IPV4 ? host_find_reply4(work) : host_find_reply6(work);

	if (result < 0)
		return result;
	lb_reply_follow(family, work);
	return family == WG_IPV4 ? host_receive4(skb, work) : host_receive6(skb, work);
}

/* Functions of their own, so that egress keeps the small frame that the depth of its replies needs. */
#define HOST_OPEN(suffix, family)                                                                                      \
	WG_GLOBAL int host_open##suffix(struct __sk_buff *skb, struct lb_scratch *work)                                \
	{                                                                                                              \
		return lb_open(skb, family, work);                                                                     \
	}
HOST_OPEN(4, WG_IPV4)
HOST_OPEN(6, WG_IPV6)

/* work->packet is of the node's own: a TC verdict, or a negative reason. */
WG_INLINE int host_request(struct __sk_buff *skb, __u32 family, struct lb_scratch *work)
{
	int result = family == WG_IPV4 ? host_find_request4(work) : host_find_request6(work);

	if (result == 0)
		result = family == WG_IPV4 ? host_open4(skb, work) : host_open6(skb, work);
	if (result < 0)
		return result;
	return family == WG_IPV4 ? host_send4(skb, work) : host_send6(skb, work);
}
