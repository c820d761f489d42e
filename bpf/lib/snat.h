/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Reservations of node ports (and, for ambiguous flows, of a client's own ports) toward a backend: the second entry of
 * a flow whose reply does not carry the client's address and port. The port range belongs to Waggle alone.
 */
#pragma once

#include "lib/count.h"
#include "lib/flow.h"
#include "lib/route.h"

#define SNAT_PORT_TRIES 16
/* Could this port be one of ours? Network byte order. */
WG_INLINE int snat_port_in_range(__be16 port)
{
	return (__u16)(bpf_ntohs(port) - settings.snat_port_min) <= settings.snat_port_mask;
}

/* A permutation of the port range that nobody outside can foresee, another for each backend: every step maps the
 * numbers up to a power of two onto themselves. */
WG_INLINE __u32 snat_shuffle(__u32 turn, __u32 backend)
{
	const __u64 a = (settings.hash_key.k0 ^ backend) * 0x9E3779B97F4A7C15ull;
	const __u64 b = (settings.hash_key.k1 ^ backend) * 0xD6E8FEB86659FD93ull;
	const __u32 mask = settings.snat_port_mask;

	turn = (turn * ((__u32)(a >> 32) | 1) + (__u32)a) & mask;
	turn ^= turn >> 5;
	turn = (turn * ((__u32)(b >> 32) | 1) + (__u32)b) & mask;
	return turn ^ turn >> 3;
}

/* The port to try next, network byte order. A connection gets the one that was taken longest ago, because the backend
 * may still have the last one that had it in TIME_WAIT, and would answer a connection with other timestamps only a
 * second later. Datagrams get any: `random` and what follows. */
WG_INLINE __be16 snat_next_port(__u8 protocol, __u32 backend, __u32 random)
{
	__u32 place = backend & (WG_SNAT_TURNS - 1);
	__u32 *turn = bpf_map_lookup_elem(&snat_turns, &place);
	__u32 offset = random & settings.snat_port_mask;

	if (protocol == WG_PROTOCOL_TCP && turn) {
		if (!LOAD(*turn))
			STORE(*turn, random | 1); /* not where it began before the programs were loaded anew */
		offset = snat_shuffle(__sync_fetch_and_add(turn, 1), backend);
	}
	return bpf_htons(settings.snat_port_min + (__u16)offset);
}

WG_INLINE struct wg_flow_place snat_place(__u32 family, const __u32 *backend, __be16 backend_port, __be16 port,
					  __u8 protocol)
{
	const struct wg_hash_key key = settings_hash_key();
	const __u64 hash = wg_snat_hash(&key, backend, address_words(family), backend_port, port, protocol);

	return wg_flow_place_of(hash, table_mask(TABLE_SNAT, family), protocol);
}

/* Whom a reservation stands for. */
struct snat_owner {
	__be32 address[WG_ADDRESS_WORDS];
	__be16 port;
};

/* The reservation that a packet from the backend to address:port belongs to. `key`: backend, and the reserved address
 * and port as client. */
WG_INLINE struct wg_flow_head *snat_find(__u32 family, const struct table_key *key, __u8 protocol,
					 struct table_hit *hit)
{
	const struct wg_flow_place place =
	    snat_place(family, key->backend, key->backend_port, key->client_port, protocol);

	return table_find(TABLE_SNAT, family, TABLE_REPLY, &place, key, hit);
}

/* 0: the entry changed its owner while being read. */
WG_INLINE int snat_read_owner(__u32 family, struct wg_flow_head *head, const struct table_hit *hit,
			      struct snat_owner *owner)
{
	__u32 seen = 0;

	owner->port = hit->frontend_port;
	owner->address[0] = hit->frontend;
	if (family == WG_IPV4)
		return 1;
#pragma unroll
	for (__u32 i = 0; i < WG_ADDRESS_WORDS; i++) {
		owner->address[i] = LOAD(table_addresses(head)[2 * WG_ADDRESS_WORDS + i]);
		seen |= owner->address[i];
	}
	return !((LOAD(AT(head, DEPENDS_ON(seen))->control) ^ hit->control) & WG_FLOW_IDENTITY);
}

/* 1: there is a reservation and `owner` says for whom. */
WG_INLINE int snat_resolve(__u32 family, struct table_key *key, __u8 protocol, struct snat_owner *owner)
{
	struct table_hit hit;
	struct wg_flow_head *head;

	if (!key || !owner)
		return 0;
	head = snat_find(family, key, protocol, &hit);
	return head && snat_read_owner(family, head, &hit, owner);
}

/* Keeps a reservation alive and in its flow's state. 0: it does not stand for `owner`. */
WG_INLINE int snat_follow(__u32 family, struct table_key *key, __u8 protocol, struct snat_owner *owner, __u32 state)
{
	struct snat_owner now_owner = {};
	struct table_hit hit;
	struct wg_flow_head *head;

	if (!key || !owner)
		return 0;
	head = snat_find(family, key, protocol, &hit);
	if (!head || !snat_read_owner(family, head, &hit, &now_owner) || now_owner.port != owner->port ||
	    !same_address(address_words(family), now_owner.address, owner->address))
		return 0;
	table_touch(head, bpf_jiffies64());
	if ((hit.control & WG_FLOW_STATE_MASK) != state)
		table_set_state(head, hit.control, state);
	return 1;
}

/* Gives a reservation back. */
WG_INLINE int snat_delete(__u32 family, struct table_key *key, __u8 protocol)
{
	struct table_hit hit;
	struct wg_flow_head *head = key ? snat_find(family, key, protocol, &hit) : 0;

	return head && table_delete(head, hit.control);
}

#define SNAT_STEPS(suffix, family)                                                                                     \
	WG_GLOBAL int snat_resolve##suffix(struct table_key *key, __u32 protocol, struct snat_owner *owner)            \
	{                                                                                                              \
		return snat_resolve(family, key, protocol, owner);                                                     \
	}                                                                                                              \
	WG_GLOBAL int snat_follow##suffix(struct table_key *key, __u32 protocol, struct snat_owner *owner,             \
					  __u32 state)                                                                 \
	{                                                                                                              \
		return snat_follow(family, key, protocol, owner, state);                                               \
	}                                                                                                              \
	WG_GLOBAL int snat_delete##suffix(struct table_key *key, __u32 protocol)                                       \
	{                                                                                                              \
		return snat_delete(family, key, protocol);                                                             \
	}
