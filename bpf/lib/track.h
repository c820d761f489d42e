/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * What a packet does to its flow: clock, state, and the reservations that live as long as the flow.
 */
#pragma once

#include "lib/work.h"

WG_INLINE int snat_follow_one(__u32 family, struct lb_scratch *work, __u8 protocol, __u32 state)
{
	return family == WG_IPV4 ? snat_follow4(&work->key, protocol, &work->owner, state)
				 : snat_follow6(&work->key, protocol, &work->owner, state);
}

/* The reservations of the flow work->followed live as long as it does; its client is as its own socket knows itself.
 * 0: one of them is another's by now, the flow cannot go on. */
WG_INLINE int lb_follow(__u32 family, struct lb_scratch *work, __u8 protocol)
{
	const struct table_key *flow = &work->followed;
	const struct table_hit *hit = &work->followed_hit;
	const int is_translated = (hit->backend & WG_FLOW_SOURCE_PORT) != 0;
	const __u32 state = hit->control & WG_FLOW_STATE_MASK;
	struct wg_control *nodes = control_get();

	if (!nodes)
		return 1;
	copy_address(address_words(family), work->key.client, flow->client);
	copy_address(address_words(family), work->key.backend, hit->backend_address);
	copy_address(address_words(family), work->owner.address, flow->client);
	work->key.client_port = hit->snat_port;
	work->key.backend_port = hit->backend_port;
	work->key.source_port = 0;
	work->owner.port = flow->client_port;
	if (is_translated && !snat_follow_one(family, work, protocol, state))
		return 0;
	if (!(hit->backend & WG_FLOW_SNAT))
		return 1;
	copy_address(address_words(family), work->key.client,
		     snat_address(family, nodes, hit->backend >> WG_FLOW_SNAT_ADDRESS_SHIFT));
	if (is_translated)
		work->owner.port = hit->snat_port;
	return snat_follow_one(family, work, protocol, state);
}

WG_GLOBAL int lb_follow4(struct lb_scratch *work, __u32 protocol)
{
	return work ? lb_follow(WG_IPV4, work, protocol) : 1;
}
WG_GLOBAL int lb_follow6(struct lb_scratch *work, __u32 protocol)
{
	return work ? lb_follow(WG_IPV6, work, protocol) : 1;
}

/* Writes down whose reservations shall follow. */
WG_INLINE void lb_note_followed(__u32 family, struct lb_scratch *work, const struct table_key *flow,
				const struct table_hit *hit)
{
	copy_address(address_words(family), work->followed.client, flow->client);
	work->followed.client_port = flow->client_port;
	copy_address(address_words(family), work->followed_hit.backend_address, hit->backend_address);
	work->followed_hit.backend_port = hit->backend_port;
	work->followed_hit.snat_port = hit->snat_port;
	work->followed_hit.backend = hit->backend;
	work->followed_hit.control = hit->control;
}

WG_INLINE int lb_follow_flow(__u32 family, __u8 protocol, const struct table_key *flow, const struct table_hit *hit)
{
	struct lb_scratch *work = scratch_get();

	if (!work)
		return 1;
	lb_note_followed(family, work, flow, hit);
	return family == WG_IPV4 ? lb_follow4(work, protocol) : lb_follow6(work, protocol);
}

/* Notes a packet of the flow: clock and state. 1: its reservations must follow (lb_follow_flow). Those of a closed flow
 * may be another's by now, so every packet asks. */
WG_INLINE int lb_track(const struct packet *packet, struct wg_flow_head *head, struct table_hit *hit, __u32 direction)
{
	const __u32 state = hit->control & WG_FLOW_STATE_MASK;
	const __u32 next = flow_next_state(state, direction, packet->protocol, packet->tcp_flags);
	const int is_touched = table_touch(head, bpf_jiffies64());

	if (LIKELY(next == state && !is_touched && state != WG_FLOW_CLOSED))
		return 0;
	if (next != state) {
		table_set_state(head, hit->control, next);
		hit->control = (hit->control & ~WG_FLOW_STATE_MASK) | next;
	}
	return (hit->backend & (WG_FLOW_SNAT | WG_FLOW_SOURCE_PORT)) != 0;
}
