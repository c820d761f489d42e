/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Every table of the programs. The sizes here are placeholders: the loader sets the real ones before it creates or
 * adopts the pinned maps, and the masks in `settings` to match. What a table holds is said in include/waggle/abi/.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include <waggle/abi/affinity.h>
#include <waggle/abi/backend.h>
#include <waggle/abi/counter.h>
#include <waggle/abi/flow.h>
#include <waggle/abi/fragment.h>
#include <waggle/abi/frontend.h>
#include <waggle/abi/gate.h>
#include <waggle/abi/service.h>
#include <waggle/abi/settings.h>
#include <waggle/abi/sock.h>
#include <waggle/abi/source_range.h>

/* The only variable in .rodata beside constant tables; the loader fills it in before the load. Native tests fill it in
 * by hand. */
#ifndef WG_SETTINGS_QUALIFIER
#define WG_SETTINGS_QUALIFIER const volatile
#endif
WG_SETTINGS_QUALIFIER struct wg_settings settings = {};

static inline __attribute__((always_inline)) struct wg_hash_key settings_hash_key(void)
{
	struct wg_hash_key key = {.k0 = settings.hash_key.k0, .k1 = settings.hash_key.k1};

	return key;
}

#define WG_ARRAY(name, value_type, extra_flags)                                                                        \
	struct {                                                                                                       \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                                      \
		__uint(max_entries, 16);                                                                               \
		__uint(map_flags, extra_flags);                                                                        \
		__type(key, __u32);                                                                                    \
		__type(value, value_type);                                                                             \
	} name SEC(".maps")

WG_ARRAY(frontends4, struct wg_frontend_bucket4, BPF_F_MMAPABLE);
WG_ARRAY(frontends6, struct wg_frontend_bucket6, BPF_F_MMAPABLE);
WG_ARRAY(services, struct wg_service, BPF_F_MMAPABLE);
WG_ARRAY(slots, struct wg_slot, BPF_F_MMAPABLE);
WG_ARRAY(backends, struct wg_backend, BPF_F_MMAPABLE);
WG_ARRAY(frontend_gate, __u64, BPF_F_MMAPABLE);
WG_ARRAY(reply_gate, __u64, BPF_F_MMAPABLE);
WG_ARRAY(flows4, struct wg_flow_bucket4, BPF_F_MMAPABLE);
WG_ARRAY(flows6, struct wg_flow_bucket6, BPF_F_MMAPABLE);
WG_ARRAY(snat4, struct wg_snat_bucket4, BPF_F_MMAPABLE);
WG_ARRAY(snat6, struct wg_snat_bucket6, BPF_F_MMAPABLE);
WG_ARRAY(snat_turns, __u32, 0);
WG_ARRAY(nexthops, struct wg_nexthop, 0);
WG_ARRAY(control, struct wg_control, BPF_F_MMAPABLE);

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16);
	__type(key, struct wg_spill_key);
	__type(value, struct wg_spill_value);
} flow_spill SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16);
	__type(key, struct wg_sock_key);
	__type(value, struct wg_sock_value);
} sock_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16);
	__type(key, struct wg_affinity_key);
	__type(value, struct wg_affinity_value);
} affinity SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16);
	__type(key, struct wg_fragment_key);
	__type(value, struct wg_fragment_value);
} fragments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wg_source_range_key);
	__type(value, struct wg_source_range_value);
} source_ranges SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct wg_service_counter);
} service_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WG_REASON_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} reason_counters SEC(".maps");
