/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * The way out for packets that XDP forwards itself: a cache of bpf_fib_lookup by destination address.
 *
 * A cached way is used for one second at most, and only in the epoch it was found in (the agent starts a new one at
 * every change of routes and neighbours). So an established flow pays one array load, and the kernel's routing stays
 * the truth.
 */
#pragma once

#include "lib/route.h"

struct nexthop {
	__u32 ifindex;
	__u8 destination_mac[6];
	__u8 source_mac[6];
	__u16 mtu;
};

struct nexthop_query {
	__be32 destination[WG_ADDRESS_WORDS];
	__u32 epoch;
};

/* What asking the kernel works on. */
struct nexthop_work {
	struct packet packet;
	struct nexthop_query query;
	struct nexthop next;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nexthop_work);
} nexthop_scratch SEC(".maps");

/* 1: a fresh way to this destination. The version is checked before and after, as a lookup of flows does. */
WG_INLINE int nexthop_cached(__u32 family, struct wg_nexthop *entry, const struct nexthop_query *query,
			     struct nexthop *next)
{
	const __u32 before = LOAD(entry->version);
	__u32 after;

	entry = AT(entry, DEPENDS_ON(before));
	if (before & 1 || LOAD(entry->epoch) != query->epoch || entry->family != family ||
	    (__u32)bpf_jiffies64() - LOAD(entry->resolved) >= settings.hz ||
	    !same_address(address_words(family), entry->address, query->destination))
		return 0;
	next->ifindex = LOAD(entry->ifindex);
	__builtin_memcpy(next->destination_mac, entry->destination_mac, 6);
	__builtin_memcpy(next->source_mac, entry->source_mac, 6);
	next->mtu = LOAD(entry->mtu);
	after = LOAD(AT(entry, DEPENDS_ON(next->ifindex | next->mtu | next->source_mac[5]))->version);
	return before == after && before;
}

WG_INLINE void nexthop_store(__u32 family, struct wg_nexthop *entry, const struct nexthop_query *query,
			     const struct nexthop *next)
{
	const __u32 version = LOAD(entry->version);

	if (version & 1 || __sync_val_compare_and_swap(&entry->version, version, version + 1) != version)
		return;
	copy_address(WG_ADDRESS_WORDS, entry->address, query->destination);
	entry->family = family;
	entry->epoch = query->epoch;
	entry->resolved = bpf_jiffies64();
	entry->ifindex = next->ifindex;
	__builtin_memcpy(entry->destination_mac, next->destination_mac, 6);
	__builtin_memcpy(entry->source_mac, next->source_mac, 6);
	entry->mtu = next->mtu;
	__u32 before = __sync_fetch_and_add(&entry->version, 1);

	OPAQUE(before);
}

/* Asks the kernel and remembers the answer. */
WG_INLINE int nexthop_resolve(wg_context *context, __u32 family, const struct packet *packet,
			      const struct nexthop_query *query, struct nexthop *next)
{
	struct bpf_fib_lookup fib = {};
	struct wg_nexthop *entry;

	if (route_lookup(context, packet, query->destination, &fib) != BPF_FIB_LKUP_RET_SUCCESS ||
	    !link_runs_xdp(fib.ifindex))
		return 0;
	next->ifindex = fib.ifindex;
	next->mtu = fib.mtu_result;
	__builtin_memcpy(next->destination_mac, fib.dmac, 6);
	__builtin_memcpy(next->source_mac, fib.smac, 6);
	entry = nexthop_entry(family, query->destination);
	if (entry)
		nexthop_store(family, entry, query, next);
	return 1;
}

#define NEXTHOP_RESOLVE(suffix, family)                                                                                \
	WG_GLOBAL int nexthop_resolve##suffix(wg_context *context, struct nexthop_work *work)                          \
	{                                                                                                              \
		return work ? nexthop_resolve(context, family, &work->packet, &work->query, &work->next) : 0;          \
	}
NEXTHOP_RESOLVE(4, WG_IPV4)
NEXTHOP_RESOLVE(6, WG_IPV6)

/* Everything goes through the working memory: pointers to the caller's variables would keep them on the stack. */
WG_INLINE int nexthop_ask(wg_context *context, __u32 family, const struct packet *packet,
			  const struct nexthop_query *query, struct nexthop *next)
{
	__u32 zero = 0;
	struct nexthop_work *work = bpf_map_lookup_elem(&nexthop_scratch, &zero);

	if (!work)
		return 0;
	work->packet = *packet;
	work->query = *query;
	if (!(family == WG_IPV4 ? nexthop_resolve4(context, work) : nexthop_resolve6(context, work)))
		return 0;
	*next = work->next;
	return 1;
}

/* 1: `next` says how to reach the destination. 0: the stack shall find the way (and the neighbour). */
WG_INLINE int nexthop_find(wg_context *context, __u32 family, const struct packet *packet, const __u32 *destination,
			   struct nexthop *next)
{
	struct wg_control *state = control_get();
	struct nexthop_query query = {};
	struct wg_nexthop *entry;

	if (!state)
		return 0;
	copy_address(address_words(family), query.destination, destination);
	query.epoch = LOAD(state->nexthop_epoch);
	entry = nexthop_entry(family, query.destination);
	if (entry && LIKELY(nexthop_cached(family, entry, &query, next)))
		return 1;
	return nexthop_ask(context, family, packet, &query, next);
}
