/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * What is fixed while a program is loaded (struct wg_settings, in .rodata: branches on it vanish in the verifier), what
 * is pinned beside the tables (struct wg_meta) and what the agent may change at any time (struct wg_control).
 */
#pragma once

#include <waggle/abi/flow.h>
#include <waggle/abi/hash.h>
#include <waggle/abi/types.h>

/* Who gets socket load balancing. */
enum wg_sock_lb {
	WG_SOCK_LB_OFF = 0,
	WG_SOCK_LB_HOST = 1, /* only sockets of the node's own network namespace */
	WG_SOCK_LB_ALL = 2,
};

/* Bits of wg_settings.policy */
#define WG_POLICY_SNAT_ALWAYS      0x1u  /* `snat: always`: as kube-proxy masquerades (contract 2.5) */
#define WG_POLICY_MASQUERADE_ALL   0x2u  /* masqueradeAll: pod -> ClusterIP, too (K-57) */
#define WG_POLICY_ANSWER_PING      0x4u  /* a ClusterIP answers echo requests itself; else they are rejected (K-86) */
#define WG_POLICY_REJECT_UNKNOWN   0x8u  /* other ports of a ClusterIP are rejected; else untouched (K-85) */
#define WG_POLICY_DROP_UNALLOCATED 0x10u /* service addresses no service has are dropped; else untouched (K-87) */
#define WG_POLICY_KEEP_TRACKED     0x20u /* open connections that netfilter translates stay with it (conntrack.h) */

struct wg_settings {
	struct wg_hash_key hash_key;
	__u32 frontends4_mask; /* buckets - 1 of each table; sizes are powers of two */
	__u32 frontends6_mask;
	__u32 flows4_mask;
	__u32 flows6_mask;
	__u32 snat4_mask;
	__u32 snat6_mask;
	__u32 services_mask; /* entries - 1 */
	__u32 backends_mask;
	__u32 slots_mask;
	__u32 reply_gate_mask;    /* bits - 1 of reply_gate */
	__u32 frontend_gate_mask; /* bits - 1 of frontend_gate */
	__u32 nexthops_mask;
	__u32 snat_mark;         /* skb->mark bit that says: the backend edge must rewrite the source (contract K-59) */
	__u16 snat_port_min;     /* host byte order; the range is kept out of ip_local_port_range */
	__u16 snat_port_mask;    /* size - 1; the size is a power of two */
	__u32 hz;                /* jiffies a second */
	__u32 sock_lb_tcp;       /* enum wg_sock_lb */
	__u32 sock_lb_udp;       /* enum wg_sock_lb */
	__u32 reject_per_second; /* ICMP errors a second and CPU */
	__u32 policy;            /* WG_POLICY_* */
	__u64 host_netns_cookie;
	/* Seconds without a packet after which a flow may be forgotten; index: wg_flow_lifetime_index */
	__u32 flow_lifetime_s[WG_FLOW_LIFETIMES];
};

/* Table `meta` (array, one entry). Written once when the tables are made; says how to read all others. */
struct wg_meta {
	__u32 abi_version;
	__u32 hz;
	struct wg_hash_key hash_key;
	__u16 snat_port_min;
	__u16 snat_port_mask;
	__u32 reserved;
	__u64 created_unix_s;
	char node_name[256];
};

#define WG_SNAT_ADDRESSES 16u
#define WG_LINKS          256u
#define WG_LINK_PROBES    4u
#define WG_NO_ADDRESS     0xffu

/* Bits of wg_link.flags */
#define WG_LINK_UPLINK 0x1u /* outside clients come in here; else a pod's link */
#define WG_LINK_XDP    0x2u /* native XDP is attached, no route hides its MTU from it: XDP may send packets out here */
#define WG_LINK_LOCAL_PODS                                                                                             \
	0x4u /* packets that come in here are local pods' (detectLocalMode by interface, contract K-61) */

/* How local pods are told from outside clients, for externalTrafficPolicy Local (K-23, K-56). */
enum wg_detector {
	WG_DETECT_NONE = 0,
	WG_DETECT_LINKS = 1, /* by WG_LINK_LOCAL_PODS; both families */
	WG_DETECT_CIDR = 2,  /* source in wg_control.pod_cidr of the family; a family without one has no detector */
	/* As WG_DETECT_LINKS, and every link that is no uplink has the bit: so who is not on the node is a local pod.
	 */
	WG_DETECT_EVERY_LINK = 3,
};

/* address & mask of each word; unused words are zero in both. */
struct wg_prefix {
	__be32 address[WG_ADDRESS_WORDS];
	__be32 mask[WG_ADDRESS_WORDS];
};

#define WG_SERVICE_CIDRS 8u /* of a family; more are told of and left out */

/* One network link of the node: place = ifindex & (WG_LINKS - 1), then up by one, WG_LINK_PROBES places at most.
 * ifindex is stored last and cleared first. */
struct wg_link {
	__u32 ifindex; /* 0: free */
	__u8 flags;
	__u8 snat4; /* index of the address that packets leaving here take as source; WG_NO_ADDRESS: none of this family
		     */
	__u8 snat6;
	__u8 reserved;
};

/* Table `control` (array, one entry, mmapable): the agent writes, the programs read. */
struct wg_control {
	/* Any change of routes or neighbours makes it another number: cached next hops of older epochs are resolved
	 * anew. */
	__u32 nexthop_epoch;
	__u32 detector; /* enum wg_detector */
	/* Node addresses used as SNAT source. An index keeps its address while a flow uses it; unused ones are zero. */
	__be32 snat_address4[WG_SNAT_ADDRESSES];
	__be32 snat_address6[WG_SNAT_ADDRESSES][WG_ADDRESS_WORDS];
	struct wg_link link[WG_LINKS];
	/* By enum wg_family. WG_DETECT_CIDR: pod_cidr counts where has_pod_cidr is not 0. */
	__u32 has_pod_cidr[2];
	struct wg_prefix pod_cidr[2];
	/* Service addresses (ServiceCIDR objects, contract I-70), the first service_cidr_count of each family. The
	 * count is stored after what it counts, and before what it counts no more is overwritten. */
	__u32 service_cidr_count[2];
	struct wg_prefix service_cidr[2][WG_SERVICE_CIDRS];
};

/* Table `nexthops` (array): a cache of bpf_fib_lookup, filled by XDP; place = hash of the destination. */
struct wg_nexthop {
	__u32 version;  /* odd while being filled; readers check it before and after */
	__u32 epoch;    /* wg_control.nexthop_epoch when resolved */
	__u32 resolved; /* jiffies; trusted for one second */
	__u32 ifindex;
	__be32 address[WG_ADDRESS_WORDS];
	__u8 destination_mac[6];
	__u8 source_mac[6];
	__u16 mtu; /* of the route, bytes of the IP packet */
	__u8 family;
	__u8 reserved[17];
} __attribute__((aligned(64)));
WG_STATIC_ASSERT(sizeof(struct wg_nexthop) == 64, "one cache line");

/* Table `alone_waits` (LRU hash, TC's own, not pinned): destinations whose neighbour was not known; the key is an
 * address. */
struct wg_wait {
	__u32 since; /* jiffies: the first packet that met no neighbour */
	__u32 asked; /* and the last one */
};
