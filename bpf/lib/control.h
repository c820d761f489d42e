/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * What the agent tells the programs while they run: the table `control` and the node's links in it.
 */
#pragma once

#include "lib/compiler.h"
#include "lib/maps.h"

WG_INLINE struct wg_control *control_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

/* The link's row, or nothing if the agent has not attached to it. */
WG_INLINE struct wg_link *link_find(struct wg_control *state, __u32 ifindex)
{
#pragma nounroll
	for (__u32 probe = 0; probe < WG_LINK_PROBES; probe++) {
		struct wg_link *link;

		OPAQUE(probe);
		link = &state->link[(ifindex + probe) & (WG_LINKS - 1)];
		if (LOAD(link->ifindex) == ifindex)
			return link;
	}
	return 0;
}

/* Is this an uplink where our own native XDP program runs? XDP sends out by no other interface. */
WG_INLINE int link_runs_xdp(__u32 ifindex)
{
	struct wg_control *state = control_get();
	const struct wg_link *link = state ? link_find(state, ifindex) : 0;
	const __u32 needed = WG_LINK_UPLINK | WG_LINK_XDP;

	return link && (link->flags & needed) == needed;
}

/* The node address with this index that packets take as source. */
WG_INLINE const __u32 *snat_address(__u32 family, const struct wg_control *state, __u32 index)
{
	index &= WG_SNAT_ADDRESSES - 1;
	return family == WG_IPV4 ? &state->snat_address4[index] : state->snat_address6[index];
}
