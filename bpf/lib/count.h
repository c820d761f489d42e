/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Counters: plain additions on this CPU's own copy. The including program says which hook it is (WG_THIS_HOOK).
 */
#pragma once

#include "lib/compiler.h"
#include "lib/maps.h"

WG_INLINE void count_reason(__u32 reason)
{
	__u32 index = reason * WG_HOOK_COUNT + WG_THIS_HOOK;
	__u64 *counter = bpf_map_lookup_elem(&reason_counters, &index);

	if (counter)
		*counter += 1;
}

WG_INLINE void count_new_flow(__u32 service)
{
	struct wg_service_counter *counter = bpf_map_lookup_elem(&service_counters, &service);

	if (counter)
		counter->new_flows += 1;
}

WG_INLINE void count_request(__u32 service, __u32 bytes)
{
	struct wg_service_counter *counter = bpf_map_lookup_elem(&service_counters, &service);

	if (!counter)
		return;
	counter->request_packets += 1;
	counter->request_bytes += bytes;
}

WG_INLINE void count_reply(__u32 service, __u32 bytes)
{
	struct wg_service_counter *counter = bpf_map_lookup_elem(&service_counters, &service);

	if (!counter)
		return;
	counter->reply_packets += 1;
	counter->reply_bytes += bytes;
}
