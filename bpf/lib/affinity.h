/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Session affinity ClientIP: a client's new flows get the backend its last one got (contract K-62 to K-70). Asked only
 * for services that have a timeout, by open.h with the packet's source as client and by sock.h with the socket's
 * network namespace, because a socket that connects has no source address yet.
 */
#pragma once

#include "lib/compiler.h"
#include "lib/maps.h"
#include "lib/select.h"

WG_INLINE void affinity_key_start(struct wg_affinity_key *key, __u32 service_index, const struct wg_service *service,
				  __u32 kind)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->service = service_index;
	key->epoch = service->affinity_epoch;
	key->kind = kind;
}

/* 1 and `chosen`: the client's last backend, if it was not too long ago and still stands in the set in use (K-64). */
WG_INLINE int affinity_recall(const struct wg_affinity_key *key, const struct wg_service *service, int is_local_only,
			      struct selection *chosen)
{
	const __u32 set = is_local_only ? WG_BACKEND_IN_LOCAL : WG_BACKEND_IN_CLUSTER;
	const struct wg_affinity_value *last = bpf_map_lookup_elem(&affinity, key);
	struct wg_backend *backend;
	__u32 id;

	if (!last || (__u32)bpf_jiffies64() - last->seen >= service->affinity_timeout_s * settings.hz)
		return 0;
	id = last->backend;
	backend = bpf_map_lookup_elem(&backends, &id);
	if (!backend || backend->generation != last->generation || !select_serves(backend) ||
	    !(LOAD(backend->flags) & set))
		return 0;
	return select_read(id, key->service, chosen) == 0;
}

/* Every new flow starts the client's time anew (K-65). */
WG_INLINE void affinity_remember(const struct wg_affinity_key *key, const struct selection *chosen)
{
	struct wg_affinity_value value = {.backend = chosen->backend, .generation = chosen->generation};

	value.seen = bpf_jiffies64();
	bpf_map_update_elem(&affinity, key, &value, BPF_ANY);
}
