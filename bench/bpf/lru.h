/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * The comparison: the same parser, service table, selection, next hops, counters and rewriting as the product's, but
 * the flow table is an LRU hash. What the product's table does for SNAT with a second table is here part of the reply's
 * entry. Kept as lean as an honest program can be: no clock, state written through the pointer, no ambiguity check.
 *
 * The including program defines wg_context and WG_THIS_HOOK.
 */
#pragma once

#include "lib/reply.h"

#include "lru_entry.h"

#define LRU_TABLE(name, key_type, value_type)                                                                          \
	struct {                                                                                                       \
		__uint(type, BPF_MAP_TYPE_LRU_HASH);                                                                   \
		__uint(max_entries, 16);                                                                               \
		__type(key, key_type);                                                                                 \
		__type(value, value_type);                                                                             \
	} name SEC(".maps")
LRU_TABLE(lru4, struct lru_key4, struct lru_value4);
LRU_TABLE(lru6, struct lru_key6, struct lru_value6);

/* A key of either family; `to` and `from` as in lru_key4. */
struct lru_question {
	const __u32 *from;
	const __u32 *to;
	__be16 from_port;
	__be16 to_port;
	__u8 protocol;
	__u8 direction;
};

/* A found entry: pointers into the map. */
struct lru_entry {
	struct lru_head *head;
	__u32 *address;
	__u32 *client;
	__u32 backend;
};

WG_INLINE void lru_key4_fill(const struct lru_question *question, struct lru_key4 *key)
{
	key->from = question->from[0];
	key->to = question->to[0];
	key->from_port = question->from_port;
	key->to_port = question->to_port;
	key->protocol = question->protocol;
	key->direction = question->direction;
}

WG_INLINE void lru_key6_fill(const struct lru_question *question, struct lru_key6 *key)
{
	copy_address(WG_ADDRESS_WORDS, key->from, question->from);
	copy_address(WG_ADDRESS_WORDS, key->to, question->to);
	key->from_port = question->from_port;
	key->to_port = question->to_port;
	key->protocol = question->protocol;
	key->direction = question->direction;
}

WG_INLINE int lru_find(__u32 family, const struct lru_question *question, struct lru_entry *entry)
{
	if (family == WG_IPV4) {
		struct lru_key4 key = {};
		struct lru_value4 *value;

		lru_key4_fill(question, &key);
		value = bpf_map_lookup_elem(&lru4, &key);
		if (!value)
			return 0;
		*entry = (struct lru_entry){&value->head, &value->address, &value->client, value->backend};
		return 1;
	}
	struct lru_key6 key = {};
	struct lru_value6 *value;

	lru_key6_fill(question, &key);
	value = bpf_map_lookup_elem(&lru6, &key);
	if (!value)
		return 0;
	*entry = (struct lru_entry){&value->head, value->address, value->client, value->backend};
	return 1;
}

/* The state is written only when it changes; recency is the map's own business. */
WG_INLINE void lru_track(struct lru_head *head, const struct packet *packet, __u32 direction)
{
	const __u8 state = head->state;
	const __u8 next = flow_next_state(state, direction, packet->protocol, packet->tcp_flags);

	if (UNLIKELY(next != state))
		head->state = next;
}

/* The reply of a flow: `answer` is the frontend, `owner` the client behind a node port. 0 or a negative reason. */
WG_INLINE int lru_reply(__u32 family, const struct packet *packet, struct lb_answer *answer, struct snat_owner *owner)
{
	struct lru_question question = {packet->destination, packet->source,   packet->destination_port,
					packet->source_port, packet->protocol, LRU_REPLY};
	struct lru_entry entry = {};

	if (LIKELY(!reply_gate_open(family, packet->source, packet->source_port, packet->protocol)))
		return -WG_REASON_NOT_SERVICE;
	if (!lru_find(family, &question, &entry))
		return -WG_REASON_NO_FLOW;
	lru_track(entry.head, packet, TABLE_REPLY);
	copy_address(address_words(family), answer->address, entry.address);
	answer->port = entry.head->port;
	answer->service = entry.head->service;
	answer->client_port = packet->destination_port;
	if (!entry.head->is_snat)
		return 0;
	copy_address(address_words(family), owner->address, entry.client);
	owner->port = entry.head->client_port;
	answer->client_port = owner->port;
	return 0;
}

