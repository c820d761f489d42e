// SPDX-License-Identifier: Apache-2.0
// Passes over the pinned flow tables, and the lookups a sweep needs. Used inside dataplane/ only, by Dataplane::sweep
// and TableReader.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/result.h"
#include "dataplane/dataplane.h"
#include "dataplane/flow_sweep.h"
#include "dataplane/mapping.h"
#include "dataplane/pinned_maps.h"

namespace waggle {

// Calls visit for a verified copy of every flow.
Result<void> visit_flows(const PinnedMaps& maps, FlowTable table, const FlowVisitor& visit);

// What one pass does with each flow: answers true to free it.
using FlowJudge = std::function<bool(const FlowCopy&)>;
// As visit_flows, and frees what the judge says; counts both. Parks the spilled bits and answers their buckets.
Result<FlowOccupancy> sweep_table(const PinnedMaps& maps, FlowTable table, const FlowJudge& expired,
                                  std::vector<uint32_t>& parked);
// Clears the parked bits of these buckets, which no flow in `flow_spill` belongs to.
Result<void> clear_parked_bits(const PinnedMaps& maps, FlowTable table, const std::vector<uint32_t>& buckets);

// Finds where a frontend stands in its table. Owned by one sweep.
class FrontendPositions {
 public:
  static Result<FrontendPositions> open(const PinnedMaps& maps);
  // Position (bucket * WG_FRONTEND_WAYS + way), or nothing if no entry, live or tombstone, has this key.
  [[nodiscard]] std::optional<uint32_t> find(wg_family family, const std::array<uint32_t, WG_ADDRESS_WORDS>& address,
                                             __be16 port, uint8_t protocol) const;

 private:
  wg_hash_key key_{};
  Mapping frontends4_;
  Mapping frontends6_;
};

}  // namespace waggle
