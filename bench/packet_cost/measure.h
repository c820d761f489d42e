// SPDX-License-Identifier: Apache-2.0
// Measures one case: all contestants behind their wrappers, in interleaved rounds, after checking that each of them
// really does what the case says.
#pragma once

#include <vector>

#include "packet_cost/cases.h"
#include "packet_cost/rig.h"

namespace waggle {

// Per round, CPU nanoseconds a packet, the test loop included.
struct Rounds {
  std::vector<double> bare;   // the empty program without a wrapper: the test loop
  std::vector<double> empty;  // the empty program behind the wrapper: what to take off
  std::vector<double> product;
  std::vector<double> floor;  // with Feature::kPlain only, and so is the next
  std::vector<double> lru;
};

struct MeasureRequest {
  Case test;
  Feature feature;
  wg_family family;
  uint32_t first_flow;
  uint32_t flows;  // power of two
  unsigned rounds;
  uint32_t repeats;
};

Result<Rounds> measure_case(const Rig& rig, const MeasureRequest& request);

}  // namespace waggle