/* What a new flow is made of. */
struct lru_new {
	struct selection chosen;
	__be32 from[WG_ADDRESS_WORDS]; /* the reply's way back: the client, or a node address */
	__be16 from_port;
	__u32 backend; /* as wg_flow_head.backend */
	__u32 service;
};

WG_INLINE int lru_put_reply(__u32 family, const struct packet *packet, const struct lru_new *flow)
{
	const struct lru_question question = {flow->from,        flow->chosen.address, flow->from_port,
					      flow->chosen.port, packet->protocol,     LRU_REPLY};
	const struct lru_head head = {.port = packet->destination_port,
				      .client_port = packet->source_port,
				      .is_snat = !!(flow->backend & WG_FLOW_SNAT),
				      .state = WG_FLOW_HALF_OPEN,
				      .service = flow->service};

	if (family == WG_IPV4) {
		const struct lru_value4 value = {head, packet->destination[0], packet->source[0], flow->backend};
		struct lru_key4 key = {};

		lru_key4_fill(&question, &key);
		return bpf_map_update_elem(&lru4, &key, &value, BPF_NOEXIST);
	}
	struct lru_value6 value = {.head = head, .backend = flow->backend};
	struct lru_key6 key = {};

	copy_address(WG_ADDRESS_WORDS, value.address, packet->destination);
	copy_address(WG_ADDRESS_WORDS, value.client, packet->source);
	lru_key6_fill(&question, &key);
	return bpf_map_update_elem(&lru6, &key, &value, BPF_NOEXIST);
}

WG_INLINE int lru_put_request(__u32 family, const struct packet *packet, const struct lru_new *flow)
{
	const struct lru_question question = {packet->source,           packet->destination, packet->source_port,
					      packet->destination_port, packet->protocol,    LRU_REQUEST};
	const struct lru_head head = {.port = flow->chosen.port,
				      .node_port = flow->from_port,
				      .is_snat = !!(flow->backend & WG_FLOW_SNAT),
				      .state = WG_FLOW_HALF_OPEN,
				      .service = flow->service};

	if (family == WG_IPV4) {
		const struct lru_value4 value = {head, flow->chosen.address[0], 0, flow->backend};
		struct lru_key4 key = {};

		lru_key4_fill(&question, &key);
		return bpf_map_update_elem(&lru4, &key, &value, BPF_ANY);
	}
	struct lru_value6 value = {.head = head, .backend = flow->backend};
	struct lru_key6 key = {};

	copy_address(WG_ADDRESS_WORDS, value.address, flow->chosen.address);
	lru_key6_fill(&question, &key);
	return bpf_map_update_elem(&lru6, &key, &value, BPF_ANY);
}

/* Takes the first free of SNAT_PORT_TRIES node ports; the reply's entry is the reservation. */
WG_INLINE int lru_put_snat_reply(wg_context *context, __u32 family, struct packet *packet, struct wg_control *state,
				 struct lru_new *flow)
{
	struct table_key key = {};
	const __u32 start = bpf_get_prandom_u32();
	int index;

	copy_address(address_words(family), key.backend, flow->chosen.address);
	index = snat_address_index(family, state, route_ifindex(context, packet, &key));
	if (index < 0)
		return index;
	copy_address(address_words(family), flow->from, snat_address(family, state, index));
	flow->backend |= WG_FLOW_SNAT | (__u32)index << WG_FLOW_SNAT_ADDRESS_SHIFT;
#pragma nounroll
	for (__u32 tries = 0; tries < SNAT_PORT_TRIES; tries++) {
		OPAQUE(tries);
		flow->from_port =
		    bpf_htons(settings.snat_port_min + (__u16)((start + tries) & settings.snat_port_mask));
		if (!lru_put_reply(family, packet, flow))
			return 0;
	}
	return -WG_REASON_SNAT_PORTS;
}

