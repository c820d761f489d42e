/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Which flow has which number: one arithmetic for the wrappers, which write packets, and for packet_cost, which fills
 * the tables. Everything here is in host byte order; the users swap.
 */
#pragma once

#include <linux/types.h>

/* 256 services with four backends each. Flow i belongs to backend i mod BENCH_BACKENDS. */
#define BENCH_SERVICES 256u
#define BENCH_BACKENDS 1024u

#define BENCH_FRONTEND_PORT 80u
#define BENCH_BACKEND_PORT  8080u
#define BENCH_CLIENT_PORT   20000u
#define BENCH_NODE_PORT     32768u
#define BENCH_NODE_PORTS    16384u

/* Clients open 2^BENCH_CLIENT_BITS flows each. */
#define BENCH_CLIENT_BITS 8u

/* The last word of each kind of address; IPv6 addresses have BENCH_IPV6_PREFIX and three more such words before it. */
#define BENCH_CLIENT      0xc6120000u /* 198.18.0.0/15 */
#define BENCH_FRONTEND    0x0a600000u /* 10.96.0.0/16 */
#define BENCH_BACKEND     0x0af40000u /* 10.244.0.0/16 */
#define BENCH_OTHER       0xac100000u /* 172.16.0.0/12: nobody's service */
#define BENCH_NODE        0xc0000201u /* 192.0.2.1 */
#define BENCH_IPV6_PREFIX 0x20010db8u

/* Addresses nobody's service has: one for each of up to 2^20 flows. */
#define BENCH_OTHER_MASK 0x000fffffu

/* What a wrapper writes. */
enum bench_packet {
	BENCH_PACKET_REQUEST = 0,    /* client -> frontend */
	BENCH_PACKET_REPLY = 1,      /* backend -> client */
	BENCH_PACKET_SNAT_REPLY = 2, /* backend -> the node port that stands for the client */
	BENCH_PACKET_OTHER = 3,      /* client -> an address that is no service's */
	BENCH_PACKET_OTHER_REPLY = 4 /* the way back of that */
};

/* The order in which a wrapper goes through flows first .. first + mask: every flow once, in no order that a cache or a
 * prefetcher could guess. */
struct bench_order {
	__u32 next; /* number of the next packet */
	__u32 first;
	__u32 mask;
	__u32 shift; /* half the bits of the mask, rounded up */
};

/* Is the packet a fragment of a datagram? */
enum bench_fragment { BENCH_WHOLE = 0, BENCH_FIRST_FRAGMENT = 1, BENCH_LATER_FRAGMENT = 2 };

struct bench_setup {
	__u32 packet; /* enum bench_packet */
	__u32 family; /* enum wg_family */
	__u32 tcp_flags;
	__u32 protocol;    /* TCP or SCTP */
	__u32 fragment;    /* enum bench_fragment */
	__u32 payload;     /* bytes behind the headers of SCTP's chunk */
	__u32 few_clients; /* flows are those of bench_flow_of_few */
};

struct bench_flow {
	__u32 client;
	__u32 frontend;
	__u32 backend;
	__u32 other;
	__u16 client_port;
	__u16 node_port;
};

static inline __attribute__((always_inline)) __u32 bench_index(const struct bench_order *order, __u32 number)
{
	__u32 x = (number * 0x9e3779b1u) & order->mask;

	x ^= x >> order->shift;
	return order->first + ((x * 0x85ebca6bu) & order->mask);
}

static inline __attribute__((always_inline)) struct bench_flow bench_flow_of(__u32 index)
{
	const __u32 backend = index & (BENCH_BACKENDS - 1);
	struct bench_flow flow;

	flow.client = BENCH_CLIENT + (index >> BENCH_CLIENT_BITS);
	flow.client_port = BENCH_CLIENT_PORT + (index & ((1u << BENCH_CLIENT_BITS) - 1));
	flow.backend = BENCH_BACKEND + backend;
	flow.frontend = BENCH_FRONTEND + (backend & (BENCH_SERVICES - 1));
	flow.other = BENCH_OTHER + (index & BENCH_OTHER_MASK);
	flow.node_port = BENCH_NODE_PORT + (index / BENCH_BACKENDS & (BENCH_NODE_PORTS - 1));
	return flow;
}

/* The same with 2^BENCH_FEW_BITS clients in each stretch of 2^BENCH_FEW_STRETCH flows, each of which comes back to
 * every service from one port after the other. No port of a client is used toward two services. */
#define BENCH_FEW_BITS    5u
#define BENCH_FEW_STRETCH 20u
#define BENCH_FEW_PAIRS   (BENCH_FEW_BITS + BENCH_CLIENT_BITS)
static inline __attribute__((always_inline)) struct bench_flow bench_flow_of_few(__u32 index)
{
	const __u32 turn = (index & ((1u << BENCH_FEW_STRETCH) - 1)) >> BENCH_FEW_PAIRS;
	struct bench_flow flow = bench_flow_of(index & ((1u << BENCH_FEW_PAIRS) - 1));

	flow.client += index >> BENCH_FEW_STRETCH << BENCH_FEW_BITS;
	flow.client_port = (__u16)(flow.client_port + (turn << BENCH_CLIENT_BITS));
	return flow;
}
