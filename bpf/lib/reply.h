/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Finding the flow of a packet seen from the backend's side: replies, and what the backend edge must rewrite.
 */
#pragma once

#include "lib/lb.h"

/* Whom a reservation stands for, by family. */
WG_INLINE int reply_owner(__u32 family, struct table_key *key, __u8 protocol, struct snat_owner *owner)
{
	return family == WG_IPV4 ? snat_resolve4(key, protocol, owner) : snat_resolve6(key, protocol, owner);
}

/* If the client edge gave the client another port: its own one, and that other one as what to look for. */
WG_INLINE void reply_resolve_source_port(__u32 family, __u8 protocol, struct table_key *key)
{
	struct lb_scratch *work;

	if (LIKELY(!snat_port_in_range(key->client_port)))
		return;
	work = scratch_get();
	if (!work)
		return;
	work->key = *key;
	if (!reply_owner(family, &work->key, protocol, &work->owner) ||
	    !same_address(address_words(family), work->owner.address, key->client))
		return;
	key->source_port = key->client_port;
	key->client_port = work->owner.port;
}

/* A spilled flow from the backend's side: `work->key` in, `work->answer` out (the frontend). */
WG_INLINE int reply_find_spilled(__u32 family, __u8 protocol, struct lb_scratch *work)
{
	struct wg_spill_value value;

	if (!work || !spill_find_reply(family, &work->key, protocol, &value))
		return 0;
	copy_address(address_words(family), work->answer.address, value.address);
	work->answer.port = value.port;
	work->answer.backend = value.backend;
	return 1;
}
WG_GLOBAL int reply_find_spilled4(__u32 protocol, struct lb_scratch *work)
{
	return reply_find_spilled(WG_IPV4, protocol, work);
}
WG_GLOBAL int reply_find_spilled6(__u32 protocol, struct lb_scratch *work)
{
	return reply_find_spilled(WG_IPV6, protocol, work);
}

WG_INLINE int reply_ask_spilled(__u32 family, __u8 protocol, const struct table_key *key, struct reply_flow *flow)
{
	struct lb_scratch *work = scratch_get();

	if (!work)
		return 0;
	work->key = *key;
	if (!(family == WG_IPV4 ? reply_find_spilled4(protocol, work) : reply_find_spilled6(protocol, work)))
		return 0;
	copy_address(address_words(family), flow->frontend, work->answer.address);
	copy_address(address_words(family), flow->hit.backend_address, key->backend);
	flow->hit.frontend_port = work->answer.port;
	flow->hit.backend_port = key->backend_port;
	flow->hit.backend = work->answer.backend;
	return 1;
}

/* `key`: client (with its own port) and backend. 1: found; *head is the entry, or nothing for a spilled flow. */
WG_INLINE int reply_look(__u32 family, __u8 protocol, struct table_key *key, struct reply_flow *flow,
			 struct wg_flow_head **head)
{
	struct wg_flow_place place = flow_place(family, key->client, key->client_port, protocol);

	*head = table_find(TABLE_FLOWS, family, TABLE_REPLY, &place, key, &flow->hit);
	if (!*head && LIKELY(!flow_bucket_spilled(family, &place)))
		return 0;
	if (!*head)
		return reply_ask_spilled(family, protocol, key, flow);
	if (family == WG_IPV4) {
		flow->frontend[0] = flow->hit.frontend;
		return 1;
	}
	return frontend6_at(flow->hit.frontend, flow->frontend);
}

/* The same for a client as the stack sees it; afterwards key->client_port is the client's own. */
WG_INLINE int reply_find(__u32 family, __u8 protocol, struct table_key *key, struct reply_flow *flow,
			 struct wg_flow_head **head)
{
	reply_resolve_source_port(family, protocol, key);
	return reply_look(family, protocol, key, flow, head);
}

WG_INLINE void reply_key(__u32 family, const __u32 *client, __be16 client_port, const __u32 *backend,
			 __be16 backend_port, struct table_key *key)
{
	copy_address(address_words(family), key->client, client);
	copy_address(address_words(family), key->backend, backend);
	key->client_port = client_port;
	key->backend_port = backend_port;
	key->source_port = 0;
}

WG_INLINE void reply_fill_answer(__u32 family, const struct table_key *key, const struct reply_flow *flow,
				 struct lb_answer *answer)
{
	copy_address(address_words(family), answer->address, flow->frontend);
	answer->port = flow->hit.frontend_port;
	answer->client_port = key->client_port;
	answer->snat_port = flow->hit.snat_port;
	answer->backend = flow->hit.backend;
	answer->service = backend_service(flow->hit.backend & WG_BACKEND_ID_MASK);
}

/* A backend that accepts a connection on a flow that has ended answers a client who spoke to it directly from the same
 * port: a new connection through the service would have begun a new flow. */
WG_INLINE int reply_is_of_another(const struct packet *packet, const struct table_hit *hit)
{
	const __u8 accepts = TCP_FLAG_SYN_BIT | TCP_FLAG_ACK_BIT;

	return packet->protocol != WG_PROTOCOL_UDP && (packet->tcp_flags & accepts) == accepts &&
	       flow_has_ended(hit->control) && !(hit->backend & (WG_FLOW_SNAT | WG_FLOW_SOURCE_PORT));
}

/* A packet from the backend to the client that `key` names (with its own port): 0 and the frontend the client knows; 1:
 * the same, and the flow's reservations must follow; or a negative reason. `key` and `flow` are variables of an entry
 * program, or for IPv6 part of the working memory; `answer` and `flow` must be zeroed before. */
