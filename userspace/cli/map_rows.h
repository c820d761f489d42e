// SPDX-License-Identifier: Apache-2.0
// Decoded rows of the tables that are not the planner's, for `waggle map dump`. Pure: the command reads, tests make
// contents up. The hash key in `meta` is not shown: who knows it can aim at a bucket.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "cli/catalog.h"
#include "cli/interface_names.h"
#include "cli/output.h"
#include "dataplane/flow_sweep.h"
#include "plan/dump.h"
#include "waggle/abi/affinity.h"
#include "waggle/abi/counter.h"
#include "waggle/abi/fragment.h"
#include "waggle/abi/settings.h"
#include "waggle/abi/sock.h"

namespace waggle::cli {

Listing meta_table(const wg_meta& meta);
Listing control_table(const wg_control& control, const InterfaceNames& names);
Listing nexthop_table(std::span<const wg_nexthop> nexthops, const InterfaceNames& names);
Listing spill_table(std::span<const std::pair<wg_spill_key, wg_spill_value>> entries);
Listing sock_table(std::span<const std::pair<wg_sock_key, wg_sock_value>> entries, const Catalog& catalog);
Listing affinity_table(std::span<const std::pair<wg_affinity_key, wg_affinity_value>> entries, const Catalog& catalog,
                       uint32_t now, uint32_t hz);
Listing fragment_table(std::span<const std::pair<wg_fragment_key, wg_fragment_value>> entries, uint32_t now,
                       uint32_t hz);
// Counters that are not zero; index of `counts`: reason * WG_HOOK_COUNT + hook.
Listing reason_table(std::span<const uint64_t> counts);

// Of all hooks together.
uint64_t reason_total(std::span<const uint64_t> counts, wg_reason reason);

// flows4 and flows6 as they are stored; an IPv6 frontend is a position.
std::vector<Column> stored_flow_columns();
Row stored_flow_row(const FlowCopy& flow, uint32_t now, uint32_t hz);
// snat4 and snat6
std::vector<Column> reservation_columns();
Row reservation_row(const FlowCopy& flow, uint32_t now, uint32_t hz);

std::vector<Column> service_counter_columns();
Row service_counter_row(const ServiceView& service, const wg_service_counter& counter);

// Tables the planner decodes into text. A field that can only hold a number becomes one.
Listing decoded_listing(std::span<const waggle::Row> rows);

// What the programs did with packets of a reason: "dropped", "rejected", "left alone", or "noted" for the rest.
std::string_view reason_effect(wg_reason reason);
std::string_view reason_name(wg_reason reason);
std::string_view reason_meaning(wg_reason reason);

}  // namespace waggle::cli
