/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Whom a new flow comes from, where that matters: externalTrafficPolicy Local serves local pods and the node itself
 * from the cluster set (contract K-21 to K-26), and `snat: always` masquerades by it (contract 2.5). Asked by open.h
 * for packets and by sock.h for sockets.
 */
#pragma once

#include "lib/control.h"

enum detect_source {
	DETECT_OUTSIDE = 0,
	DETECT_LOCAL_POD = 1,
	DETECT_NODE = 2, /* a process of this node's own network namespace */
};

/* Can local pods of this family be told from outside clients? */
WG_INLINE int detect_is_on(__u32 family, struct wg_control *state)
{
	const __u32 detector = LOAD(state->detector);

	return detector == WG_DETECT_LINKS || detector == WG_DETECT_EVERY_LINK ||
	       (detector == WG_DETECT_CIDR && LOAD(state->has_pod_cidr[family]));
}

WG_INLINE int detect_in_prefix(__u32 family, const struct wg_prefix *prefix, const __u32 *address)
{
	__u32 difference = 0;

#pragma unroll
	for (__u32 i = 0; i < WG_ADDRESS_WORDS; i++)
		if (i < address_words(family))
			difference |= (address[i] ^ prefix->address[i]) & prefix->mask[i];
	return !difference;
}

/* Does a packet with this source, which came in by this link, come from a local pod (contract K-61)? */
WG_INLINE int detect_is_local_pod(__u32 family, struct wg_control *state, const __u32 *source, __u32 ifindex)
{
	const struct wg_link *link;

	if (!detect_is_on(family, state))
		return 0;
	if (LOAD(state->detector) == WG_DETECT_CIDR)
		return detect_in_prefix(family, &state->pod_cidr[family], source);
	link = link_find(state, ifindex);
	return link && link->flags & WG_LINK_LOCAL_PODS;
}

/* The source of a packet. Without an interface it came in by, it is the node's own. */
WG_INLINE __u32 detect_source(__u32 family, struct wg_control *state, const __u32 *source, __u32 ifindex)
{
	if (!ifindex)
		return DETECT_NODE;
	return detect_is_local_pod(family, state, source, ifindex) ? DETECT_LOCAL_POD : DETECT_OUTSIDE;
}

/* Does it matter to a new flow of this service who its client is? */
WG_INLINE int detect_matters(const struct wg_service *service, __u32 frontend_flags)
{
	if (settings.policy & WG_POLICY_SNAT_ALWAYS)
		return 1;
	return frontend_flags & WG_FRONTEND_EXTERNAL && service->flags & WG_SERVICE_EXTERNAL_LOCAL;
}

/* Is a flow masqueraded although its replies would find the way back (contract K-50 to K-57)? Hairpin is another
 * matter. */
WG_INLINE int detect_masquerades(__u32 family, struct wg_control *state, const struct wg_service *service,
				 __u32 frontend_flags, __u32 source)
{
	if (!(frontend_flags & WG_FRONTEND_EXTERNAL) && settings.policy & WG_POLICY_MASQUERADE_ALL)
		return 1;
	if (!(settings.policy & WG_POLICY_SNAT_ALWAYS))
		return 0;
	if (!(frontend_flags & WG_FRONTEND_EXTERNAL))
		return source != DETECT_LOCAL_POD && detect_is_on(family, state);
	return !(service->flags & WG_SERVICE_EXTERNAL_LOCAL) || source == DETECT_NODE;
}
