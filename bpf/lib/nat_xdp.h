/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Rewriting in XDP.
 */
#pragma once

#include "lib/nat.h"
#include "lib/nexthop.h"

WG_INLINE int nat_xdp_l4_checksum(void *data, void *end, const struct packet *packet, __u64 difference,
				  const struct rewrite *rewrite)
{
	__sum16 *check;

	check = packet_at(data, packet->l4_offset + nat_checksum_offset(packet));
	if ((void *)(check + 1) > end)
		return -1;
	if (packet->protocol == WG_PROTOCOL_UDP && !*check)
		return 0; /* RFC 768, RFC 6935: the sender computed none */
	difference = nat_replace(difference, nat_ports_word(packet->source_port, packet->destination_port),
				 nat_ports_word(rewrite->source_port, rewrite->destination_port));
	*check = nat_checksum(*check, difference);
	if (packet->protocol == WG_PROTOCOL_UDP && !*check)
		*check = 0xffff;
	return 0;
}

WG_INLINE int nat_xdp(__u32 family, struct xdp_md *xdp, const struct packet *packet, const struct rewrite *rewrite)
{
	void *data = (void *)(long)xdp->data;
	void *end = (void *)(long)xdp->data_end;
	const __u64 difference = nat_address_difference(family, packet, rewrite);

	if (nat_write_ip(family, data, end, packet, rewrite, difference) ||
	    nat_write_ports(data, end, packet, rewrite) || nat_xdp_l4_checksum(data, end, packet, difference, rewrite))
		return -WG_REASON_REWRITE;
	return 0;
}

/* What the kernel's forwarding would do besides: TTL and MAC addresses. */
WG_INLINE int nat_xdp_forward(__u32 family, struct xdp_md *xdp, const struct packet *packet, const struct nexthop *next)
{
	void *data = (void *)(long)xdp->data;
	void *end = (void *)(long)xdp->data_end;
	struct ethhdr *ethernet = data;

	if ((void *)(ethernet + 1) > end)
		return -WG_REASON_REWRITE;
	__builtin_memcpy(ethernet->h_dest, next->destination_mac, sizeof(ethernet->h_dest));
	__builtin_memcpy(ethernet->h_source, next->source_mac, sizeof(ethernet->h_source));
	return nat_hop(family, data, end, packet) ? -WG_REASON_REWRITE : 0;
}
