/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Opening a flow: choose a backend, reserve what its replies need, insert it.
 */
#pragma once

#include "lib/affinity.h"
#include "lib/count.h"
#include "lib/source_range.h"
#include "lib/track.h"
#ifdef WG_ASKS_CONNTRACK
#include "lib/conntrack.h"
#endif

/* Backends tried when the reply would be ambiguous; the last try translates the source port instead. */
#define LB_ATTEMPTS     4
#define LB_INSERT_TRIES 3

/* A reply reaches the client by itself from a local backend, and from any backend if the client is a pod of this node.
 * Else, and toward the sender itself, the node's address goes in between; `snat: always` asks policy instead. */
WG_INLINE int lb_needs_snat(wg_context *context, __u32 family, const struct lb_scratch *work, struct wg_control *state)
{
	const struct wg_link *link;

	if (same_address(address_words(family), work->chosen.address, work->packet.source) || work->masquerades)
		return 1;
	if (work->chosen.is_local || settings.policy & WG_POLICY_SNAT_ALWAYS)
		return 0;
	link = link_find(state, context->ingress_ifindex);
	return link && link->flags & WG_LINK_UPLINK;
}

/* Which reservations the new flow needs: notes them in the request. 0, or a negative reason. */
WG_INLINE int lb_plan_snat(wg_context *context, __u32 family, struct lb_scratch *work, int translate)
{
	struct wg_control *state = control_get();
	struct insert_request *flow = &work->flow;
	int index;

	if (!state)
		return -WG_REASON_SNAT_ADDRESS;
	if (translate)
		flow->backend |= WG_FLOW_SOURCE_PORT;
	if (lb_needs_snat(context, family, work, state)) {
		index = snat_address_index(family, state, route_ifindex(context, &work->packet, &flow->key));
		if (index < 0)
			return index;
		flow->backend |= WG_FLOW_SNAT | (__u32)index << WG_FLOW_SNAT_ADDRESS_SHIFT;
	}
	if (UNLIKELY(work->source == DETECT_NODE))
		flow->backend |= WG_FLOW_HOST;
	if (flow->backend & (WG_FLOW_SNAT | WG_FLOW_SOURCE_PORT))
		flow->may_spill = 0; /* its reservation is kept alive by its entry in the flow table */
	return 0;
}

/* Asked anew each time: the stack of lb_reserve has no room for the answer. */
WG_INLINE int lb_translates(const struct insert_request *flow)
{
	return (LOAD(flow->backend) & WG_FLOW_SOURCE_PORT) != 0;
}

/* Finds a port that is free for all the reservations the flow needs. */
WG_INLINE int lb_reserve(__u32 family, struct lb_scratch *work)
{
	const struct packet *packet = &work->packet;
	struct insert_request *flow = &work->flow;
	struct wg_control *state = control_get();
	const __u32 start = bpf_get_prandom_u32();
	const __u32 *node = 0;

	if (!state)
		return -WG_REASON_SNAT_ADDRESS;
	if (flow->backend & WG_FLOW_SNAT)
		node = snat_address(family, state, flow->backend >> WG_FLOW_SNAT_ADDRESS_SHIFT);
#pragma nounroll
	for (__u32 tries = 0; tries < SNAT_PORT_TRIES; tries++) {
		__be16 port;

		OPAQUE(tries);
		port = snat_next_port(packet->protocol, flow->backend & WG_BACKEND_ID_MASK, start + tries);
		if (node && !snat_reserve(family, flow, packet->protocol, node, port,
					  lb_translates(flow) ? port : packet->source_port, &work->snat, &work->hit))
			continue;
		if (lb_translates(flow) && !snat_reserve(family, flow, packet->protocol, packet->source, port,
							 packet->source_port, &work->snat, &work->hit)) {
			if (node)
				snat_release(family, flow, packet->protocol, node, port, &work->key);
			continue;
		}
		flow->snat_port = port;
		flow->key.source_port = lb_translates(flow) ? port : 0;
		return 0;
	}
	return -WG_REASON_SNAT_PORTS;
}

WG_INLINE void lb_unreserve(__u32 family, struct lb_scratch *work)
{
	const struct packet *packet = &work->packet;
	struct wg_control *state = control_get();

	if (work->flow.backend & WG_FLOW_SOURCE_PORT)
		snat_release(family, &work->flow, packet->protocol, packet->source, work->flow.snat_port, &work->key);
	if (state && work->flow.backend & WG_FLOW_SNAT)
		snat_release(family, &work->flow, packet->protocol,
			     snat_address(family, state, work->flow.backend >> WG_FLOW_SNAT_ADDRESS_SHIFT),
			     work->flow.snat_port, &work->key);
}

WG_INLINE void lb_fill_request(__u32 family, struct lb_scratch *work)
{
	const struct packet *packet = &work->packet;
	struct insert_request *flow = &work->flow;

	__builtin_memset(flow, 0, sizeof(*flow));
	flow_request_key(family, packet, work->frontend.position, &flow->key);
	copy_address(address_words(family), flow->key.backend, work->chosen.address);
	flow->key.backend_port = work->chosen.port;
	flow->backend = work->chosen.backend;
	flow->state = WG_FLOW_HALF_OPEN;
	flow->may_evict = 1;
	flow->may_spill = 1;
	flow->place = flow_place(family, packet->source, packet->source_port, packet->protocol);
}

