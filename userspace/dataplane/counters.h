// SPDX-License-Identifier: Apache-2.0
// Sums of the per-CPU counters. Used by Dataplane and TableReader.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "dataplane/pinned_maps.h"
#include "waggle/abi/counter.h"

namespace waggle {

Result<wg_service_counter> read_service_counter(const PinnedMaps& maps, uint32_t service);
Result<std::vector<uint64_t>> read_reason_counters(const PinnedMaps& maps);

}  // namespace waggle
