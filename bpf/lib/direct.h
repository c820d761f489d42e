/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Datagrams to a backend itself, past its service, from a port that has spoken to it through the service before:
 * another socket may have got the port. The backend's answers look the same in both cases, and would be taken for the
 * service's for as long as the old flow is remembered. So the flow goes; who still needs it opens it again with the
 * next datagram. (The end of a TCP connection is seen: reply.h.)
 *
 * XDP sees only what comes from outside. TC may see what has been translated already, by generic XDP or on a bridge's
 * port, and the flow of such a packet must stay: TC takes away what has been silent.
 */
#pragma once

#include "lib/reply.h"

/* The time of a flow's last packet is noted to the second. */
#define DIRECT_SILENT_SECONDS (WG_THIS_HOOK == WG_HOOK_XDP ? 0u : 2u)

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

/* Could a packet that is for no service be such a datagram? TCP pays nothing for this, UDP one array load. */
WG_INLINE int direct_may_be(__u32 family, const struct packet *packet)
{
	return packet->protocol == WG_PROTOCOL_UDP &&
	       UNLIKELY(reply_gate_open(family, packet->destination, packet->destination_port, packet->protocol));
}

WG_INLINE void direct_note(__u32 family, const struct packet *packet)
{
	const struct frontend_hit none = {};
	struct lb_scratch *work = lb_scratch_for(packet, &none);

	if (family == WG_IPV4)
		direct_forget4(work);
	else
		direct_forget6(work);
}
