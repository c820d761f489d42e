/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * The flow table of the comparison: BPF_MAP_TYPE_LRU_HASH, two entries a flow, one found by requests and one by
 * replies. packet_cost fills it, lru.h reads it.
 */
#pragma once

#include <waggle/abi/types.h>

enum lru_direction {
	LRU_REQUEST = 0, /* from = client, to = frontend; the value is the backend */
	LRU_REPLY = 1,   /* from = client or node, to = backend; the value is the frontend */
};

struct lru_key4 {
	__be32 from;
	__be32 to;
	__be16 from_port;
	__be16 to_port;
	__u8 protocol;
	__u8 direction; /* enum lru_direction */
	__u16 reserved;
};
WG_STATIC_ASSERT(sizeof(struct lru_key4) == 16, "16-byte keys");

struct lru_key6 {
	__be32 from[WG_ADDRESS_WORDS];
	__be32 to[WG_ADDRESS_WORDS];
	__be16 from_port;
	__be16 to_port;
	__u8 protocol;
	__u8 direction;
	__u16 reserved;
};

/* What both families answer beside the addresses. */
struct lru_head {
	__be16 port;        /* of the backend or of the frontend */
	__be16 client_port; /* reply of an SNAT flow: the client's */
	__be16 node_port;   /* request of an SNAT flow */
	__u8 is_snat;
	__u8 state; /* WG_FLOW_* */
	__u32 service;
};

struct lru_value4 {
	struct lru_head head;
	__be32 address; /* backend or frontend */
	__be32 client;  /* reply of an SNAT flow */
	__u32 backend;  /* id, and the flags of wg_flow_head.backend */
};
WG_STATIC_ASSERT(sizeof(struct lru_value4) == 24, "24-byte values");

struct lru_value6 {
	struct lru_head head;
	__be32 address[WG_ADDRESS_WORDS];
	__be32 client[WG_ADDRESS_WORDS];
	__u32 backend;
};
