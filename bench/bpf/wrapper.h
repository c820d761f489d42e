/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * BPF_PROG_TEST_RUN gives every repetition the same buffer, as the last one left it. A wrapper writes the whole
 * headers of another flow's packet into it and tail-calls the program under test: that sees a fresh packet every time.
 *
 * Every byte is stored once and in pieces no smaller than what programs load, so that no load waits for two stores.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bench_flow.h"

#define WRAPPER_INLINE static inline __attribute__((always_inline))

/* Filled in before the load: branches on it vanish. */
const volatile struct bench_setup setup = {};
struct bench_order order = {};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

/* Source and destination of the packet. */
struct wrapper_ends {
	__be32 source;
	__be32 destination;
	__be32 ports;
};

WRAPPER_INLINE struct wrapper_ends wrapper_make(__u32 source, __u16 source_port, __u32 destination,
						__u16 destination_port)
{
	struct wrapper_ends ends = {
	    .source = bpf_htonl(source),
	    .destination = bpf_htonl(destination),
	    .ports = bpf_htonl((__u32)source_port << 16 | destination_port),
	};

	return ends;
}

WRAPPER_INLINE struct wrapper_ends wrapper_ends(const struct bench_flow *flow)
{
	switch (setup.packet) {
	case BENCH_PACKET_REQUEST:
		return wrapper_make(flow->client, flow->client_port, flow->frontend, BENCH_FRONTEND_PORT);
	case BENCH_PACKET_REPLY:
		return wrapper_make(flow->backend, BENCH_BACKEND_PORT, flow->client, flow->client_port);
	case BENCH_PACKET_SNAT_REPLY:
		return wrapper_make(flow->backend, BENCH_BACKEND_PORT, BENCH_NODE, flow->node_port);
	case BENCH_PACKET_OTHER:
		return wrapper_make(flow->client, flow->client_port, flow->other, BENCH_FRONTEND_PORT);
	default:
		return wrapper_make(flow->other, BENCH_FRONTEND_PORT, flow->client, flow->client_port);
	}
}

#define WRAPPER_L4_BYTES       20
#define WRAPPER_FRAGMENT_BYTES 8
#define WRAPPER_SCTP           132

/* Bytes from the header of layer 4 on. */
WRAPPER_INLINE __u32 wrapper_l4_length(void)
{
	return WRAPPER_L4_BYTES + setup.payload;
}

/* SCTP: a header with a checksum, and a chunk of data of which only the first words matter. */
WRAPPER_INLINE void wrapper_write_sctp(__u32 *word, const struct wrapper_ends *ends)
{
	word[0] = ends->ports;
	word[1] = bpf_htonl(1);
	word[2] = bpf_htonl(0x12345678);
	word[3] = bpf_htonl(0x00030000 | (wrapper_l4_length() - 12));
	word[4] = bpf_htonl(1);
}

/* 20 bytes: the first three pieces of TCP after the ports do not matter, the flags do. */
WRAPPER_INLINE void wrapper_write_tcp(__u32 *word, const struct wrapper_ends *ends)
{
	word[0] = ends->ports;
	word[1] = bpf_htonl(1);
	word[2] = bpf_htonl(1);
	word[3] = bpf_htonl(0x50000000 | setup.tcp_flags << 16 | 0x2000);
	word[4] = bpf_htonl(0x12340000);
}

WRAPPER_INLINE void wrapper_write_l4(__u32 *word, const struct wrapper_ends *ends)
{
	if (setup.protocol == WRAPPER_SCTP)
		wrapper_write_sctp(word, ends);
	else
		wrapper_write_tcp(word, ends);
}

#define WRAPPER_ETHERNET_BYTES 14
#define WRAPPER_IPV4_BYTES     (WRAPPER_ETHERNET_BYTES + 20 + WRAPPER_L4_BYTES)
#define WRAPPER_IPV6_BYTES     (WRAPPER_ETHERNET_BYTES + 40 + WRAPPER_FRAGMENT_BYTES + WRAPPER_L4_BYTES)

WRAPPER_INLINE void wrapper_write_ethernet(void *data, __u16 protocol)
{
	__u32 *word = data;

	word[0] = bpf_htonl(0x02000000);
	word[1] = bpf_htonl(0x00010200);
	word[2] = bpf_htonl(0x00000002);
	*(__u16 *)(word + 3) = bpf_htons(protocol);
}

/* Identification, flags and offset: don't fragment, more fragments, or eight bytes into the datagram. */
WRAPPER_INLINE __be32 wrapper_fragment_word4(__u32 id)
{
	if (setup.fragment == BENCH_WHOLE)
		return bpf_htonl(0x00014000);
	return bpf_htonl(id << 16 | (setup.fragment == BENCH_FIRST_FRAGMENT ? 0x2000 : 0x0001));
}

/* id: of the datagram, if the packet is a fragment. */
WRAPPER_INLINE int wrapper_write_ipv4(void *data, void *end, const struct wrapper_ends *ends, __u32 id)
{
	__u32 *word = data + WRAPPER_ETHERNET_BYTES;

	if (data + WRAPPER_IPV4_BYTES > end)
		return 0;
	wrapper_write_ethernet(data, ETH_P_IP);
	word[0] = bpf_htonl(0x45000000 | (20 + wrapper_l4_length()));
	word[1] = wrapper_fragment_word4(id);
	word[2] = bpf_htonl(0x40001234 | setup.protocol << 16);
	word[3] = ends->source;
	word[4] = ends->destination;
	wrapper_write_l4(word + 5, ends);
	return 1;
}

WRAPPER_INLINE void wrapper_write_address6(__u32 *word, __be32 last)
{
	word[0] = bpf_htonl(BENCH_IPV6_PREFIX);
	word[1] = 0;
	word[2] = 0;
	word[3] = last;
}

WRAPPER_INLINE int wrapper_write_ipv6(void *data, void *end, const struct wrapper_ends *ends, __u32 id)
{
	const __u32 fragment_bytes = setup.fragment == BENCH_WHOLE ? 0 : WRAPPER_FRAGMENT_BYTES;
	const __u32 next = fragment_bytes ? 44 : setup.protocol;
	__u32 *word = data + WRAPPER_ETHERNET_BYTES;

	if (data + WRAPPER_IPV6_BYTES > end)
		return 0;
	wrapper_write_ethernet(data, ETH_P_IPV6);
	word[0] = bpf_htonl(0x60000000);
	word[1] = bpf_htonl((fragment_bytes + wrapper_l4_length()) << 16 | next << 8 | 0x40);
	wrapper_write_address6(word + 2, ends->source);
	wrapper_write_address6(word + 6, ends->destination);
	if (fragment_bytes) {
		word[10] = bpf_htonl(setup.protocol << 24 | (setup.fragment == BENCH_FIRST_FRAGMENT ? 1 : 8));
		word[11] = bpf_htonl(id);
	}
	wrapper_write_l4(word + 10 + fragment_bytes / sizeof(*word), ends);
	return 1;
}

/* 0: the buffer is too short. */
WRAPPER_INLINE int wrapper_write(void *data, void *end)
{
	const __u32 index = bench_index(&order, order.next);
	const struct bench_flow flow = setup.few_clients ? bench_flow_of_few(index) : bench_flow_of(index);
	const struct wrapper_ends ends = wrapper_ends(&flow);

	order.next += 1;
	return setup.family == 0 ? wrapper_write_ipv4(data, end, &ends, index)
				 : wrapper_write_ipv6(data, end, &ends, index);
}