/* Notes who the client is as far as it matters, and whether policy masquerades it. */
WG_INLINE void lb_detect(wg_context *context, __u32 family, struct lb_scratch *work, const struct wg_service *service)
{
	const __u32 flags = work->frontend.flags;
	struct wg_control *state;

	work->source = DETECT_OUTSIDE;
	work->masquerades = 0;
	if (UNLIKELY(!context->ingress_ifindex)) { /* the reply must come to a port that says so (host.h) */
		work->source = DETECT_NODE;
		work->masquerades = 1;
		return;
	}
	if (LIKELY(!detect_matters(service, flags) && !(settings.policy & WG_POLICY_MASQUERADE_ALL)))
		return;
	state = control_get();
	if (!state)
		return;
	work->source = detect_source(family, state, work->packet.source, context->ingress_ifindex);
	work->masquerades = detect_masquerades(family, state, service, flags, work->source);
}

/* 1 and work->chosen: the backend the client had before. For services with session affinity. */
WG_INLINE int lb_recall(__u32 family, struct lb_scratch *work, int is_local_only)
{
	struct wg_service *service = service_at(work->frontend.service);

	if (!service)
		return 0;
	affinity_key_start(&work->affinity_key, work->frontend.service, service, WG_AFFINITY_ADDRESS);
	copy_address(address_words(family), work->affinity_key.client, work->packet.source);
	return affinity_recall(&work->affinity_key, service, is_local_only, &work->chosen);
}
WG_GLOBAL int lb_recall4(struct lb_scratch *work, int is_local_only)
{
	return work && lb_recall(WG_IPV4, work, is_local_only);
}
WG_GLOBAL int lb_recall6(struct lb_scratch *work, int is_local_only)
{
	return work && lb_recall(WG_IPV6, work, is_local_only);
}
WG_GLOBAL int lb_remember(struct lb_scratch *work)
{
	if (work)
		affinity_remember(&work->affinity_key, &work->chosen);
	return 0;
}

/* Chooses a backend for the packet: work->chosen. 0, or the negative reason why nobody serves. */
WG_INLINE int lb_select(wg_context *context, __u32 family, struct lb_scratch *work)
{
	const __u32 index = work->frontend.service;
	struct wg_service *service = service_at(index);
	int is_local_only;

	if (!service)
		return -WG_REASON_NO_ENDPOINTS;
	lb_detect(context, family, work, service);
	is_local_only = select_is_local_only(service, work->frontend.flags, work->source);
	work->is_sticky = service->affinity_timeout_s != 0;
	if (UNLIKELY(work->is_sticky) &&
	    (family == WG_IPV4 ? lb_recall4(work, is_local_only) : lb_recall6(work, is_local_only)))
		return 0;
	return select_backend(index, service, is_local_only, &work->chosen);
}

/* Chooses, and writes down what to insert. 0, or a negative reason. */
WG_INLINE int lb_choose(wg_context *context, __u32 family, struct lb_scratch *work, int translate)
{
	int result = lb_select(context, family, work);

	if (result < 0)
		return result;
	lb_fill_request(family, work);
	return lb_plan_snat(context, family, work, translate);
}

/* Inserts it. An INSERT_* result. */
WG_INLINE int lb_insert(__u32 family, struct lb_scratch *work)
{
	struct wg_spill_value value;
	int result = INSERT_BUSY;

	if (UNLIKELY(flow_bucket_spilled(family, &work->flow.place)) && !work->flow.key.source_port &&
	    spill_find_reply(family, &work->flow.key, work->packet.protocol, &value))
		return INSERT_AMBIGUOUS; /* the replies would be those of a spilled flow */
#pragma nounroll
	for (int tries = 0; tries < LB_INSERT_TRIES && result == INSERT_BUSY; tries++) {
		OPAQUE(tries);
		result =
		    family == WG_IPV4 ? insert_flows4(&work->flow, &work->hit) : insert_flows6(&work->flow, &work->hit);
	}
	if (result == INSERT_EVICTED)
		count_reason(WG_REASON_EVICTED_LIVE);
	if (result != INSERT_FULL)
		return result;
	count_reason(WG_REASON_SPILLED);
	return spill_insert(family, &work->flow, &work->packet);
}

/* The rarer steps, one function a family: each is verified once, and none keeps its variables on the stack of another.
 * The entry programs call them one after another, not nested, for the same reason. */
