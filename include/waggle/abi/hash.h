/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * The keyed hash that places frontends, flows, SNAT reservations and gate bits.
 *
 * Two multiply rounds under a 128-bit key (design/flow-table.md, section 2): not a PRF, but an outsider who does not
 * know the key cannot aim at one bucket. The key is chosen once and pinned with the tables (struct wg_meta), because
 * every entry's place depends on it.
 */
#pragma once

#include <waggle/abi/types.h>

struct wg_hash_key {
	__u64 k0;
	__u64 k1;
};

/* Keeps the users of one key from choosing correlated places. */
enum wg_hash_domain {
	WG_HASH_FRONTEND = 1,
	WG_HASH_FLOW = 2,
	WG_HASH_SNAT = 3,
	WG_HASH_NEXTHOP = 5,
};

static inline __attribute__((always_inline)) __u64 wg_hash_round(__u64 x, __u64 key, __u64 multiplier)
{
	x ^= key;
	x *= multiplier;
	return x ^ (x >> 32);
}

/* Hash of an address of `words` 32-bit words (1 or 4, a constant at every call) and up to 64 further bits. */
static inline __attribute__((always_inline)) __u64 wg_hash(const struct wg_hash_key *key, enum wg_hash_domain domain,
							   const __u32 *address, __u32 words, __u64 more)
{
	__u64 x = (__u64)address[0] << 32;

	if (words == WG_ADDRESS_WORDS) {
		x = wg_hash_round((__u64)address[0] << 32 | address[1], key->k1, 0xA0761D6478BD642Full);
		x ^= (__u64)address[2] << 32 | address[3];
		x = wg_hash_round(x, key->k0, 0xE7037ED1A0B428DBull);
	}
	x ^= more ^ (__u64)domain << 56;
	x = wg_hash_round(x, key->k0, 0x9E3779B97F4A7C15ull);
	return wg_hash_round(x, key->k1, 0xD6E8FEB86659FD93ull);
}

/* One multiply round, for the gates: their bits need no more, and every packet pays for it. Only bits 40 and above are
 * mixed well. The address stands low, so that each of its bits reaches them. `more`: up to 24 bits. */
static inline __attribute__((always_inline)) __u64 wg_gate_mix(const struct wg_hash_key *key, const __u32 *address,
							       __u32 words, __u64 more)
{
	__u64 x = address[0];

	if (words == WG_ADDRESS_WORDS) {
		x = wg_hash_round((__u64)address[0] << 32 | address[1], key->k1, 0xA0761D6478BD642Full);
		x = wg_hash_round(x ^ ((__u64)address[2] << 32 | address[3]), key->k1, 0xE7037ED1A0B428DBull);
	}
	x ^= more << 32 ^ key->k0;
	return x * 0x9E3779B97F4A7C15ull;
}

/* The `more` argument for one address:port/protocol. Port in network byte order. */
static inline __attribute__((always_inline)) __u64 wg_hash_port(__be16 port, __u8 protocol)
{
	return (__u64)port << 8 | protocol;
}

/* The `more` argument for two ports and a protocol. */
static inline __attribute__((always_inline)) __u64 wg_hash_ports(__be16 a, __be16 b, __u8 protocol)
{
	return (__u64)a << 24 | (__u64)b << 8 | protocol;
}
