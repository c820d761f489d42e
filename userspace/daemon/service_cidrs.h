// SPDX-License-Identifier: Apache-2.0
// The cluster's service addresses as the programs know them: the union of all ServiceCIDR objects (contract I-70).
// Pure. Used by the agent.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "model/state.h"

namespace waggle {

// By Family; sorted, without those that lie in others.
using ServiceCidrs = std::array<std::vector<Cidr>, 2>;
ServiceCidrs service_cidrs(const State& state);

// There are more than the programs have room for: which are left out. Empty: none is.
std::string service_cidr_problem(const ServiceCidrs& cidrs);

}  // namespace waggle
