// SPDX-License-Identifier: Apache-2.0
// The cluster's service addresses as the programs know them: the union of all ServiceCIDR objects (contract I-70).
// Pure. Used by the agent.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "model/state.h"

namespace waggle {

// By Family; sorted, without those that lie in others, and without those that cannot be meant: what is dropped in them
// would cut a node off.
using ServiceCidrs = std::array<std::vector<Cidr>, 2>;
ServiceCidrs service_cidrs(const State& state);

// Those that cannot be meant: they hold every address, a node's, or pods' of a node whose object is known. A sentence
// each, which begins with the object.
std::vector<std::string> impossible_cidrs(const State& state);

// There are more than the programs have room for: which are left out. Empty: none is.
std::string service_cidr_problem(const ServiceCidrs& cidrs);

}  // namespace waggle
