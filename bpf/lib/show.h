/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * A reply shows the frontend that its client knows: at the client edge, and where the client is the node itself.
 */
#pragma once

#include "lib/count.h"
#include "lib/nat_tc.h"
#include "lib/work.h"

/* 0, or the negative reason why the packet must be dropped. */
WG_INLINE int show_frontend(struct __sk_buff *skb, __u32 family, const struct packet *packet,
			    const struct lb_answer *answer)
{
	struct rewrite rewrite;
	int result;

	rewrite_nothing(family, packet, &rewrite);
	copy_address(address_words(family), rewrite.source, answer->address);
	rewrite.source_port = answer->port;
	rewrite.destination_port = answer->client_port;
	count_reply(answer->service, packet->length);
	result = nat_tc(family, skb, packet, &rewrite);
	return result < 0 ? result : 0;
}