WG_INLINE int lb_reply(__u32 family, const struct packet *packet, struct table_key *key, struct reply_flow *flow,
		       struct lb_answer *answer)
{
	struct wg_flow_head *head;

	if (!reply_look(family, packet->protocol, key, flow, &head))
		return -WG_REASON_NO_FLOW;
	if (UNLIKELY(head && reply_is_of_another(packet, &flow->hit))) {
		table_delete(head, flow->hit.control);
		return -WG_REASON_NO_FLOW;
	}
	reply_fill_answer(family, key, flow, answer);
	return head ? lb_track(packet, head, &flow->hit, TABLE_REPLY) : 0;
}

/* Client edge, egress, after lb_is_reply. */
WG_INLINE int lb_reply4(const struct packet *packet, struct lb_answer *answer)
{
	struct table_key key = {};
	struct reply_flow flow = {};
	int result;

	reply_key(WG_IPV4, packet->destination, packet->destination_port, packet->source, packet->source_port, &key);
	reply_resolve_source_port(WG_IPV4, packet->protocol, &key);
	result = lb_reply(WG_IPV4, packet, &key, &flow, answer);
	if (UNLIKELY(result > 0))
		lb_follow_flow(WG_IPV4, packet->protocol, &key, &flow.hit);
	return result;
}

/* Backend edge, ingress: work->packet comes from a backend to a node port of ours (snat_port_in_range and lb_is_reply
 * said it may be). 0: work->reply_owner is whom it is for; LB_OF_ITSELF: the same address with another port. */
#define LB_OF_ITSELF 1
WG_INLINE int lb_unsnat(__u32 family, struct lb_scratch *work)
{
	const struct packet *packet = &work->packet;
	struct snat_owner *owner = &work->reply_owner;

	reply_key(family, packet->destination, packet->destination_port, packet->source, packet->source_port,
		  &work->key);
	if (!reply_owner(family, &work->key, packet->protocol, owner))
		return -WG_REASON_NOT_SERVICE;
	/* A client's translated port, which its own edge knows, or a port of the node's own flow (host.h). */
	return same_address(address_words(family), owner->address, packet->destination) ? LB_OF_ITSELF : 0;
}

/* The reply in work->packet is for the client in work->key; work->answer says from whom it shall seem to come. Call
 * lb_reply_follow afterwards. */
WG_INLINE int lb_reply_to_key(__u32 family, struct lb_scratch *work)
{
	int result;

	__builtin_memset(&work->reply, 0, sizeof(work->reply));
	result = lb_reply(family, &work->packet, &work->key, &work->reply, &work->answer);
	work->must_follow = result > 0;
	if (result > 0)
		lb_note_followed(family, work, &work->key, &work->reply.hit);
	return result;
}

/* The same for a client as the stack sees it. */
WG_INLINE int lb_reply_in(__u32 family, struct lb_scratch *work, const __u32 *client, __be16 client_port)
{
	const struct packet *packet = &work->packet;

	reply_key(family, client, client_port, packet->source, packet->source_port, &work->key);
	reply_resolve_source_port(family, packet->protocol, &work->key);
	return lb_reply_to_key(family, work);
}

/* A step of its own, or the frames of all these functions would stand on one stack. */
WG_INLINE void lb_reply_follow(__u32 family, struct lb_scratch *work)
{
	if (LIKELY(!work || !work->must_follow))
		return;
	if (family == WG_IPV4)
		lb_follow4(work, work->packet.protocol);
	else
		lb_follow6(work, work->packet.protocol);
}

/* The same as functions, for the rarer cases and for IPv6. */
WG_GLOBAL int lb_unsnat4(struct lb_scratch *work)
{
	return work ? lb_unsnat(WG_IPV4, work) : -WG_REASON_NOT_SERVICE;
}
WG_GLOBAL int lb_unsnat6(struct lb_scratch *work)
{
	return work ? lb_unsnat(WG_IPV6, work) : -WG_REASON_NOT_SERVICE;
}

WG_GLOBAL int lb_reply_to_owner4(struct lb_scratch *work)
{
	return work ? lb_reply_in(WG_IPV4, work, work->reply_owner.address, work->reply_owner.port)
		    : -WG_REASON_NO_FLOW;
}
WG_GLOBAL int lb_reply_to_owner6(struct lb_scratch *work)
{
	return work ? lb_reply_in(WG_IPV6, work, work->reply_owner.address, work->reply_owner.port)
		    : -WG_REASON_NO_FLOW;
}

/* A step of its own for the few packets that need it: its frame does not stand on that of lb_reply_key6. */
WG_GLOBAL int lb_resolve_source_port6(struct lb_scratch *work)
{
	if (work)
		reply_resolve_source_port(WG_IPV6, work->packet.protocol, &work->key);
	return 0;
}
WG_GLOBAL int lb_reply_key6(struct lb_scratch *work)
{
	return work ? lb_reply_to_key(WG_IPV6, work) : -WG_REASON_NO_FLOW;
}

/* For the destination of `packet`, which is work->packet, too. */
WG_INLINE int lb_reply6(const struct packet *packet, struct lb_scratch *work)
{
	if (!work)
		return -WG_REASON_NO_FLOW;
	reply_key(WG_IPV6, packet->destination, packet->destination_port, packet->source, packet->source_port,
		  &work->key);
	if (UNLIKELY(snat_port_in_range(packet->destination_port)))
		lb_resolve_source_port6(work);
	return lb_reply_key6(work);
}
