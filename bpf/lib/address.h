/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Service addresses beyond their frontends: the other ports and protocols of a ClusterIP, pings to it, and addresses of
 * a ServiceCIDR that no service has (contract K-85 to K-90). Asked by TC and by the socket hooks after no frontend was
 * found; decides, never touches the packet.
 */
#pragma once

#include "lib/detect.h"
#include "lib/parse.h"
#include "lib/service.h"

#define ADDRESS_ICMP_ECHO   8u
#define ADDRESS_ICMPV6_ECHO 128u

/* 1: some service has this address as ClusterIP, whatever the port. `hit` is for its own use. */
WG_INLINE int address_is_cluster_ip(__u32 family, const __u32 *address, struct frontend_hit *hit)
{
	return frontend_find(family, address, WG_FRONTEND_ANY_PORT, WG_FRONTEND_ANY_PROTOCOL, hit) == FRONTEND_HIT &&
	       hit->kind == WG_FRONTEND_LIVE;
}

/* Is the address in a ServiceCIDR? Every packet for no service asks this where such packets are dropped. */
WG_INLINE int address_is_for_services(__u32 family, const __u32 *address)
{
	struct wg_control *state;
	__u32 count;

	if (!(settings.policy & WG_POLICY_DROP_UNALLOCATED))
		return 0;
	state = control_get();
	if (!state)
		return 0;
	count = LOAD(state->service_cidr_count[family]);
#pragma nounroll
	for (__u32 i = 0; i < WG_SERVICE_CIDRS && i < count; i++) {
		OPAQUE(i);
		if (detect_in_prefix(family, &state->service_cidr[family][i & (WG_SERVICE_CIDRS - 1)], address))
			return 1;
	}
	return 0;
}

WG_INLINE int address_is_icmp(const struct packet *packet)
{
	return packet->protocol == (packet->family == WG_IPV4 ? WG_PROTOCOL_ICMP : WG_PROTOCOL_ICMPV6);
}

/* Could the packet begin something, as conntrack sees it (contract K-85: new flows only)? A TCP packet in the midst of
 * a connection could, one that ends it could not; of ICMP only the echo request. */
WG_INLINE int address_may_begin(const struct packet *packet, __u8 icmp_type)
{
	const __u8 accepts = TCP_FLAG_SYN_BIT | TCP_FLAG_ACK_BIT;

	if (address_is_icmp(packet))
		return icmp_type == (packet->family == WG_IPV4 ? ADDRESS_ICMP_ECHO : ADDRESS_ICMPV6_ECHO);
	return !(packet->tcp_flags & (TCP_FLAG_RST_BIT | TCP_FLAG_FIN_BIT)) && (packet->tcp_flags & accepts) != accepts;
}

/* What becomes of a packet that no frontend takes, as a negative reason: UNKNOWN_PORT is to be rejected, ECHO answered,
 * UNALLOCATED dropped. otherwise: what it is if its address is no service's. */
WG_INLINE int address_judge(__u32 family, const struct packet *packet, __u8 icmp_type, struct frontend_hit *hit,
			    int otherwise)
{
	if (!address_may_begin(packet, icmp_type))
		return otherwise;
	if (!address_is_cluster_ip(family, packet->destination, hit))
		return address_is_for_services(family, packet->destination) ? -WG_REASON_UNALLOCATED : otherwise;
	if (address_is_icmp(packet))
		return settings.policy & WG_POLICY_ANSWER_PING ? -WG_REASON_ECHO : -WG_REASON_UNKNOWN_PORT;
	return settings.policy & WG_POLICY_REJECT_UNKNOWN ? -WG_REASON_UNKNOWN_PORT : otherwise;
}
