/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Rewriting in TC.
 */
#pragma once

#include "lib/nat.h"
#include "lib/sctp.h"

#ifndef BPF_F_IPV6
#define BPF_F_IPV6 (1ull << 7) /* Linux 6.16: keeps CHECKSUM_COMPLETE right when an IPv6 address changes */
#endif

#define NAT_HOP_LIMIT (1u << 24) /* one hop, in the word of IPv6's header that has it */

WG_INLINE int nat_tc_l4_checksum(__u32 family, struct __sk_buff *skb, const struct packet *packet, __u64 difference,
				 const struct rewrite *rewrite)
{
	const __u32 offset = packet->l4_offset + nat_checksum_offset(packet);
	const __u64 mangled = packet->protocol == WG_PROTOCOL_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	const __u32 before = nat_ports_word(packet->source_port, packet->destination_port);
	const __u32 after = nat_ports_word(rewrite->source_port, rewrite->destination_port);
	const __u64 flags = BPF_F_PSEUDO_HDR | mangled;
	int result;

	if (before != after && bpf_l4_csum_replace(skb, offset, before, after, 4 | mangled))
		return -1;
	if (family == WG_IPV4)
		return bpf_l4_csum_replace(skb, offset, 0, nat_fold32(difference), flags);
	result = bpf_l4_csum_replace(skb, offset, 0, nat_fold32(difference), flags | BPF_F_IPV6);
	if (result == -22) /* EINVAL: a kernel without the flag */
		result = bpf_l4_csum_replace(skb, offset, 0, nat_fold32(difference), flags);
	return result;
}

/* Ports and checksum of SCTP. ip_difference: the sum of what changed before it and is not made up for there. */
WG_GLOBAL int nat_tc_sctp(struct __sk_buff *skb, __u32 place, __u32 ports_before, __u32 ports_after,
			  __u32 ip_difference)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	__u64 difference = ip_difference;

	if (sctp_write(data, end, place, ports_before, ports_after, &difference))
		return -1;
	bpf_csum_update(skb, nat_fold32(difference)); /* does nothing but for CHECKSUM_COMPLETE */
	return 0;
}

/* 0, or the negative reason why the packet must be dropped: part of it may have been changed. */
WG_INLINE int nat_tc(__u32 family, struct __sk_buff *skb, const struct packet *packet, const struct rewrite *rewrite)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	const __u64 difference = nat_address_difference(family, packet, rewrite);

	if (nat_write_ip(family, data, end, packet, rewrite, difference))
		return -WG_REASON_REWRITE;
	if (UNLIKELY(!packet->l4_offset)) {
		if (family == WG_IPV6) /* the addresses have no checksum that makes up for them */
			bpf_csum_update(skb, nat_fold32(difference));
		return 0;
	}
	if (UNLIKELY(packet->protocol == WG_PROTOCOL_SCTP))
		return nat_tc_sctp(skb, sctp_place(packet),
				   nat_ports_word(packet->source_port, packet->destination_port),
				   nat_ports_word(rewrite->source_port, rewrite->destination_port),
				   family == WG_IPV4 ? 0 : nat_fold32(difference))
			   ? -WG_REASON_REWRITE
			   : 0;
	if (nat_write_ports(data, end, packet, rewrite) || nat_tc_l4_checksum(family, skb, packet, difference, rewrite))
		return -WG_REASON_REWRITE;
	return 0;
}

/* One hop less to go. A sum over the whole packet covers IPv6's hop limit; IPv4's header sums up to nothing. */
WG_INLINE int nat_tc_hop(__u32 family, struct __sk_buff *skb, const struct packet *packet)
{
	if (nat_hop(family, (void *)(long)skb->data, (void *)(long)skb->data_end, packet))
		return -1;
	if (family == WG_IPV6)
		bpf_csum_update(skb, nat_fold32(nat_replace(0, NAT_HOP_LIMIT, 0)));
	return 0;
}
