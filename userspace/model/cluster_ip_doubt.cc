// SPDX-License-Identifier: Apache-2.0
#include "model/cluster_ip_doubt.h"

#include <fmt/format.h>

#include <algorithm>

namespace waggle {
namespace {

bool is_listed(const std::vector<IpAddress>& addresses, const IpAddress& address) {
  return std::ranges::find(addresses, address) != addresses.end();
}

// Looks through everything, so it is for addresses that some host almost certainly has.
std::optional<std::string> holder_words(const State& state, const IpAddress& address) {
  for (const auto& [name, node] : state.nodes()) {
    if (is_listed(node.addresses, address)) return fmt::format("is an address of node {}", name);
  }
  if (is_listed(state.own_addresses(), address)) return "is an address of a link of this node";
  for (const auto& [name, slice] : state.slices()) {
    const auto has_it = [&address](const Endpoint& endpoint) { return endpoint.address == address; };
    if (std::ranges::any_of(slice.endpoints, has_it))
      return fmt::format("is the address of an endpoint, in EndpointSlice {}", name.text());
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> cluster_ip_doubt(const State& state, const IpAddress& cluster_ip) {
  if (!state.ranges().may_hold(cluster_ip)) return "lies in no ServiceCIDR that counts";
  return state.may_be_hosts(cluster_ip) ? holder_words(state, cluster_ip) : std::nullopt;
}

}  // namespace waggle
