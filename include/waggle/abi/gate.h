/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Tables `frontend_gate` and `reply_gate`: arrays of 64-bit words, one bit per hash. A packet that meets no bit is no
 * service's; one that meets a bit by chance pays for a lookup that finds nothing.
 *
 * frontend_gate: the address of every frontend, live or tombstone. Small enough to stay in the first-level cache, so
 * that packets for no service do not touch `frontends4` and `frontends6`, whatever their destinations are.
 * reply_gate: address, port and protocol of every backend that is not EMPTY.
 */
#pragma once

#include <waggle/abi/hash.h>

static inline __attribute__((always_inline)) __u64 wg_frontend_gate_hash(const struct wg_hash_key *key,
									 const __u32 *address, __u32 words)
{
	return wg_gate_mix(key, address, words, 0);
}

static inline __attribute__((always_inline)) __u64
wg_reply_gate_hash(const struct wg_hash_key *key, const __u32 *address, __u32 words, __be16 port, __u8 protocol)
{
	return wg_gate_mix(key, address, words, wg_hash_port(port, protocol));
}

#define WG_GATE_MAX_WORDS (1u << 18)

/* Where a hash's bit stands, in a gate of `bits_mask` + 1 bits. */
static inline __attribute__((always_inline)) __u32 wg_gate_place(__u64 hash, __u32 bits_mask)
{
	return (__u32)(hash >> 40) & bits_mask;
}
static inline __attribute__((always_inline)) __u32 wg_gate_word(__u64 hash, __u32 bits_mask)
{
	return wg_gate_place(hash, bits_mask) >> 6;
}
static inline __attribute__((always_inline)) __u64 wg_gate_bit(__u64 hash)
{
	return 1ull << ((__u32)(hash >> 40) & 63);
}
