/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * The set-associative tables and their protocol: lookup, claim, second look, publish (design/flow-table.md, section 3).
 *
 * Readers take no lock and write nothing: they accept an entry when its control word has the same generation, tag,
 * protocol and valid bit before and after the body was read. A writer claims a slot by compare-and-exchange, looks over
 * both buckets a second time for another claim of the same flow, stores the body and publishes with an exchange. Only
 * BPF programs claim; user space merely expires. `tests/native/interleavings_test` walks every interleaving of these
 * steps.
 *
 * One code for four tables: the kind and the family are constants at every call and fold away.
 */
#pragma once

#include "lib/compiler.h"
#include "lib/maps.h"

enum table_kind {
	TABLE_FLOWS = 0,
	TABLE_SNAT = 1,
};

enum table_direction {
	TABLE_REQUEST = 0, /* matches client and frontend, answers the backend */
	TABLE_REPLY = 1,   /* matches client and backend, answers the frontend */
};

/* What a lookup compares. The words of `frontend` are used by snat6 alone. */
struct table_key {
	__be32 client[WG_ADDRESS_WORDS];
	__be32 backend[WG_ADDRESS_WORDS];
	__u32 frontend; /* as wg_flow_head.frontend */
	__be16 client_port;
	__be16 frontend_port;
	__be16 backend_port;
	__be16 source_port; /* reply: the port the client edge gave the client (WG_FLOW_SOURCE_PORT), 0 if it kept its
			       own */
};

/* A verified copy of what an entry says. */
struct table_hit {
	__u32 control; /* for tracking: compare-and-exchange against it */
	__be32 backend_address[WG_ADDRESS_WORDS];
	__u32 backend; /* as wg_flow_head.backend */
	__u32 frontend;
	__be16 frontend_port;
	__be16 backend_port;
	__be16 snat_port;
};

WG_INLINE __u32 table_mask(__u32 kind, __u32 family)
{
	if (kind == TABLE_FLOWS)
		return family == WG_IPV4 ? settings.flows4_mask : settings.flows6_mask;
	return family == WG_IPV4 ? settings.snat4_mask : settings.snat6_mask;
}

WG_INLINE void *table_bucket(__u32 kind, __u32 family, __u32 index)
{
	if (kind == TABLE_FLOWS)
		return family == WG_IPV4 ? bpf_map_lookup_elem(&flows4, &index) : bpf_map_lookup_elem(&flows6, &index);
	return family == WG_IPV4 ? bpf_map_lookup_elem(&snat4, &index) : bpf_map_lookup_elem(&snat6, &index);
}

WG_INLINE __u32 table_entry_bytes(__u32 kind, __u32 family)
{
	if (family == WG_IPV4)
		return sizeof(struct wg_flow4);
	return kind == TABLE_FLOWS ? sizeof(struct wg_flow6) : sizeof(struct wg_snat6);
}

WG_INLINE struct wg_flow_head *table_way(__u32 kind, __u32 family, void *bucket, __u32 way)
{
	return bucket + (way & (WG_FLOW_WAYS - 1)) * table_entry_bytes(kind, family);
}

/* Behind the head: client words, backend words, in snat6 the frontend's words. */
WG_INLINE __u32 *table_addresses(struct wg_flow_head *head)
{
	return (__u32 *)(head + 1);
}

/* The pairs of fields that one 64-bit load fetches. */
WG_INLINE __u64 head_backend_frontend(const struct wg_flow_head *head)
{
	return LOAD(*(__u64 *)&head->backend);
}
WG_INLINE __u64 head_ports(const struct wg_flow_head *head)
{
	return LOAD(*(__u64 *)&head->client_port);
}

struct table_body {
	__u32 address[2 * WG_ADDRESS_WORDS];
	__u64 backend_frontend;
	__u64 ports;
	__u64 loaded; /* depends on every word above */
};

/* Reads the body through an address that depends on the control word. */
WG_INLINE void table_read_body(__u32 family, struct wg_flow_head *head, __u32 control, struct table_body *body)
{
	const __u32 words = address_words(family);
	struct wg_flow_head *at = AT(head, DEPENDS_ON(control));
	__u64 *pairs = (__u64 *)table_addresses(at);

	body->backend_frontend = head_backend_frontend(at);
	body->ports = head_ports(at);
	body->loaded = body->backend_frontend | body->ports;
#pragma unroll
	for (__u32 i = 0; i < WG_ADDRESS_WORDS; i++)
		if (i < words) {
			__u64 pair = LOAD(pairs[i]);

			body->address[2 * i] = (__u32)pair;
			body->address[2 * i + 1] = (__u32)(pair >> 32);
			body->loaded |= pair;
		}
}

