/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Service addresses beyond their frontends: the other ports and protocols of a ClusterIP, pings to it, and addresses of
 * a ServiceCIDR that no service has (contract K-85 to K-90). Asked by TC and by the socket hooks after no frontend was
 * found; decides, never touches the packet.
 */
#pragma once

#include "lib/detect.h"
#include "lib/parse.h"
#include "lib/service.h"

#define ADDRESS_ICMP_ECHO    8u
#define ADDRESS_ICMPV6_ECHO  128u
#define ADDRESS_CLIENT_PORTS 32768u /* where net.ipv4.ip_local_port_range begins unless someone sets it */

enum address_owner {
	ADDRESS_NO_CLUSTER_IP = 0,
	ADDRESS_CLUSTER_IP = 1, /* some service has it as ClusterIP, whatever the port */
	ADDRESS_DOUBTFUL = 2,   /* the same, but a host may have it, too */
};

/* `hit` is for its own use. */
WG_INLINE int address_owner(__u32 family, const __u32 *address, struct frontend_hit *hit)
{
	if (frontend_find(family, address, WG_FRONTEND_ANY_PORT, WG_FRONTEND_ANY_PROTOCOL, hit) != FRONTEND_HIT ||
	    hit->kind != WG_FRONTEND_LIVE)
		return ADDRESS_NO_CLUSTER_IP;
	return hit->flags & WG_FRONTEND_DOUBTFUL ? ADDRESS_DOUBTFUL : ADDRESS_CLUSTER_IP;
}

WG_INLINE int address_is_cluster_ip(__u32 family, const __u32 *address, struct frontend_hit *hit)
{
	return address_owner(family, address, hit) == ADDRESS_CLUSTER_IP;
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

/* Does it go from a service's port to one that the kernel gives to clients? */
WG_INLINE int address_is_answer(const struct packet *packet)
{
	return bpf_ntohs(packet->destination_port) >= ADDRESS_CLIENT_PORTS &&
	       bpf_ntohs(packet->source_port) < ADDRESS_CLIENT_PORTS;
}

/* Does the packet begin something (contract K-85 to K-87 are about new flows)? A host whose address is taken for a
 * service's by mistake must get the answers to what it began itself. conntrack would know; without it TCP and SCTP say
 * so by their flags, ICMP by its type, and UDP shows it by its ports. */
WG_INLINE int address_begins(const struct packet *packet, __u8 icmp_type)
{
	if (address_is_icmp(packet))
		return icmp_type == (packet->family == WG_IPV4 ? ADDRESS_ICMP_ECHO : ADDRESS_ICMPV6_ECHO);
	if (packet->protocol == WG_PROTOCOL_UDP)
		return !address_is_answer(packet);
	if (packet->protocol != WG_PROTOCOL_TCP && packet->protocol != WG_PROTOCOL_SCTP)
		return 1;
	return (packet->tcp_flags & (TCP_FLAG_SYN_BIT | TCP_FLAG_ACK_BIT | TCP_FLAG_FIN_BIT | TCP_FLAG_RST_BIT)) ==
	       TCP_FLAG_SYN_BIT;
}

/* What becomes of a packet that no frontend takes, as a negative reason: UNKNOWN_PORT is to be rejected, ECHO answered,
 * UNALLOCATED dropped. otherwise: what it is if its address is no service's. */
WG_INLINE int address_judge(__u32 family, const struct packet *packet, __u8 icmp_type, struct frontend_hit *hit,
			    int otherwise)
{
	int owner;

	if (!address_begins(packet, icmp_type))
		return otherwise;
	owner = address_owner(family, packet->destination, hit);
	if (owner == ADDRESS_DOUBTFUL)
		return otherwise;
	if (owner == ADDRESS_NO_CLUSTER_IP)
		return address_is_for_services(family, packet->destination) ? -WG_REASON_UNALLOCATED : otherwise;
	if (address_is_icmp(packet))
		return settings.policy & WG_POLICY_ANSWER_PING ? -WG_REASON_ECHO : -WG_REASON_UNKNOWN_PORT;
	return settings.policy & WG_POLICY_REJECT_UNKNOWN ? -WG_REASON_UNKNOWN_PORT : otherwise;
}
