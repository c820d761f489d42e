/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * What the two sides of a flow get to see: the client its frontend, a backend the node instead of its client.
 */
#pragma once

#include "lib/count.h"
#include "lib/nat_tc.h"
#include "lib/work.h"

/* A reply on its way to `client`, whose port is in `answer`. 0, or the negative reason why the packet must be dropped.
 */
WG_INLINE int show_frontend(struct __sk_buff *skb, __u32 family, const struct packet *packet, const __u32 *client,
			    const struct lb_answer *answer)
{
	struct rewrite rewrite;

	copy_address(address_words(family), rewrite.source, answer->address);
	copy_address(address_words(family), rewrite.destination, client);
	rewrite.source_port = answer->port;
	rewrite.destination_port = answer->client_port;
	count_reply(answer->service, packet->length);
	return nat_tc(family, skb, packet, &rewrite);
}

/* A request that takes both edges at once: to the backend in work->answer, from the node. The same answers. */
WG_INLINE int show_node(struct __sk_buff *skb, __u32 family, const struct lb_scratch *work)
{
	const struct lb_answer *answer = &work->answer;
	struct wg_control *state = control_get();
	struct rewrite rewrite;

	if (!state)
		return -WG_REASON_REWRITE;
	copy_address(address_words(family), rewrite.source,
		     snat_address(family, state, answer->backend >> WG_FLOW_SNAT_ADDRESS_SHIFT));
	copy_address(address_words(family), rewrite.destination, answer->address);
	rewrite.source_port = answer->snat_port;
	rewrite.destination_port = answer->port;
	count_request(answer->service, work->packet.length);
	return nat_tc(family, skb, &work->packet, &rewrite);
}

#define SHOW_NODE(suffix, family)                                                                                      \
	WG_GLOBAL int show_node##suffix(struct __sk_buff *skb, struct lb_scratch *work)                                \
	{                                                                                                              \
		return work ? show_node(skb, family, work) : -WG_REASON_NO_FLOW;                                       \
	}
SHOW_NODE(4, WG_IPV4)
SHOW_NODE(6, WG_IPV6)
