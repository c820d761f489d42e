/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Table `source_ranges` (LPM trie): loadBalancerSourceRanges (contract K-75..K-83). An entry allows its range; a
 * service whose frontends have WG_FRONTEND_FILTERED takes new flows from no other source. Touched only for such
 * frontends.
 */
#pragma once

#include <waggle/abi/types.h>

/* Bits of the key before the address: the service is matched whole. */
#define WG_SOURCE_RANGE_SERVICE_BITS 32u

struct wg_source_range_key {
	__u32 prefix_bits; /* WG_SOURCE_RANGE_SERVICE_BITS + prefix length of the range */
	__u32 service;     /* index in `services`: of one family */
	__be32 address[WG_ADDRESS_WORDS];
};

struct wg_source_range_value {
	__u32 allowed; /* 1 */
};
