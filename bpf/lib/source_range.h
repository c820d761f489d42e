/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * loadBalancerSourceRanges: may this source open flows to a service's filtered frontends (contract K-75 to K-83)? Asked
 * by open.h for packets; sockets of the node ask the service's WG_SERVICE_NODE_ALLOWED (sock.h).
 */
#pragma once

#include "lib/compiler.h"
#include "lib/maps.h"

#define SOURCE_RANGE_BITS(words) (WG_SOURCE_RANGE_SERVICE_BITS + 32u * (words))

WG_INLINE int source_range_allows(__u32 family, __u32 service, const __u32 *source)
{
	struct wg_source_range_key key = {.service = service};

	key.prefix_bits = SOURCE_RANGE_BITS(address_words(family));
	copy_address(address_words(family), key.address, source);
	return bpf_map_lookup_elem(&source_ranges, &key) != 0;
}
