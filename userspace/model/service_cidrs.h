// SPDX-License-Identifier: Apache-2.0
// The cluster's service addresses: the union of all ServiceCIDR objects (contract I-70). Pure. Kept by State, told to
// the programs by the agent.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "model/address.h"

namespace waggle {

class State;

// By Family; sorted, without those that lie in others, and without those that cannot be meant: what is dropped in them
// would cut a node off.
using ServiceCidrs = std::array<std::vector<Cidr>, 2>;
ServiceCidrs service_cidrs(const State& state);

// Those that cannot be meant: they hold every address, a node's, or pods' of a node whose object is known. A sentence
// each, which begins with the object.
std::vector<std::string> impossible_cidrs(const State& state);

// Which addresses services may have, as far as ServiceCIDRs tell.
struct ServiceRanges {
  ServiceCidrs cidrs;
  std::array<bool, 2> known{};  // by Family: there are ServiceCIDRs, whether they can be meant or not

  bool operator==(const ServiceRanges&) const = default;
  // Where none is known, every address may be a service's.
  [[nodiscard]] bool may_hold(const IpAddress& address) const;
};
ServiceRanges service_ranges(const State& state);

}  // namespace waggle
