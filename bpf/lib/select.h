/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Which backend serves a new flow? Uniformly random over the set that the traffic policy names (contract I-86).
 */
#pragma once

#include "lib/compiler.h"
#include "lib/maps.h"
#include "lib/service.h"

struct selection {
	__be32 address[WG_ADDRESS_WORDS];
	__be16 port;
	__u16 is_local;
	__u32 backend;
};

WG_INLINE int select_is_local_only(const struct wg_service *service, __u32 frontend_flags)
{
	const __u32 bit = frontend_flags & WG_FRONTEND_EXTERNAL ? WG_SERVICE_EXTERNAL_LOCAL : WG_SERVICE_INTERNAL_LOCAL;

	return (service->flags & bit) != 0;
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
	return 0;
}

/* 0 and `chosen`, or the negative reason why nobody serves. One load of the set word decides: no half-changed set. */
WG_INLINE int select_backend(const struct frontend_hit *frontend, struct selection *chosen)
{
	__u32 index = frontend->service;
	struct wg_service *service = bpf_map_lookup_elem(&services, &index);
	struct wg_slot *slot;
	int is_local_only;
	__u64 set;
	__u32 count, place;

	if (!service)
		return -WG_REASON_NO_ENDPOINTS;
	is_local_only = select_is_local_only(service, frontend->flags);
	set = is_local_only ? LOAD(service->local_set) : LOAD(service->cluster_set);
	count = wg_set_count(set);
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

/* Does the backend still serve this service under this address and port? For UDP, which must leave a dead one (K-120).
 */
WG_INLINE int backend_still_serves(__u32 id, __u32 service_index, __u32 words, const __u32 *address, __be16 port)
{
	struct wg_backend *backend = bpf_map_lookup_elem(&backends, &id);

	if (!backend || backend->service != service_index || backend->port != port)
		return 0;
	if (backend->state != WG_BACKEND_ACTIVE && backend->state != WG_BACKEND_TERMINATING)
		return 0;
	return same_address(words, backend->address, address);
}

WG_INLINE __u32 backend_service(__u32 id)
{
	struct wg_backend *backend = bpf_map_lookup_elem(&backends, &id);

	return backend ? backend->service : 0;
}
