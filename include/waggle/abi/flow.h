/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Tables `flows4`, `flows6`, `snat4`, `snat6`: set-associative tables in array maps, one entry a flow
 * (design/flow-table.md; the protocol is in bpf/lib/table.h).
 *
 * A bucket has WG_FLOW_WAYS entries; a key may live in two buckets. A flow's buckets follow from its client address,
 * port and protocol alone, which both directions know, so ONE entry serves request and reply. An SNAT reservation has
 * the same form, seen from the backend: its "client" is the node address and port the backend talks to, its "frontend"
 * is the client those stand for, and its buckets follow from backend and node port.
 *
 * IPv4 and IPv6 entries share the first 24 bytes and differ only in the number of address words.
 */
#pragma once

#include <waggle/abi/hash.h>
#include <waggle/abi/types.h>

#define WG_FLOW_WAYS 8u

/* Control word: state [2:0], valid [3], spilled [4] (ways 0 and 1, see below),
 * protocol [6:5], tag [15:7] (bits of the hash), generation [31:16] (grows with every claim of the slot).
 * valid = 0: state 0 is an empty slot, state 1 one being filled.
 *
 * Spilled, in way 0 or way 1: some flow of this bucket may live in `flow_spill`. Programs set it in way 0 before the
 * flow goes there, and take either for a yes, reading way 0 first. User space alone writes way 1's: a sweep moves way
 * 0's there, waits for every program that set it before, reads `flow_spill` and clears way 1's if it holds no flow of
 * the bucket. So both are never down while a flow is there, and who spills during a sweep sets way 0's anew. */
#define WG_FLOW_STATE_MASK      0x0000000fu /* valid bit and state */
#define WG_FLOW_EMPTY           0u
#define WG_FLOW_BUSY            1u
#define WG_FLOW_VALID           0x8u
#define WG_FLOW_HALF_OPEN       0x8u /* no reply seen yet */
#define WG_FLOW_ESTABLISHED     0x9u /* both directions seen */
#define WG_FLOW_CLIENT_FIN      0xau /* the client has closed its half */
#define WG_FLOW_BACKEND_FIN     0xbu /* the backend has closed its half */
#define WG_FLOW_CLOSED          0xcu /* both closed, or reset */
#define WG_FLOW_SPILLED         0x00000010u
#define WG_FLOW_PROTOCOL_SHIFT  5u
#define WG_FLOW_PROTOCOL_MASK   0x00000060u
#define WG_FLOW_TAG_MASK        0x0000ff80u
#define WG_FLOW_GENERATION_MASK 0xffff0000u
#define WG_FLOW_GENERATION_ONE  0x00010000u
/* What a lookup compares before it looks at the body, and what must not have changed after. */
#define WG_FLOW_FILTER   (WG_FLOW_VALID | WG_FLOW_PROTOCOL_MASK | WG_FLOW_TAG_MASK)
#define WG_FLOW_IDENTITY (WG_FLOW_GENERATION_MASK | WG_FLOW_FILTER)

/* Protocol codes of the control word; 0 is none. */
enum wg_flow_protocol {
	WG_FLOW_TCP = 1,
	WG_FLOW_UDP = 2,
	WG_FLOW_SCTP = 3,
};

/* wg_flow.backend: id [23:0] and these bits */
#define WG_FLOW_SNAT 0x01000000u /* the source is rewritten to a node address; snat_port says which port */
/* The client edge also rewrites the client's source port, to snat_port: without that its replies could not be told from
 * those of another flow of the same client socket to the same backend through another frontend. */
#define WG_FLOW_SOURCE_PORT 0x02000000u
/* With WG_FLOW_SNAT: the client is a process of the node, whichever of the node's addresses it has. */
#define WG_FLOW_HOST               0x04000000u
#define WG_FLOW_SNAT_ADDRESS_SHIFT 28u /* [31:28]: index in wg_control.snat_address* */

struct wg_flow_head {
	__u32 control;
	__u32 seen;     /* jiffies (low 32 bits) of the last packet, written when at least a second old */
	__u32 backend;  /* backend id | WG_FLOW_SNAT | snat address index << WG_FLOW_SNAT_ADDRESS_SHIFT */
	__u32 frontend; /* IPv4: frontend address; IPv6: position in frontends6. snat4: client address; snat6: 0 */
	__be16 client_port;
	__be16 frontend_port;
	__be16 backend_port;
	__be16 snat_port; /* 0: none */
};

struct wg_flow4 {
	struct wg_flow_head head;
	__be32 client[1];
	__be32 backend_address[1];
};

struct wg_flow6 {
	struct wg_flow_head head;
	__be32 client[WG_ADDRESS_WORDS];
	__be32 backend_address[WG_ADDRESS_WORDS];
	__u32 reserved[2];
};

/* client = node address, client_port = node port, frontend/frontend_port = the client behind them. */
struct wg_snat4 {
	struct wg_flow_head head;
	__be32 node[1];
	__be32 backend_address[1];
};

