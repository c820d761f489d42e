/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Table `frontends4` / `frontends6`: which address:port/protocol leads to which service.
 *
 * An array of buckets of WG_FRONTEND_WAYS entries. A frontend lives in the first bucket with a free way, starting at
 * wg_frontend_hash() & mask and going up by one (wrapping), at most WG_FRONTEND_PROBES buckets. WG_FRONTEND_OVERFLOW in
 * the `kind` of way 0 says that some frontend had to go past this bucket, so a lookup that missed must look at the
 * next.
 *
 * One writer (the agent). It fills everything but the 8-byte key word first and stores that word last, so a reader sees
 * a whole entry or none. A cleared entry is not used for another key before a grace period has passed. An entry never
 * moves: its position (bucket * WG_FRONTEND_WAYS + way) is what IPv6 flows remember of their frontend.
 *
 * A ClusterIP has one entry more, with port 0 and protocol 0: it says that the address is a service's whatever the port
 * is (contract K-85, K-86), or that this is in doubt. Its `service` is one of those that have the address. Looked up
 * only after the exact entry was not found; no flow ever names it.
 */
#pragma once

#include <waggle/abi/hash.h>
#include <waggle/abi/types.h>

#define WG_FRONTEND_WAYS   4u
#define WG_FRONTEND_PROBES 8u

enum wg_frontend_kind {
	WG_FRONTEND_EMPTY = 0,
	WG_FRONTEND_LIVE = 1,
	/* The frontend is gone from the API; its flows keep working, new ones are not ours (contract K-13). */
	WG_FRONTEND_TOMBSTONE = 2,
};
#define WG_FRONTEND_KIND_MASK 0x7fu
#define WG_FRONTEND_OVERFLOW  0x80u

/* Bits of wg_frontend*.flags */
#define WG_FRONTEND_EXTERNAL                                                                                           \
	0x1u /* node port, LB address or external IP: externalTrafficPolicy decides, else internal */
#define WG_FRONTEND_NODE_PORT 0x2u /* one of the node's own addresses (K-03); always beside WG_FRONTEND_EXTERNAL */
#define WG_FRONTEND_FILTERED  0x4u /* new flows only from `source_ranges` of the service (K-75) */

#define WG_FRONTEND_DOUBTFUL                                                                                           \
	0x8u /* of a whole ClusterIP: a host may have the address, too; what goes to no frontend is not ours */

/* Port and protocol of the entry that stands for a whole ClusterIP. */
#define WG_FRONTEND_ANY_PORT     0u
#define WG_FRONTEND_ANY_PROTOCOL 0u

struct wg_frontend4 {
	/* key word: these 8 bytes are stored at once */
	__be32 address;
	__be16 port;
	__u8 protocol;
	__u8 kind; /* enum wg_frontend_kind | WG_FRONTEND_OVERFLOW */
	/* value word */
	__u32 service; /* index in `services` */
	__u32 flags;
} __attribute__((aligned(8)));

struct wg_frontend6 {
	__be32 address[WG_ADDRESS_WORDS];
	/* key word: these 8 bytes are stored at once, after the address and the value word */
	__be16 port;
	__u8 protocol;
	__u8 kind;
	__u32 reserved;
	/* value word */
	__u32 service;
	__u32 flags;
} __attribute__((aligned(8)));

struct wg_frontend_bucket4 {
	struct wg_frontend4 way[WG_FRONTEND_WAYS];
} __attribute__((aligned(64)));

struct wg_frontend_bucket6 {
	struct wg_frontend6 way[WG_FRONTEND_WAYS];
} __attribute__((aligned(64)));

WG_STATIC_ASSERT(sizeof(struct wg_frontend_bucket4) == 64, "one cache line a bucket");
WG_STATIC_ASSERT(sizeof(struct wg_frontend_bucket6) == 128, "two cache lines a bucket");

/* words: 1 for IPv4, 4 for IPv6 */
static inline __attribute__((always_inline)) __u64 wg_frontend_hash(const struct wg_hash_key *key, const __u32 *address,
								    __u32 words, __be16 port, __u8 protocol)
{
	return wg_hash(key, WG_HASH_FRONTEND, address, words, wg_hash_port(port, protocol));
}
