/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Which backend serves a new flow? Uniformly random over the set that the traffic policy names (contract I-86).
 */
#pragma once

#include "lib/compiler.h"
#include "lib/detect.h"
#include "lib/maps.h"
#include "lib/service.h"

struct selection {
	__be32 address[WG_ADDRESS_WORDS];
	__be16 port;
	__u16 is_local;
	__u32 backend;
	__u32 generation; /* wg_backend.generation */
};

/* Chooses a new flow from the backends on this node only? External destinations do not look at the internal policy,
 * nor do local pods and the node itself at the external one (contract K-16 to K-28). */
WG_INLINE int select_is_local_only(const struct wg_service *service, __u32 frontend_flags, __u32 source)
{
	if (!(frontend_flags & WG_FRONTEND_EXTERNAL))
		return (service->flags & WG_SERVICE_INTERNAL_LOCAL) != 0;
	return service->flags & WG_SERVICE_EXTERNAL_LOCAL && source == DETECT_OUTSIDE;
}

WG_INLINE int select_read(__u32 id, __u32 service_index, struct selection *chosen)
{
	struct wg_backend *backend = bpf_map_lookup_elem(&backends, &id);

	if (!backend || LOAD(backend->state) == WG_BACKEND_EMPTY || backend->service != service_index)
		return -WG_REASON_NO_ENDPOINTS;
	copy_address(WG_ADDRESS_WORDS, chosen->address, backend->address);
	chosen->port = backend->port;
	chosen->is_local = backend->flags & WG_BACKEND_LOCAL;
	chosen->backend = id;
	chosen->generation = backend->generation;
	return 0;
}

WG_INLINE struct wg_service *service_at(__u32 index)
{
	return bpf_map_lookup_elem(&services, &index);
}

/* 0 and `chosen`, or the negative reason why nobody serves. One load of the set word decides: no half-changed set. */
WG_INLINE int select_backend(__u32 index, struct wg_service *service, int is_local_only, struct selection *chosen)
{
	const __u64 set = is_local_only ? LOAD(service->local_set) : LOAD(service->cluster_set);
	const __u32 count = wg_set_count(set);
	struct wg_slot *slot;
	__u32 place;

	if (!count) {
		if (is_local_only && service->flags & WG_SERVICE_HAS_ENDPOINTS)
			return -WG_REASON_NO_LOCAL_ENDPOINTS;
		return -WG_REASON_NO_ENDPOINTS;
	}
	place = wg_set_base(set) + (__u32)((__u64)bpf_get_prandom_u32() * count >> 32);
	slot = bpf_map_lookup_elem(&slots, &place);
	if (!slot)
		return -WG_REASON_NO_ENDPOINTS;
	return select_read(slot->backend, index, chosen);
}

WG_INLINE int select_serves(const struct wg_backend *backend)
{
	const __u8 state = LOAD(backend->state);

	return state == WG_BACKEND_ACTIVE || state == WG_BACKEND_TERMINATING;
}

/* Does the backend still serve this service under this address and port? For UDP, which must leave a dead one (K-120).
 */
WG_INLINE int backend_still_serves(__u32 id, __u32 service_index, __u32 words, const __u32 *address, __be16 port)
{
	struct wg_backend *backend = bpf_map_lookup_elem(&backends, &id);

	if (!backend || backend->service != service_index || backend->port != port || !select_serves(backend))
		return 0;
	return same_address(words, backend->address, address);
}

WG_INLINE __u32 backend_service(__u32 id)
{
	struct wg_backend *backend = bpf_map_lookup_elem(&backends, &id);

	return backend ? backend->service : 0;
}