SNAT_STEPS(4, WG_IPV4)
SNAT_STEPS(6, WG_IPV6)

WG_INLINE int snat_insert(__u32 family, struct insert_request *request, struct table_hit *hit)
{
	return family == WG_IPV4 ? insert_snat4(request, hit) : insert_snat6(request, hit);
}

/* Reserves `port` of `address` toward the backend of `flow`. client_port: what the reservation stands for. */
WG_INLINE int snat_reserve(__u32 family, const struct insert_request *flow, __u8 protocol, const __u32 *address,
			   __be16 port, __be16 client_port, struct insert_request *scratch, struct table_hit *hit)
{
	__builtin_memset(scratch, 0, sizeof(*scratch));
	copy_address(address_words(family), scratch->key.client, address);
	copy_address(address_words(family), scratch->key.backend, flow->key.backend);
	copy_address(address_words(family), scratch->third, flow->key.client);
	scratch->key.frontend = family == WG_IPV4 ? flow->key.client[0] : 0;
	scratch->key.client_port = port;
	scratch->key.frontend_port = client_port;
	scratch->key.backend_port = flow->key.backend_port;
	scratch->backend = flow->backend & WG_BACKEND_ID_MASK;
	scratch->state = flow->state;
	scratch->place = snat_place(family, flow->key.backend, flow->key.backend_port, port, protocol);
	return snat_insert(family, scratch, hit) == INSERT_NEW;
}

/* Gives back what a flow that came to nothing had reserved. `key` is working memory. */
WG_INLINE void snat_release(__u32 family, const struct insert_request *flow, __u8 protocol, const __u32 *address,
			    __be16 port, struct table_key *key)
{
	copy_address(address_words(family), key->client, address);
	copy_address(address_words(family), key->backend, flow->key.backend);
	key->client_port = port;
	key->backend_port = flow->key.backend_port;
	key->source_port = 0;
	if (family == WG_IPV4)
		snat_delete4(key, protocol);
	else
		snat_delete6(key, protocol);
}

/* Which node address a packet leaving by this interface takes (contract K-59). Negative reason: the node has none. */
WG_INLINE int snat_address_index(__u32 family, struct wg_control *state, __u32 ifindex)
{
	const struct wg_link *link = link_find(state, ifindex);
	__u32 index = 0;

	if (link)
		index = family == WG_IPV4 ? link->snat4 : link->snat6;
	if (index >= WG_SNAT_ADDRESSES)
		index = 0;
	return snat_address(family, state, index)[0] ? (int)index : -WG_REASON_SNAT_ADDRESS;
}
