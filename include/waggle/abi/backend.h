/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Table `backends`: the endpoints of services.
 *
 * One entry per (service, address, port): two services with the same endpoint have two backends. One writer (the
 * agent): it stores address, generation and flags first and the 8-byte key word last. An index is reused only when no
 * slot and no flow names it any more.
 */
#pragma once

#include <waggle/abi/hash.h>
#include <waggle/abi/types.h>

enum wg_backend_state {
	WG_BACKEND_EMPTY = 0,
	WG_BACKEND_ACTIVE = 1,
	/* Shutting down but still serving: keeps its flows, UDP too (contract K-122). */
	WG_BACKEND_TERMINATING = 2,
	/* Serves no more. TCP flows keep it until they end; UDP flows choose anew (contract K-13, K-120). */
	WG_BACKEND_GONE = 3,
};

/* Bits of wg_backend.flags */
#define WG_BACKEND_LOCAL      0x1u /* the endpoint's nodeName is this node (contract I-48) */
#define WG_BACKEND_IN_CLUSTER 0x2u /* stands in its service's cluster set: new flows may come to it (I-81) */
#define WG_BACKEND_IN_LOCAL   0x4u /* stands in its service's local set (I-82) */

#define WG_BACKEND_ID_MASK 0x00ffffffu

struct wg_backend {
	__be32 address[WG_ADDRESS_WORDS];
	/* key word: stored at once */
	__be16 port;
	__u8 protocol;
	__u8 state; /* enum wg_backend_state */
	__u32 service;
	__u32 generation; /* grows each time the index is given to another endpoint */
	__u32 flags;
} __attribute__((aligned(32)));
WG_STATIC_ASSERT(sizeof(struct wg_backend) == 32, "two backends a cache line");
