/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Tables `services` (array), `slots` (array) and `service_names` (hash, for people: never read on the packet path).
 *
 * A service is one Kubernetes service port. Its usable backends stand in a contiguous range of `slots`; one 8-byte word
 * names the range, so publishing a new set is one store: backends first, then the slots of a free range, then the word.
 * The old range is reused only after a grace period. Index 0 of `services`, `backends` and `slots` stays empty.
 */
#pragma once

#include <waggle/abi/types.h>

/* A backend set word: base [23:0], count [43:24], generation [63:44] (changes with every publication). */
#define WG_SET_BASE_BITS       24u
#define WG_SET_COUNT_BITS      20u
#define WG_SET_GENERATION_BITS 20u

static inline __attribute__((always_inline)) __u64 wg_set_make(__u32 base, __u32 count, __u32 generation)
{
	return (__u64)base | (__u64)count << WG_SET_BASE_BITS |
	       (__u64)generation << (WG_SET_BASE_BITS + WG_SET_COUNT_BITS);
}
static inline __attribute__((always_inline)) __u32 wg_set_base(__u64 set)
{
	return (__u32)set & ((1u << WG_SET_BASE_BITS) - 1);
}
static inline __attribute__((always_inline)) __u32 wg_set_count(__u64 set)
{
	return (__u32)(set >> WG_SET_BASE_BITS) & ((1u << WG_SET_COUNT_BITS) - 1);
}
static inline __attribute__((always_inline)) __u32 wg_set_generation(__u64 set)
{
	return (__u32)(set >> (WG_SET_BASE_BITS + WG_SET_COUNT_BITS));
}

/* Bits of wg_service.flags */
#define WG_SERVICE_LIVE           0x1u /* the index is in use */
#define WG_SERVICE_INTERNAL_LOCAL 0x2u /* internalTrafficPolicy: Local */
#define WG_SERVICE_EXTERNAL_LOCAL 0x4u /* externalTrafficPolicy: Local */
#define WG_SERVICE_HAS_ENDPOINTS                                                                                       \
	0x8u /* usable somewhere in the cluster: an empty set drops instead of rejecting (I-83) */
#define WG_SERVICE_NODE_ALLOWED 0x10u /* this node's own address is in the source ranges (for the socket hooks) */

enum wg_algorithm {
	WG_ALGORITHM_RANDOM = 0,
};

struct wg_service {
	__u64 cluster_set; /* see wg_set_make; 8-byte aligned, published by one store */
	__u64 local_set;   /* backends on this node (contract I-82) */
	__u32 flags;
	__u32 affinity_timeout_s; /* 0: no session affinity */
	__u8 protocol;
	__u8 family;    /* enum wg_family */
	__u8 algorithm; /* enum wg_algorithm */
	__u8 reserved0;
	__u32 affinity_epoch; /* grows when affinity is switched on: what was remembered before counts no more (K-66) */
} __attribute__((aligned(32)));
WG_STATIC_ASSERT(sizeof(struct wg_service) == 32, "two services a cache line");

struct wg_slot {
	__u32 backend; /* index in `backends` */
	__u32 reserved;
} __attribute__((aligned(8)));

/* Value of `service_names`, keyed by service index (__u32): NUL-terminated. Kubernetes names are DNS labels (<= 63). */
struct wg_service_name {
	char name_space[64];
	char name[64];
	char port_name[64];
	__be16 port; /* the service port, network byte order */
	__u16 reserved[3];
};
