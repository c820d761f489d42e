/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Table `fragments` (LRU hash): the ports of fragmented packets, written by the first fragment and read by those that
 * follow it. Touched only by fragments.
 */
#pragma once

#include <waggle/abi/types.h>

struct wg_fragment_key {
	__be32 source[WG_ADDRESS_WORDS]; /* as the fragment came, before any translation */
	__be32 destination[WG_ADDRESS_WORDS];
	__u32 id; /* as in the header: IPv4 16 bits, IPv6 32 bits, network byte order */
	__u8 protocol;
	__u8 family; /* enum wg_family */
	__u8 hook;   /* enum wg_fragment_hook: the same fragment may pass several hooks */
	__u8 reserved;
};

enum wg_fragment_hook {
	WG_FRAGMENT_INGRESS = 0,
	WG_FRAGMENT_EGRESS = 1,
};

struct wg_fragment_value {
	__be16 source_port;
	__be16 destination_port;
	__u32 seen; /* jiffies (low 32 bits); an id is used again by other packets after a while */
};
