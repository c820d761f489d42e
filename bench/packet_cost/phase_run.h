// SPDX-License-Identifier: Apache-2.0
// One phase for one family: make the rig, fill it, measure the phase's cases, as often as there are loads.
#pragma once

#include <vector>

#include "packet_cost/options.h"
#include "packet_cost/report.h"

namespace waggle {

// Answers nothing if the options leave out all of its cases.
Result<std::vector<ResultRow>> run_phase(const Options& options, const Phase& phase, wg_family family,
                                         uint32_t uplink_ifindex);

}  // namespace waggle
