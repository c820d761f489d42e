// SPDX-License-Identifier: Apache-2.0
#include "model/service_cidrs.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "model/state.h"

namespace waggle {
namespace {

bool lies_in(const Cidr& inner, const Cidr& outer) {
  return outer.prefix_length <= inner.prefix_length && outer.contains(inner.address);
}

// The widest first, so that none that is kept lies in one that comes later.
std::vector<Cidr> without_nested(std::vector<Cidr> cidrs) {
  std::ranges::stable_sort(cidrs, {}, &Cidr::prefix_length);
  std::vector<Cidr> kept;
  for (const Cidr& cidr : cidrs) {
    const auto covers = [&cidr](const Cidr& other) { return lies_in(cidr, other); };
    if (std::ranges::none_of(kept, covers)) kept.push_back(cidr);
  }
  std::ranges::sort(kept);
  return kept;
}

bool overlap(const Cidr& one, const Cidr& other) { return lies_in(one, other) || lies_in(other, one); }

std::optional<std::string> clash_with(const Cidr& cidr, const Node& node) {
  for (const IpAddress& address : node.addresses) {
    if (cidr.contains(address)) return fmt::format("holds {}, an address of node {}", address.text(), node.name);
  }
  for (const Cidr& pods : node.pod_cidrs) {
    if (overlap(cidr, pods)) return fmt::format("overlaps {}, the pods of node {}", pods.text(), node.name);
  }
  return std::nullopt;
}

// Why a range cannot be one of service addresses.
std::optional<std::string> clash(const Cidr& cidr, const State& state) {
  if (cidr.prefix_length == 0) return "holds every address there is";
  for (const auto& [name, node] : state.nodes()) {
    if (auto words = clash_with(cidr, node)) return words;
  }
  return std::nullopt;
}

}  // namespace

ServiceCidrs service_cidrs(const State& state) {
  ServiceCidrs cidrs;
  for (const auto& [name, object] : state.service_cidrs()) {
    for (const Cidr& cidr : object.cidrs) {
      if (!clash(cidr, state)) cidrs[static_cast<size_t>(cidr.address.family)].push_back(cidr);
    }
  }
  for (auto& of_family : cidrs) of_family = without_nested(std::move(of_family));
  return cidrs;
}

std::vector<std::string> impossible_cidrs(const State& state) {
  std::vector<std::string> problems;
  for (const auto& [name, object] : state.service_cidrs()) {
    for (const Cidr& cidr : object.cidrs) {
      if (const auto words = clash(cidr, state))
        problems.push_back(
            fmt::format("ServiceCIDR {}: {} {}; it does not count: correct or delete it", name, cidr.text(), *words));
    }
  }
  return problems;
}

bool ServiceRanges::may_hold(const IpAddress& address) const {
  const auto family = static_cast<size_t>(address.family);
  return !known[family] ||
         std::ranges::any_of(cidrs[family], [&address](const Cidr& cidr) { return cidr.contains(address); });
}

ServiceRanges service_ranges(const State& state) {
  ServiceRanges ranges{.cidrs = service_cidrs(state)};
  for (const auto& [name, object] : state.service_cidrs()) {
    for (const Cidr& cidr : object.cidrs) ranges.known[static_cast<size_t>(cidr.address.family)] = true;
  }
  return ranges;
}

}  // namespace waggle
