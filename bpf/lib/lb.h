/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * What becomes of a request: decides, never writes the packet. TC and XDP share this code and the tables behind it.
 *
 * Frontends are asked first, then the flow table, so that traffic for no service pays one array load. All functions
 * answer 0 and what to do, or a negative reason.
 */
#pragma once

#include "lib/open.h"

/* UDP leaves a backend that serves no more with its next datagram; a new connection does, too (contract K-120, K-13).
 * But a flow whose service is gone has nowhere else to go (contract K-122, X-176: nobody cleans up after it). */
WG_INLINE int lb_must_choose_anew(__u32 family, const struct packet *packet, const struct frontend_hit *frontend,
				  __u32 backend, const __u32 *address, __be16 port)
{
	if (packet->protocol != WG_PROTOCOL_UDP && !flow_is_opening(packet))
		return 0;
	if (packet->protocol == WG_PROTOCOL_UDP && UNLIKELY(frontend->kind == WG_FRONTEND_TOMBSTONE))
		return 0;
	return !backend_still_serves(backend & WG_BACKEND_ID_MASK, frontend->service, address_words(family), address,
				     port);
}

/* 1: a spilled flow, and work->answer says where it goes. */
WG_INLINE int lb_spilled(__u32 family, struct lb_scratch *work)
{
	const struct packet *packet = &work->packet;
	struct lb_answer *answer = &work->answer;
	struct wg_spill_value value;

	if (!spill_find_request(family, packet, &value))
		return 0;
	if (lb_must_choose_anew(family, packet, &work->frontend, value.backend, value.address, value.port)) {
		spill_delete(family, packet, &value);
		return 0;
	}
	copy_address(address_words(family), answer->address, value.address);
	answer->port = value.port;
	answer->snat_port = 0; /* a spilled flow is never translated */
	answer->backend = value.backend;
	return 1;
}
WG_GLOBAL int lb_spilled4(struct lb_scratch *work)
{
	return work ? lb_spilled(WG_IPV4, work) : 0;
}
WG_GLOBAL int lb_spilled6(struct lb_scratch *work)
{
	return work ? lb_spilled(WG_IPV6, work) : 0;
}

WG_INLINE int lb_request_spilled(__u32 family, const struct packet *packet, const struct frontend_hit *frontend,
				 struct lb_answer *answer)
{
	struct lb_scratch *work = lb_scratch_for(packet, frontend);

	if (!work || !(family == WG_IPV4 ? lb_spilled4(work) : lb_spilled6(work)))
		return 0;
	lb_take_answer(family, work, answer);
	return 1;
}

/* 1: a packet of a flow that exists. `key` and `hit` are for its own use: variables of an entry program, or for IPv6
 * part of the working memory. */
WG_INLINE int lb_request_established(__u32 family, const struct packet *packet, const struct frontend_hit *frontend,
				     struct table_key *key, struct table_hit *hit, struct lb_answer *answer)
{
	struct wg_flow_place place = flow_place(family, packet->source, packet->source_port, packet->protocol);
	struct wg_flow_head *head;

	flow_request_key(family, packet, frontend->position, key);
	head = table_find(TABLE_FLOWS, family, TABLE_REQUEST, &place, key, hit);
	if (!head && LIKELY(!flow_bucket_spilled(family, &place)))
		return 0;
	if (!head)
		return lb_request_spilled(family, packet, frontend, answer);
	if ((flow_is_opening(packet) && flow_has_ended(hit->control)) ||
	    lb_must_choose_anew(family, packet, frontend, hit->backend, hit->backend_address, hit->backend_port) ||
	    (lb_track(packet, head, hit, TABLE_REQUEST) && !lb_follow_flow(family, packet->protocol, key, hit))) {
		table_delete(head, hit->control);
		return 0;
	}
	lb_answer_hit(family, hit, answer);
	return 1;
}

/* Could a packet come from a backend? A false yes only costs the lookup of its flow. */
WG_INLINE int lb_is_reply(__u32 family, const struct packet *packet)
{
	return reply_gate_open(family, packet->source, packet->source_port, packet->protocol);
}

/* Why there is no request: the address is no frontend's, or it may be, and UNKNOWN_PORT wants a second look
 * (address.h).
 */
WG_INLINE int lb_no_frontend(int found)
{
	return LIKELY(found == FRONTEND_NONE) ? -WG_REASON_NOT_SERVICE : -WG_REASON_UNKNOWN_PORT;
}

/* The two families take the same steps. IPv4 takes them in the entry program itself: no call, nothing in memory. IPv6
 * has too many words for that beside the stack of what opens a flow: its common path goes through the working memory
 * and is a function of its own. A packet for no service pays for no call in either: where the kernel guards returns
 * against speculation, one costs as much as the lookup. */

/* A request: 0 and where it goes, or a negative reason. `answer` must be zeroed before. */
WG_INLINE int lb_request4(wg_context *context, const struct packet *packet, struct lb_answer *answer)
{
	struct frontend_hit frontend = {};
	struct table_key key = {};
	struct table_hit hit = {};
	struct lb_scratch *work;
	int result, found;

	found = frontend_find(WG_IPV4, packet->destination, packet->destination_port, packet->protocol, &frontend);
	if (LIKELY(found != FRONTEND_HIT))
		return lb_no_frontend(found);
	answer->service = frontend.service;
	if (LIKELY(lb_request_established(WG_IPV4, packet, &frontend, &key, &hit, answer)))
		return 0;
	work = lb_scratch_for(packet, &frontend);
	result = lb_open(context, WG_IPV4, work);
	if (result == 0 && work)
		lb_take_answer(WG_IPV4, work, answer);
	return result;
}

#define LB_ESTABLISHED(suffix, family)                                                                                 \
	WG_GLOBAL int lb_established##suffix(struct lb_scratch *work)                                                  \
	{                                                                                                              \
		return work && lb_request_established(family, &work->packet, &work->frontend, &work->key, &work->hit,  \
						      &work->answer);                                                  \
	}
LB_ESTABLISHED(4, WG_IPV4)
LB_ESTABLISHED(6, WG_IPV6)

/* The same for IPv6; the answer is (*working_memory)->answer. */
WG_INLINE int lb_request6(wg_context *context, const struct packet *packet, struct lb_scratch **working_memory)
{
	struct frontend_hit frontend = {};
	struct lb_scratch *work;
	int found;

	found = frontend_find(WG_IPV6, packet->destination, packet->destination_port, packet->protocol, &frontend);
	if (LIKELY(found != FRONTEND_HIT))
		return lb_no_frontend(found);
	work = lb_scratch_for(packet, &frontend);
	if (!work)
		return -WG_REASON_TABLE_BUSY;
	*working_memory = work;
	work->answer.service = frontend.service;
	return LIKELY(lb_established6(work)) ? 0 : lb_open(context, WG_IPV6, work);
}
