/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Table `affinity` (LRU hash): the backend a client was last given (session affinity ClientIP, contract K-62..K-70).
 * Touched only when a flow of a service with an affinity timeout opens.
 */
#pragma once

#include <waggle/abi/types.h>

enum wg_affinity_client {
	WG_AFFINITY_ADDRESS = 0, /* client: the packet's source address */
	WG_AFFINITY_NETNS = 1,   /* client: words 0 and 1 are the socket's network namespace cookie (socket hooks) */
};

struct wg_affinity_key {
	__u32 service; /* index in `services`: one service port of one family */
	__u32 epoch;   /* wg_service.affinity_epoch */
	__be32 client[WG_ADDRESS_WORDS];
	__u32 kind; /* enum wg_affinity_client */
};

struct wg_affinity_value {
	__u32 backend;    /* index in `backends`; counts only while it stands in the set in use (K-64) */
	__u32 generation; /* wg_backend.generation when it was chosen */
	__u32 seen;       /* jiffies (low 32 bits) of the client's last new flow (K-65) */
	__u32 reserved;
};
