// SPDX-License-Identifier: Apache-2.0
// The sweep itself, behind Dataplane::sweep. Used inside dataplane/ only.
#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"
#include "dataplane/dataplane.h"
#include "dataplane/flow_sweep.h"
#include "dataplane/pinned_maps.h"

namespace waggle {

struct SweepSettings {
  FlowLifetimes lifetimes_s{};
  uint32_t now = 0;  // jiffies
  uint32_t hz = 1;
};

// wait_for_programs: returns when every run of a program that began before has ended; called only if a bucket has its
// spilled bit up.
using WaitForPrograms = std::function<Result<void>()>;
Result<SweepResult> sweep_flows(const PinnedMaps& maps, const SweepSettings& settings, const SweepRequest& request,
                                const WaitForPrograms& wait_for_programs);

}  // namespace waggle
