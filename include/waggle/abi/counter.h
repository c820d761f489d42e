/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 * Tables `service_counters` (per-CPU array, index = service) and `reason_counters` (per-CPU array, index =
 * reason * WG_HOOK_COUNT + hook). Plain additions on the CPU's own copy; readers add the copies up.
 */
#pragma once

#include <waggle/abi/reason.h>
#include <waggle/abi/types.h>

enum wg_hook {
	WG_HOOK_TC = 0,
	WG_HOOK_XDP = 1,
	WG_HOOK_SOCKET = 2,
	WG_HOOK_COUNT = 3,
};

struct wg_service_counter {
	__u64 request_packets;
	__u64 request_bytes;
	__u64 reply_packets;
	__u64 reply_bytes;
	__u64 new_flows; /* flows opened by TC or XDP, and connections made by the socket hooks */
};

#define WG_REASON_COUNTERS ((__u32)WG_REASON_COUNT * (__u32)WG_HOOK_COUNT)
