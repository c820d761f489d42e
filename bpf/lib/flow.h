/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Flows: one client connection through a service. Finding, following its TCP state, spilling.
 */
#pragma once

#include "lib/insert.h"
#include "lib/parse.h"
#include "lib/table.h"

/* A flow's state after a packet. SCTP's chunks come as TCP flags (parse_sctp_flags). */
WG_INLINE __u32 flow_next_state(__u32 state, __u32 direction, __u8 protocol, __u8 tcp_flags)
{
	if (protocol != WG_PROTOCOL_UDP && tcp_flags & TCP_FLAG_RST_BIT)
		return WG_FLOW_CLOSED;
	if (protocol != WG_PROTOCOL_UDP && tcp_flags & TCP_FLAG_FIN_BIT) {
		const __u32 mine = direction == TABLE_REQUEST ? WG_FLOW_CLIENT_FIN : WG_FLOW_BACKEND_FIN;

		return state == WG_FLOW_HALF_OPEN || state == WG_FLOW_ESTABLISHED || state == mine ? mine
												   : WG_FLOW_CLOSED;
	}
	if (direction == TABLE_REPLY && state == WG_FLOW_HALF_OPEN)
		return WG_FLOW_ESTABLISHED;
	return state;
}

/* A SYN without ACK, or an INIT, opens a connection: on a flow that has ended, or whose end was seen, it is a new one.
 */
WG_INLINE int flow_is_opening(const struct packet *packet)
{
	return packet->protocol != WG_PROTOCOL_UDP &&
	       (packet->tcp_flags & (TCP_FLAG_SYN_BIT | TCP_FLAG_ACK_BIT)) == TCP_FLAG_SYN_BIT;
}

WG_INLINE int flow_has_ended(__u32 control)
{
	return (control & WG_FLOW_STATE_MASK) >= WG_FLOW_CLIENT_FIN;
}

WG_INLINE struct wg_flow_place flow_place(__u32 family, const __u32 *client, __be16 client_port, __u8 protocol)
{
	const struct wg_hash_key key = settings_hash_key();
	const __u64 hash = wg_flow_hash(&key, client, address_words(family), client_port, protocol);

	return wg_flow_place_of(hash, table_mask(TABLE_FLOWS, family), protocol);
}

/* What a request packet looks for. The frontend of IPv6 is its position. */
WG_INLINE void flow_request_key(__u32 family, const struct packet *packet, __u32 frontend_position,
				struct table_key *key)
{
	copy_address(address_words(family), key->client, packet->source);
	key->client_port = packet->source_port;
	key->frontend_port = packet->destination_port;
	key->frontend = family == WG_IPV4 ? packet->destination[0] : frontend_position;
}

/* May flows of these buckets live in the spill table? The bits are in the first bucket; the sweep moves one from way 0
 * to way 1, so they are read in that order. */
WG_INLINE int flow_bucket_spilled(__u32 family, const struct wg_flow_place *place)
{
	struct wg_flow_head *head = table_bucket(TABLE_FLOWS, family, place->bucket1);
	__u32 control;

	if (!head)
		return 0;
	control = LOAD(head->control);
	head = table_way(TABLE_FLOWS, family, AT(head, DEPENDS_ON(control)), 1);
	return (control | LOAD(head->control)) & WG_FLOW_SPILLED;
}

WG_INLINE void spill_key_fill(__u32 family, struct wg_spill_key *key, const struct table_key *flow, __u8 protocol,
			      const __u32 *other, __be16 other_port, __u8 direction)
{
	__builtin_memset(key, 0, sizeof(*key));
	copy_address(address_words(family), key->client, flow->client);
	copy_address(address_words(family), key->other, other);
	key->client_port = flow->client_port;
	key->other_port = other_port;
	key->protocol = protocol;
	key->direction = direction;
	key->family = family;
}

/* Looks a request up among the spilled flows. 1: `value` says the translation. */
WG_INLINE int spill_find_request(__u32 family, const struct packet *packet, struct wg_spill_value *value)
{
	struct table_key flow = {.client_port = packet->source_port};
	struct wg_spill_key key;
	struct wg_spill_value *found;

	copy_address(address_words(family), flow.client, packet->source);
	spill_key_fill(family, &key, &flow, packet->protocol, packet->destination, packet->destination_port,
		       WG_SPILL_REQUEST);
	found = bpf_map_lookup_elem(&flow_spill, &key);
	if (!found)
		return 0;
	*value = *found;
	return 1;
}

/* The same from the reply's side: `flow` has client and backend. */
WG_INLINE int spill_find_reply(__u32 family, const struct table_key *flow, __u8 protocol, struct wg_spill_value *value)
{
	struct wg_spill_key key;
	struct wg_spill_value *found;

	spill_key_fill(family, &key, flow, protocol, flow->backend, flow->backend_port, WG_SPILL_REPLY);
	found = bpf_map_lookup_elem(&flow_spill, &key);
	if (!found)
		return 0;
	*value = *found;
	return 1;
}

/* Puts a flow into the spill table: two entries, both only if they are new. The bit goes up first, so that no reader
 * can miss a flow that is there; its result is used for the full barrier (as insert_add_control). */
WG_INLINE int spill_insert(__u32 family, const struct insert_request *request, const struct packet *packet)
{
	struct wg_spill_key key;
	struct wg_spill_value value = {.backend = request->backend};
	struct wg_flow_head *head = table_bucket(TABLE_FLOWS, family, request->place.bucket1);
	__u32 before;

	if (!head)
		return INSERT_BUSY;
	before = __sync_fetch_and_or(&head->control, WG_FLOW_SPILLED);
	OPAQUE(before);
	spill_key_fill(family, &key, &request->key, packet->protocol, packet->destination, packet->destination_port,
		       WG_SPILL_REQUEST);
	copy_address(address_words(family), value.address, request->key.backend);
	value.port = request->key.backend_port;
	if (bpf_map_update_elem(&flow_spill, &key, &value, BPF_NOEXIST))
		return INSERT_BUSY;
	spill_key_fill(family, &key, &request->key, packet->protocol, request->key.backend, request->key.backend_port,
		       WG_SPILL_REPLY);
	copy_address(address_words(family), value.address, packet->destination);
	value.port = packet->destination_port;
	if (!bpf_map_update_elem(&flow_spill, &key, &value, BPF_NOEXIST))
		return INSERT_NEW;
	spill_key_fill(family, &key, &request->key, packet->protocol, packet->destination, packet->destination_port,
		       WG_SPILL_REQUEST);
	bpf_map_delete_elem(&flow_spill, &key);
	return INSERT_AMBIGUOUS;
}

/* Removes both entries of the flow this request belongs to. */
WG_INLINE void spill_delete(__u32 family, const struct packet *packet, const struct wg_spill_value *value)
{
	struct table_key flow = {.client_port = packet->source_port};
	struct wg_spill_key key;

	copy_address(address_words(family), flow.client, packet->source);
	spill_key_fill(family, &key, &flow, packet->protocol, packet->destination, packet->destination_port,
		       WG_SPILL_REQUEST);
	bpf_map_delete_elem(&flow_spill, &key);
	spill_key_fill(family, &key, &flow, packet->protocol, value->address, value->port, WG_SPILL_REPLY);
	bpf_map_delete_elem(&flow_spill, &key);
}
