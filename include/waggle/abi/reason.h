/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Why a packet was rejected, dropped or left alone: one list for the programs, the counters and the CLI.
 *
 * The programs return the negative of a reason. WG_REASONS(X) expands X(NAME, "name shown", "what it means").
 */
#pragma once

#include <waggle/abi/types.h>

#define WG_REASONS(X)                                                                                                  \
	X(NONE, "none", "handled")                                                                                     \
	X(NOT_IP, "not-ip", "left alone: not IPv4 or IPv6")                                                            \
	X(TRUNCATED, "truncated", "left alone: a header is cut short")                                                 \
	X(MALFORMED, "malformed", "left alone: a header contradicts itself")                                           \
	X(FRAGMENT, "fragment", "left alone: a fragment without tracking")                                             \
	X(PROTOCOL, "protocol", "left alone: neither TCP, UDP nor SCTP")                                               \
	X(NOT_SERVICE, "not-service", "left alone: the destination is no frontend")                                    \
	X(NO_FLOW, "no-flow", "left alone: no flow for this reply, or a frontend that takes no new flows")             \
	X(TO_STACK, "to-stack", "XDP left it to TC; TC left it to netfilter, which has this connection already")       \
	X(NO_ENDPOINTS, "no-endpoints", "rejected: no usable endpoint anywhere (contract K-15)")                       \
	X(NO_LOCAL_ENDPOINTS, "no-local-endpoints",                                                                    \
	  "dropped: the traffic policy is Local and no endpoint is here (K-16, K-17)")                                 \
	X(REJECT_LIMITED, "reject-limited", "dropped: over the rate limit of ICMP errors")                             \
	X(TABLE_BUSY, "table-busy", "dropped: lost the race for a flow slot three times; the sender repeats")          \
	X(SNAT_PORTS, "snat-ports", "dropped: no free node port toward this backend")                                  \
	X(SNAT_ADDRESS, "snat-address", "dropped: the node has no address for SNAT of this family")                    \
	X(SNAT_ORPHAN, "snat-orphan", "dropped: reply to a node port whose flow is gone (contract K-102)")             \
	X(REWRITE, "rewrite", "dropped: the kernel refused to change the packet")                                      \
	X(EVICTED_LIVE, "evicted-live", "a live flow made room for a new one: the flow table is too small")            \
	X(SPILLED, "spilled", "a flow went to the spill table: its client socket uses many services")                  \
	X(SOURCE_RANGE, "source-range", "dropped: the source is in none of loadBalancerSourceRanges (K-75)")           \
	X(UNALLOCATED, "unallocated", "dropped: a service address that no service has (K-87)")                         \
	X(UNKNOWN_PORT, "unknown-port", "rejected: the ClusterIP has no such port or protocol (K-85)")                 \
	X(ECHO, "echo", "answered: an echo request to a ClusterIP (K-86)")                                             \
	X(FRAGMENT_LOST, "fragment-lost",                                                                              \
	  "dropped: a fragment of a service whose first fragment was not seen, or came to nothing")                    \
	X(AMBIGUOUS, "ambiguous", "a flow got another backend or a node port because its reply would be another flow's")

enum wg_reason {
#define WG_REASON_ENUM(name, text, meaning) WG_REASON_##name,
	WG_REASONS(WG_REASON_ENUM)
#undef WG_REASON_ENUM
	    WG_REASON_COUNT
};