struct wg_snat6 {
	struct wg_flow_head head;
	__be32 node[WG_ADDRESS_WORDS];
	__be32 backend_address[WG_ADDRESS_WORDS];
	__be32 client[WG_ADDRESS_WORDS];
	__u32 reserved[14];
};

WG_STATIC_ASSERT(sizeof(struct wg_flow4) == 32, "two IPv4 flows a cache line");
WG_STATIC_ASSERT(sizeof(struct wg_flow6) == 64, "an IPv6 flow a cache line");
WG_STATIC_ASSERT(sizeof(struct wg_snat4) == 32, "as a flow");
WG_STATIC_ASSERT(sizeof(struct wg_snat6) == 128, "two cache lines");

struct wg_flow_bucket4 {
	struct wg_flow4 way[WG_FLOW_WAYS];
} __attribute__((aligned(64)));
struct wg_flow_bucket6 {
	struct wg_flow6 way[WG_FLOW_WAYS];
} __attribute__((aligned(64)));
struct wg_snat_bucket4 {
	struct wg_snat4 way[WG_FLOW_WAYS];
} __attribute__((aligned(64)));
struct wg_snat_bucket6 {
	struct wg_snat6 way[WG_FLOW_WAYS];
} __attribute__((aligned(64)));

/* Where a hash leads: the two buckets and the control bits a lookup wants. */
struct wg_flow_place {
	__u32 bucket1;
	__u32 bucket2;
	__u32 want; /* WG_FLOW_VALID | protocol | tag */
};

static inline __attribute__((always_inline)) __u32 wg_flow_protocol_code(__u8 protocol)
{
	if (protocol == WG_PROTOCOL_TCP)
		return WG_FLOW_TCP;
	return protocol == WG_PROTOCOL_UDP ? WG_FLOW_UDP : WG_FLOW_SCTP;
}

static inline __attribute__((always_inline)) struct wg_flow_place wg_flow_place_of(__u64 hash, __u32 bucket_mask,
										   __u8 protocol)
{
	struct wg_flow_place place;

	place.bucket1 = (__u32)hash & bucket_mask;
	place.bucket2 = place.bucket1 ^ (((__u32)(hash >> 24) & bucket_mask) | 1u);
	place.bucket2 &= bucket_mask;
	place.want = ((__u32)(hash >> 48) & WG_FLOW_TAG_MASK) |
		     wg_flow_protocol_code(protocol) << WG_FLOW_PROTOCOL_SHIFT | WG_FLOW_VALID;
	return place;
}

/* A flow's hash: from the client's side alone. words: 1 for IPv4, 4 for IPv6. */
static inline __attribute__((always_inline)) __u64 wg_flow_hash(const struct wg_hash_key *key, const __u32 *client,
								__u32 words, __be16 client_port, __u8 protocol)
{
	return wg_hash(key, WG_HASH_FLOW, client, words, wg_hash_port(client_port, protocol));
}

/* An SNAT reservation's hash: from the backend and the node port, so that a node port may serve many backends. */
static inline __attribute__((always_inline)) __u64 wg_snat_hash(const struct wg_hash_key *key, const __u32 *backend,
								__u32 words, __be16 backend_port, __be16 node_port,
								__u8 protocol)
{
	return wg_hash(key, WG_HASH_SNAT, backend, words, wg_hash_ports(backend_port, node_port, protocol));
}

/* Index of wg_settings.flow_lifetime_s for a control word: state and protocol code together. */
#define WG_FLOW_LIFETIMES 64u
static inline __attribute__((always_inline)) __u32 wg_flow_lifetime_index(__u32 control)
{
	return (control & WG_FLOW_STATE_MASK) | (control & WG_FLOW_PROTOCOL_MASK) >> 1;
}

/* An SNAT reservation outlives the flow it belongs to by this much, so that its port is never another's while in use.
 */
#define WG_SNAT_LINGER_S 10

/* Table `snat_turns` (array of __u32): how many node ports TCP connections to a backend (index = its id modulo the
 * size, a power of two) have taken. They are taken in a fixed order, so that the port that comes next was used longest
 * ago. */
#define WG_SNAT_TURNS 1024u

/* Table `flow_spill` (LRU hash): flows of a client socket that found its set full of its own flows. Two entries a flow:
 * one found by the request (other = frontend), one by the reply (other = backend). */
#define WG_SPILL_REQUEST 0u
#define WG_SPILL_REPLY   1u

struct wg_spill_key {
	__be32 client[WG_ADDRESS_WORDS];
	__be32 other[WG_ADDRESS_WORDS];
	__be16 client_port;
	__be16 other_port;
	__u8 protocol;
	__u8 direction; /* WG_SPILL_* */
	__u8 family;    /* enum wg_family */
	__u8 reserved;
};

struct wg_spill_value {
	__be32 address[WG_ADDRESS_WORDS]; /* request: the backend; reply: the frontend */
	__be16 port;
	__u16 reserved;
	__u32 backend; /* as wg_flow_head.backend */
};
