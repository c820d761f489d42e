/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * The kernel's connection tracking: does netfilter translate this connection, as kube-proxy made it do before Waggle
 * came? Asked by open.h at TC for a packet amid a TCP connection that has no flow: what is translated already keeps its
 * backend, and stays with the kernel.
 *
 * Where the kernel does not offer the lookup to this program, settings.policy has no WG_POLICY_KEEP_TRACKED: nothing
 * asks, and the verifier never meets the calls.
 */
#pragma once

#include "lib/work.h"

#define CONNTRACK_IS_DESTINATION_NAT 0x20u /* IPS_DST_NAT */

struct nf_conn {
	unsigned long status;
} __attribute__((preserve_access_index));

/* As much of the kernel's bpf_ct_opts as all kernels take. */
struct conntrack_options {
	__s32 netns_id;
	__s32 error;
	__u8 l4proto;
	__u8 dir;
	__u8 reserved[2];
};

extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb, struct bpf_sock_tuple *tuple, __u32 tuple_bytes,
					 struct conntrack_options *options, __u32 options_bytes)
    __attribute__((section(".ksyms"), weak));
extern void bpf_ct_release(struct nf_conn *connection) __attribute__((section(".ksyms"), weak));

WG_INLINE struct nf_conn *conntrack_find(struct __sk_buff *skb, __u32 family, const struct packet *packet)
{
	struct conntrack_options options = {.netns_id = BPF_F_CURRENT_NETNS, .l4proto = WG_PROTOCOL_TCP};
	struct bpf_sock_tuple tuple = {};

	if (family == WG_IPV4) {
		tuple.ipv4.saddr = packet->source[0];
		tuple.ipv4.daddr = packet->destination[0];
		tuple.ipv4.sport = packet->source_port;
		tuple.ipv4.dport = packet->destination_port;
		return bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv4), &options, sizeof(options));
	}
	copy_address(WG_ADDRESS_WORDS, tuple.ipv6.saddr, packet->source);
	copy_address(WG_ADDRESS_WORDS, tuple.ipv6.daddr, packet->destination);
	tuple.ipv6.sport = packet->source_port;
	tuple.ipv6.dport = packet->destination_port;
	return bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv6), &options, sizeof(options));
}

WG_INLINE int conntrack_translates(struct __sk_buff *skb, __u32 family, const struct packet *packet)
{
	struct nf_conn *connection;
	unsigned long status;

	if (!(settings.policy & WG_POLICY_KEEP_TRACKED))
		return 0;
	connection = conntrack_find(skb, family, packet);
	if (!connection)
		return 0;
	status = connection->status;
	bpf_ct_release(connection);
	return (status & CONNTRACK_IS_DESTINATION_NAT) != 0;
}

/* For the packet in the working memory. */
WG_GLOBAL int conntrack_translates4(struct __sk_buff *skb, struct lb_scratch *work)
{
	return work ? conntrack_translates(skb, WG_IPV4, &work->packet) : 0;
}
WG_GLOBAL int conntrack_translates6(struct __sk_buff *skb, struct lb_scratch *work)
{
	return work ? conntrack_translates(skb, WG_IPV6, &work->packet) : 0;
}
