/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Fixed-width types and limits that both sides of the kernel boundary use.
 *
 * Everything in include/waggle/abi/ is included by the BPF programs (C, clang -target bpf) and by the control code
 * (C++20). Only plain data and pure inline functions belong here. Addresses and ports are in network byte order in
 * every table; everything else is in host byte order. IPv4 uses word 0 of an address array, the other words are zero.
 */
#pragma once

#include <linux/types.h>

#ifdef __cplusplus
#define WG_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define WG_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

/* Bumped whenever the layout of any table changes; pins carry it (architecture.md, invariant 6.4). */
#define WG_ABI_VERSION 3u

#define WG_ADDRESS_WORDS 4u

enum wg_family {
	WG_IPV4 = 0,
	WG_IPV6 = 1,
};

/* IP protocol numbers (IANA), named here so that neither side needs another header for them. */
#define WG_PROTOCOL_ICMP   1u
#define WG_PROTOCOL_TCP    6u
#define WG_PROTOCOL_UDP    17u
#define WG_PROTOCOL_ICMPV6 58u
#define WG_PROTOCOL_SCTP   132u
