/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Where the kernel would route a packet. The including program defines wg_context (its ctx type).
 */
#pragma once

#include "lib/control.h"
#include "lib/parse.h"
#include "lib/table.h"

/* The link a packet is at, for routing. */
#ifndef WG_CONTEXT_IFINDEX
#define WG_CONTEXT_IFINDEX(context) ((context)->ingress_ifindex)
#endif

#define ROUTE_AF_INET  2
#define ROUTE_AF_INET6 10

/* Asks the kernel's routing for the way of `length` bytes to `destination`. Answers a BPF_FIB_LKUP_RET_* code; `fib` is
 * filled in. */
WG_INLINE int route_ask(wg_context *context, const struct packet *packet, const __u32 *destination, __u16 length,
			struct bpf_fib_lookup *fib)
{
	fib->family = packet->family == WG_IPV4 ? ROUTE_AF_INET : ROUTE_AF_INET6;
	fib->l4_protocol = packet->protocol;
	fib->ifindex = WG_CONTEXT_IFINDEX(context);
	fib->tot_len = length;
	if (packet->family == WG_IPV4) {
		fib->ipv4_src = packet->source[0];
		fib->ipv4_dst = destination[0];
	} else {
		copy_address(WG_ADDRESS_WORDS, fib->ipv6_src, packet->source);
		copy_address(WG_ADDRESS_WORDS, fib->ipv6_dst, destination);
	}
	return bpf_fib_lookup(context, fib, sizeof(*fib), 0);
}

/* The same for whatever length; any but 0 makes the kernel answer the route's MTU. */
WG_INLINE int route_lookup(wg_context *context, const struct packet *packet, const __u32 *destination,
			   struct bpf_fib_lookup *fib)
{
	return route_ask(context, packet, destination, 1, fib);
}

/* Where XDP remembers the way to a destination (nexthop.h); it may be that to another one. */
WG_INLINE struct wg_nexthop *nexthop_entry(__u32 family, const __u32 *destination)
{
	const struct wg_hash_key key = settings_hash_key();
	__u32 index = wg_hash(&key, WG_HASH_NEXTHOP, destination, address_words(family), 0) & settings.nexthops_mask;

	return bpf_map_lookup_elem(&nexthops, &index);
}

/* The interface that leads to `destination`, or the one the packet came in by if routing does not say. */
WG_GLOBAL __u32 route_ifindex(wg_context *context, struct packet *packet, struct table_key *key)
{
	struct bpf_fib_lookup fib = {};
	__u32 ingress = WG_CONTEXT_IFINDEX(context);
	int result;

	OPAQUE(ingress); /* or clang chooses between two addresses, one of them into the context: not allowed */
	if (!packet || !key)
		return 0;
	result = route_lookup(context, packet, key->backend, &fib);
	if (result == BPF_FIB_LKUP_RET_SUCCESS || result == BPF_FIB_LKUP_RET_NO_NEIGH)
		return fib.ifindex;
	return ingress;
}