/* Too large for the stack beside an entry program's. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lru_new);
} lru_scratch SEC(".maps");

WG_INLINE struct lru_new *lru_new_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&lru_scratch, &zero);
}

/* 0: there is a flow now, work->answer says where it goes. */
WG_INLINE int lru_open(wg_context *context, __u32 family, struct lb_scratch *work)
{
	struct packet *packet = &work->packet;
	struct wg_control *state = control_get();
	struct lru_new *flow = lru_new_get();
	int result;

	if (!state || !flow)
		return -WG_REASON_TABLE_BUSY;
	__builtin_memset(flow, 0, sizeof(*flow));
	result = lb_select(context, family, work);
	if (result < 0)
		return result;
	flow->chosen = work->chosen;
	flow->backend = flow->chosen.backend;
	flow->service = work->frontend.service;
	copy_address(address_words(family), flow->from, packet->source);
	flow->from_port = packet->source_port;
	if (lb_needs_snat(context, family, work, state))
		result = lru_put_snat_reply(context, family, packet, state, flow);
	else
		result = lru_put_reply(family, packet, flow) ? -WG_REASON_TABLE_BUSY : 0;
	if (result < 0)
		return result;
	count_new_flow(flow->service);
	copy_address(address_words(family), work->answer.address, flow->chosen.address);
	work->answer.port = flow->chosen.port;
	work->answer.snat_port = flow->from_port;
	work->answer.backend = flow->backend;
	return lru_put_request(family, packet, flow) ? -WG_REASON_TABLE_BUSY : 0;
}

WG_GLOBAL int lru_open4(wg_context *context, struct lb_scratch *work)
{
	return work ? lru_open(context, WG_IPV4, work) : -WG_REASON_TABLE_BUSY;
}
WG_GLOBAL int lru_open6(wg_context *context, struct lb_scratch *work)
{
	return work ? lru_open(context, WG_IPV6, work) : -WG_REASON_TABLE_BUSY;
}

/* 1: an established flow, `answer` is filled in. */
WG_INLINE int lru_request_established(__u32 family, const struct packet *packet, const struct frontend_hit *frontend,
				      struct lb_answer *answer)
{
	struct lru_question question = {packet->source,           packet->destination, packet->source_port,
					packet->destination_port, packet->protocol,    LRU_REQUEST};
	struct lru_entry entry = {};

	if (!lru_find(family, &question, &entry))
		return 0;
	if (UNLIKELY(flow_is_opening(packet) && flow_has_ended(entry.head->state)))
		return 0;
	if (lb_must_choose_anew(family, packet, frontend, entry.backend, entry.address, entry.head->port))
		return 0;
	lru_track(entry.head, packet, TABLE_REQUEST);
	copy_address(address_words(family), answer->address, entry.address);
	answer->port = entry.head->port;
	answer->snat_port = entry.head->node_port;
	answer->backend = entry.backend;
	return 1;
}

/* As lb_request4: 0 and the backend, or a negative reason. */
WG_INLINE int lru_request4(wg_context *context, const struct packet *packet, struct lb_answer *answer)
{
	struct frontend_hit frontend = {};
	struct lb_scratch *work;
	int result;

	if (LIKELY(frontend_find(WG_IPV4, packet->destination, packet->destination_port, packet->protocol, &frontend) !=
		   FRONTEND_HIT))
		return -WG_REASON_NOT_SERVICE;
	answer->service = frontend.service;
	if (LIKELY(lru_request_established(WG_IPV4, packet, &frontend, answer)))
		return 0;
	work = lb_scratch_for(packet, &frontend);
	if (!work)
		return -WG_REASON_TABLE_BUSY;
	result = lru_open4(context, work);
	if (result < 0)
		return result;
	lb_take_answer(WG_IPV4, work, answer);
	return 0;
}

/* The steps of IPv6, which go through the working memory as the product's do. */
WG_GLOBAL int lru_established6(struct lb_scratch *work)
{
	return work && lru_request_established(WG_IPV6, &work->packet, &work->frontend, &work->answer);
}

WG_GLOBAL int lru_reply6(struct lb_scratch *work)
{
	return work ? lru_reply(WG_IPV6, &work->packet, &work->answer, &work->reply_owner) : -WG_REASON_NOT_SERVICE;
}

WG_INLINE int lru_request6(wg_context *context, const struct packet *packet, struct lb_scratch **working_memory)
{
	struct frontend_hit frontend = {};
	struct lb_scratch *work;

	if (LIKELY(frontend_find(WG_IPV6, packet->destination, packet->destination_port, packet->protocol, &frontend) !=
		   FRONTEND_HIT))
		return -WG_REASON_NOT_SERVICE;
	work = lb_scratch_for(packet, &frontend);
	if (!work)
		return -WG_REASON_TABLE_BUSY;
	*working_memory = work;
	work->answer.service = frontend.service;
	return LIKELY(lru_established6(work)) ? 0 : lru_open6(context, work);
}
