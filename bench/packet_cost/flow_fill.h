// SPDX-License-Identifier: Apache-2.0
// Puts established flows into the product's tables and into the LRU hash, from user space: numbers first .. last - 1 of
// bench_flow.h, as the programs would have put them there. Borrowed by Rig.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "packet_cost/map_set.h"
#include "packet_cost/service_tables.h"
#include "waggle/abi/hash.h"

namespace waggle {

struct FlowRange {
  uint32_t first;
  uint32_t last;
};

struct FillRequest {
  wg_family family;
  wg_hash_key key;
  uint8_t protocol;
  bool snat;      // source rewritten to BENCH_NODE:node port, with a reservation for each flow
  uint32_t seen;  // jiffies
};

// Answers how many of them found a free slot.
Result<uint32_t> fill_flows(const MapSet& maps, const ServiceTables& services, const FillRequest& request,
                            const FlowRange& range);
// Every entry was last seen at request.seen.
Result<void> set_seen(const MapSet& maps, const FillRequest& request);
Result<void> fill_lru(const MapSet& maps, const FillRequest& request, const FlowRange& range);

}  // namespace waggle