WG_INLINE int table_matches(__u32 family, __u32 direction, const struct table_body *body, const struct table_key *key)
{
	const __u32 words = address_words(family);

	if (!same_address(words, body->address, key->client))
		return 0;
	if (direction == TABLE_REQUEST) {
		const __u32 ports = (__u32)key->frontend_port << 16 | key->client_port;

		return (__u32)body->ports == ports && (__u32)(body->backend_frontend >> 32) == key->frontend;
	}
	const __u16 source_port = body->backend_frontend & WG_FLOW_SOURCE_PORT ? body->ports >> 48 : 0;

	if ((__u16)body->ports != key->client_port || (__u16)(body->ports >> 32) != key->backend_port ||
	    source_port != key->source_port)
		return 0;
	return same_address(words, body->address + words, key->backend);
}

WG_INLINE void table_fill_hit(__u32 family, const struct table_body *body, struct table_hit *hit)
{
	const __u32 words = address_words(family);

	copy_address(words, hit->backend_address, body->address + words);
	hit->backend = (__u32)body->backend_frontend;
	hit->frontend = (__u32)(body->backend_frontend >> 32);
	hit->frontend_port = (__u16)(body->ports >> 16);
	hit->backend_port = (__u16)(body->ports >> 32);
	hit->snat_port = (__u16)(body->ports >> 48);
}

enum table_look {
	LOOK_NOTHING = 0,
	LOOK_MATCH = 1,
	LOOK_CHANGED = 2, /* it matched, but its owner changed meanwhile */
};

/* One way. LOOK_MATCH: `hit` holds what this flow's entry said at some instant during the call. */
WG_INLINE int table_try(__u32 family, __u32 direction, struct wg_flow_head *head, __u32 want,
			const struct table_key *key, struct table_hit *hit)
{
	struct table_body body;
	__u32 before = LOAD(head->control);
	__u32 after;

	if ((before ^ want) & WG_FLOW_FILTER)
		return LOOK_NOTHING;
	table_read_body(family, head, before, &body);
	if (!table_matches(family, direction, &body, key))
		return LOOK_NOTHING;
	after = LOAD(AT(head, DEPENDS_ON(body.loaded))->control);
	if ((before ^ after) & WG_FLOW_IDENTITY)
		return LOOK_CHANGED;
	table_fill_hit(family, &body, hit);
	hit->control = after;
	return LOOK_MATCH;
}

/* The first way whose control word is what a lookup wants, or WG_FLOW_WAYS. Unrolled: this is what every lookup does.
 */
WG_INLINE __u32 table_first_way(__u32 kind, __u32 family, void *bucket, __u32 want)
{
#pragma unroll
	for (__u32 way = 0; way < WG_FLOW_WAYS; way++)
		if (!((LOAD(table_way(kind, family, bucket, way)->control) ^ want) & WG_FLOW_FILTER))
			return way;
	return WG_FLOW_WAYS;
}

/* The ways from `way` on, one after another. */
WG_INLINE struct wg_flow_head *table_scan_from(__u32 kind, __u32 family, __u32 direction, void *bucket, __u32 way,
					       __u32 want, const struct table_key *key, struct table_hit *hit)
{
#pragma nounroll
	for (; way < WG_FLOW_WAYS; way++) {
		struct wg_flow_head *head;

		OPAQUE(way);
		RELOAD();
		head = table_way(kind, family, bucket, way);
		if (table_try(family, direction, head, want, key, hit) == LOOK_MATCH)
			return head;
	}
	return 0;
}

/* The entry and its verified copy, or nothing. The body is compared in a place of its own and not in each unrolled way:
 * that would be 16 copies of it. */
WG_INLINE struct wg_flow_head *table_find(__u32 kind, __u32 family, __u32 direction, const struct wg_flow_place *place,
					  const struct table_key *key, struct table_hit *hit)
{
#pragma nounroll
	for (__u32 second = 0; second < 2; second++) {
		struct wg_flow_head *head;
		void *bucket;

		OPAQUE(second);
		bucket = table_bucket(kind, family, second ? place->bucket2 : place->bucket1);
		if (!bucket)
			return 0;
		head = table_scan_from(kind, family, direction, bucket,
				       table_first_way(kind, family, bucket, place->want), place->want, key, hit);
		if (head)
			return head;
	}
	return 0;
}

/* Frees a verified entry; the generation stays for the next claim to grow. 1: it was still that entry. */
WG_INLINE int table_delete(struct wg_flow_head *head, __u32 control)
{
	const __u32 freed = control & (WG_FLOW_GENERATION_MASK | WG_FLOW_SPILLED);

	return __sync_val_compare_and_swap(&head->control, control, freed) == control;
}

/* Another state for a verified entry. Losing the race is fine: the winner saw a packet of the same flow. */
WG_INLINE void table_set_state(struct wg_flow_head *head, __u32 control, __u32 state)
{
	__sync_val_compare_and_swap(&head->control, control, (control & ~WG_FLOW_STATE_MASK) | state);
}

/* 1 if the clock was written: at most once a second, or two CPUs on one flow would fight for its cache line. */
WG_INLINE int table_touch(struct wg_flow_head *head, __u32 now)
{
	if (LIKELY(now - LOAD(head->seen) < settings.hz))
		return 0;
	STORE(head->seen, now);
	return 1;
}