#define LB_FAMILY_STEPS(suffix, family)                                                                                \
	WG_GLOBAL int lb_choose##suffix(wg_context *context, struct lb_scratch *work, int translate)                   \
	{                                                                                                              \
		return work ? lb_choose(context, family, work, translate) : -WG_REASON_TABLE_BUSY;                     \
	}                                                                                                              \
	WG_GLOBAL int lb_reserve##suffix(struct lb_scratch *work)                                                      \
	{                                                                                                              \
		return work ? lb_reserve(family, work) : -WG_REASON_TABLE_BUSY;                                        \
	}                                                                                                              \
	WG_GLOBAL int lb_unreserve##suffix(struct lb_scratch *work)                                                    \
	{                                                                                                              \
		if (work)                                                                                              \
			lb_unreserve(family, work);                                                                    \
		return 0;                                                                                              \
	}                                                                                                              \
	WG_GLOBAL int lb_allows##suffix(struct lb_scratch *work)                                                       \
	{                                                                                                              \
		return work && source_range_allows(family, work->frontend.service, work->packet.source);               \
	}                                                                                                              \
	WG_GLOBAL int lb_insert##suffix(struct lb_scratch *work)                                                       \
	{                                                                                                              \
		return work ? lb_insert(family, work) : INSERT_BUSY;                                                   \
	}
LB_FAMILY_STEPS(4, WG_IPV4)
LB_FAMILY_STEPS(6, WG_IPV6)

/* One attempt. 0: there is a flow now, and work->answer says where it goes; LB_AMBIGUOUS: another backend, please;
 * negative: nobody. */
#define LB_AMBIGUOUS 1
WG_INLINE int lb_open_once(wg_context *context, __u32 family, struct lb_scratch *work, int translate)
{
	const int is_ipv4 = family == WG_IPV4;
	int result = is_ipv4 ? lb_choose4(context, work, translate) : lb_choose6(context, work, translate);
	int is_reserved = 0;

	if (result < 0)
		return result;
	if (work->flow.backend & (WG_FLOW_SNAT | WG_FLOW_SOURCE_PORT)) {
		result = is_ipv4 ? lb_reserve4(work) : lb_reserve6(work);
		if (result < 0)
			return result;
		is_reserved = 1;
	}
	result = is_ipv4 ? lb_insert4(work) : lb_insert6(work);
	if (result == INSERT_NEW || result == INSERT_EVICTED) {
		copy_address(address_words(family), work->answer.address, work->chosen.address);
		work->answer.port = work->chosen.port;
		work->answer.snat_port = work->flow.snat_port;
		work->answer.backend = work->flow.backend;
		if (UNLIKELY(work->is_sticky))
			lb_remember(work);
		return 0;
	}
	if (is_reserved)
		is_ipv4 ? lb_unreserve4(work) : lb_unreserve6(work);
	if (result == INSERT_AMBIGUOUS)
		return LB_AMBIGUOUS;
	if (result != INSERT_FOUND)
		return -WG_REASON_TABLE_BUSY;
	lb_answer_hit(family, &work->hit, &work->answer); /* another CPU was first */
	return 0;
}

/* Has the connection of this packet been open before there was a flow, through netfilter? TC can ask; others leave
 * every packet amid a connection to it. */
WG_INLINE int lb_is_tracked(wg_context *context, __u32 family, struct lb_scratch *work)
{
	if (!(settings.policy & WG_POLICY_KEEP_TRACKED) || work->packet.protocol != WG_PROTOCOL_TCP ||
	    LIKELY(flow_is_opening(&work->packet)))
		return 0;
#ifdef WG_ASKS_CONNTRACK
	return family == WG_IPV4 ? conntrack_translates4(context, work) : conntrack_translates6(context, work);
#else
	return 1;
#endif
}

/* Opens a flow for the request in work->packet, where that is allowed. 0: work->answer says where it goes. */
WG_INLINE int lb_open(wg_context *context, __u32 family, struct lb_scratch *work)
{
	if (!work)
		return -WG_REASON_TABLE_BUSY;
	if (work->frontend.kind != WG_FRONTEND_LIVE || work->packet.tcp_flags & TCP_FLAG_RST_BIT)
		return -WG_REASON_NO_FLOW;
	/* An association lives on several paths; a backend that hears of it on one it does not know would abort it. */
	if (work->packet.protocol == WG_PROTOCOL_SCTP && !flow_is_opening(&work->packet))
		return -WG_REASON_NO_FLOW;
	if (!work->packet.l4_offset) /* a later fragment, and its first one opened none */
		return -WG_REASON_FRAGMENT_LOST;
	if (UNLIKELY(lb_is_tracked(context, family, work)))
		return -WG_REASON_TO_STACK;
	if (UNLIKELY(work->frontend.flags & WG_FRONTEND_FILTERED) &&
	    !(family == WG_IPV4 ? lb_allows4(work) : lb_allows6(work)))
		return -WG_REASON_SOURCE_RANGE;
	work->answer.service = work->frontend.service;
	work->is_sticky = 0;
#pragma nounroll
	for (int attempt = 0; attempt < LB_ATTEMPTS; attempt++) {
		int result;

		OPAQUE(attempt);
		/* A client that sticks to its backend does not need to try others. */
		result =
		    lb_open_once(context, family, work, attempt == LB_ATTEMPTS - 1 || (attempt && work->is_sticky));
		if (result == 0)
			count_new_flow(work->frontend.service);
		if (result != LB_AMBIGUOUS)
			return result;
		count_reason(WG_REASON_AMBIGUOUS);
	}
	return -WG_REASON_TABLE_BUSY;
}
