/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Which service does a destination belong to? Reads `frontends4`, `frontends6` and `services`; writes nothing.
 */
#pragma once

#include "lib/compiler.h"
#include "lib/gate.h"
#include "lib/maps.h"

struct frontend_hit {
	__u32 service;
	__u32 flags;    /* WG_FRONTEND_* */
	__u32 position; /* bucket * WG_FRONTEND_WAYS + way */
	__u32 kind;     /* WG_FRONTEND_LIVE or WG_FRONTEND_TOMBSTONE */
};

/* The key words as they lie in memory, kind left out. */
#define FRONTEND4_KEY_MASK   0x00ffffffffffffffull
#define FRONTEND6_KEY_MASK   0x0000000000ffffffull
#define FRONTEND4_KIND_SHIFT 56
#define FRONTEND6_KIND_SHIFT 24

WG_INLINE void *frontend_bucket(__u32 family, __u32 index)
{
	if (family == WG_IPV4)
		return bpf_map_lookup_elem(&frontends4, &index);
	return bpf_map_lookup_elem(&frontends6, &index);
}

WG_INLINE __u64 frontend_key_word(__u32 family, const __u32 *address, __be16 port, __u8 protocol)
{
	if (family == WG_IPV4)
		return (__u64)protocol << 48 | (__u64)port << 32 | address[0];
	return (__u64)protocol << 16 | port;
}

/* One way. The value word is read through an address that depends on the key word: the writer stores it first. */
WG_INLINE int frontend_try(__u32 family, void *bucket, __u32 way, const __u32 *address, __u64 want,
			   struct frontend_hit *hit)
{
	__u64 word;

	if (family == WG_IPV4) {
		struct wg_frontend4 *entry = &((struct wg_frontend_bucket4 *)bucket)->way[way];

		word = LOAD(*(__u64 *)entry);
		if ((word ^ want) & FRONTEND4_KEY_MASK)
			return 0;
		hit->kind = word >> FRONTEND4_KIND_SHIFT & WG_FRONTEND_KIND_MASK;
		entry = AT(entry, DEPENDS_ON(word));
		hit->service = LOAD(entry->service);
		hit->flags = LOAD(entry->flags);
		return hit->kind != WG_FRONTEND_EMPTY;
	}
	struct wg_frontend6 *entry = &((struct wg_frontend_bucket6 *)bucket)->way[way];

	word = LOAD(*(__u64 *)&entry->port);
	if ((word ^ want) & FRONTEND6_KEY_MASK)
		return 0;
	hit->kind = word >> FRONTEND6_KIND_SHIFT & WG_FRONTEND_KIND_MASK;
	entry = AT(entry, DEPENDS_ON(word));
	if (!same_address(WG_ADDRESS_WORDS, entry->address, address))
		return 0;
	hit->service = LOAD(entry->service);
	hit->flags = LOAD(entry->flags);
	return hit->kind != WG_FRONTEND_EMPTY;
}

WG_INLINE int frontend_overflowed(__u32 family, void *bucket)
{
	if (family == WG_IPV4)
		return LOAD(((struct wg_frontend_bucket4 *)bucket)->way[0].kind) & WG_FRONTEND_OVERFLOW;
	return LOAD(((struct wg_frontend_bucket6 *)bucket)->way[0].kind) & WG_FRONTEND_OVERFLOW;
}

enum frontend_found {
	FRONTEND_NONE = 0,    /* no frontend has this address */
	FRONTEND_HIT = 1,     /* `hit` says where address:port/protocol leads */
	FRONTEND_NO_PORT = 2, /* no frontend, though others may have the address */
};

/* Where does address:port/protocol lead? An enum frontend_found. */
WG_INLINE int frontend_find(__u32 family, const __u32 *address, __be16 port, __u8 protocol, struct frontend_hit *hit)
{
	const struct wg_hash_key key = settings_hash_key();
	const __u32 mask = family == WG_IPV4 ? settings.frontends4_mask : settings.frontends6_mask;
	const __u64 want = frontend_key_word(family, address, port, protocol);
	__u32 index;

	if (LIKELY(!frontend_gate_open(family, address)))
		return FRONTEND_NONE;
	index = wg_frontend_hash(&key, address, address_words(family), port, protocol) & mask;
#pragma nounroll
	for (__u32 probe = 0; probe < WG_FRONTEND_PROBES; probe++) {
		void *bucket = frontend_bucket(family, index);

		OPAQUE(probe);
		if (!bucket)
			return FRONTEND_NONE;
#pragma unroll
		for (__u32 way = 0; way < WG_FRONTEND_WAYS; way++)
			if (frontend_try(family, bucket, way, address, want, hit)) {
				hit->position = index * WG_FRONTEND_WAYS + way;
				return FRONTEND_HIT;
			}
		if (LIKELY(!frontend_overflowed(family, bucket)))
			break;
		index = (index + 1) & mask;
	}
	return FRONTEND_NO_PORT;
}

/* The address and port of an IPv6 frontend by its position: what a reply's flow remembers. 1 if there is one. */
WG_INLINE int frontend6_at(__u32 position, __u32 *address)
{
	struct wg_frontend_bucket6 *bucket;
	__u32 index = position / WG_FRONTEND_WAYS;

	bucket = bpf_map_lookup_elem(&frontends6, &index);
	if (!bucket)
		return 0;
	copy_address(WG_ADDRESS_WORDS, address, bucket->way[position % WG_FRONTEND_WAYS].address);
	return 1;
}
