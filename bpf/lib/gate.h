/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * The two questions that most packets are answered with no: one bit each; a false yes only costs a lookup.
 */
#pragma once

#include "lib/compiler.h"
#include "lib/maps.h"

WG_INLINE int gate_has(__u64 *word, __u64 hash)
{
	return word && LOAD(*word) & wg_gate_bit(hash);
}

/* Could this address be a frontend's? */
WG_INLINE int frontend_gate_open(__u32 family, const __u32 *address)
{
	const struct wg_hash_key key = settings_hash_key();
	const __u64 hash = wg_frontend_gate_hash(&key, address, address_words(family));
	__u32 index = wg_gate_word(hash, settings.frontend_gate_mask);

	return gate_has(bpf_map_lookup_elem(&frontend_gate, &index), hash);
}

/* Could a packet from this address and port be a service's reply? */
WG_INLINE int reply_gate_open(__u32 family, const __u32 *address, __be16 port, __u8 protocol)
{
	const struct wg_hash_key key = settings_hash_key();
	const __u64 hash = wg_reply_gate_hash(&key, address, address_words(family), port, protocol);
	__u32 index = wg_gate_word(hash, settings.reply_gate_mask);

	return gate_has(bpf_map_lookup_elem(&reply_gate, &index), hash);
}
