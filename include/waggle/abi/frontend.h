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
	0x1u /* external destination (LB address): externalTrafficPolicy decides, else internal                        \
	      */

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
