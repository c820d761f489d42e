/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Datagrams to a backend itself, past its service, from a port that has spoken to it through the service before:
 * another socket may have got the port. The backend's answers look the same in both cases, and would be taken for the
 * service's for as long as the old flow is remembered. So the flow goes, if it has been silent; who still needs it
 * opens it again with the next datagram. (The end of a TCP connection is seen: reply.h.) Included by tc_lb.bpf.c alone.
 *
 * A flow in use stays: what XDP has just translated comes by here as well.
 */
#pragma once

#include "lib/reply.h"

#define DIRECT_SILENT_SECONDS 2u /* the time of a flow's last packet is noted to the second */

WG_INLINE int direct_forget(__u32 family, struct lb_scratch *work)
{
	const struct packet *packet = &work->packet;
	const struct wg_flow_place place = flow_place(family, packet->source, packet->source_port, packet->protocol);
	struct wg_flow_head *head;

	reply_key(family, packet->source, packet->source_port, packet->destination, packet->destination_port,
		  &work->key);
	head = table_find(TABLE_FLOWS, family, TABLE_REPLY, &place, &work->key, &work->hit);
	/* With another source its answers come to another address or port. */
	if (!head || work->hit.backend & (WG_FLOW_SNAT | WG_FLOW_SOURCE_PORT))
		return 0;
	if ((__u32)bpf_jiffies64() - LOAD(head->seen) >= DIRECT_SILENT_SECONDS * settings.hz)
		table_delete(head, work->hit.control);
	return 0;
}

#define DIRECT_FAMILY_STEPS(suffix, family)                                                                            \
	WG_GLOBAL int direct_forget##suffix(struct lb_scratch *work)                                                   \
	{                                                                                                              \
		return work ? direct_forget(family, work) : 0;                                                         \
	}
DIRECT_FAMILY_STEPS(4, WG_IPV4)
DIRECT_FAMILY_STEPS(6, WG_IPV6)

/* For a packet that is for no service. TCP pays nothing for this, other datagrams one array load. */
WG_INLINE void direct_note(__u32 family, const struct packet *packet)
{
	const struct frontend_hit none = {};
	struct lb_scratch *work;

	if (packet->protocol != WG_PROTOCOL_UDP ||
	    LIKELY(!reply_gate_open(family, packet->destination, packet->destination_port, packet->protocol)))
		return;
	work = lb_scratch_for(packet, &none);
	if (family == WG_IPV4)
		direct_forget4(work);
	else
		direct_forget6(work);
}
