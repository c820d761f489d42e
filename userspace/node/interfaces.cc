// SPDX-License-Identifier: Apache-2.0
#include "node/interfaces.h"

#include <fnmatch.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <algorithm>

namespace waggle {
namespace {

auto same_address(const InterfaceAddress& wanted) {
  return [&wanted](const InterfaceAddress& other) {
    return other.address == wanted.address && other.prefix_length == wanted.prefix_length;
  };
}

}  // namespace

bool InterfaceAddress::usable_as_source() const {
  // IFA_F_SECONDARY and IFA_F_TEMPORARY are one bit: a second IPv4 address of a subnet, a privacy address of IPv6.
  constexpr uint32_t kUnusable = IFA_F_SECONDARY | IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED;
  return scope == RT_SCOPE_UNIVERSE && (flags & kUnusable) == 0;
}

std::optional<IpAddress> Interface::primary_address(Family family) const {
  const auto found = std::ranges::find_if(addresses, [family](const InterfaceAddress& candidate) {
    return candidate.address.family == family && candidate.usable_as_source();
  });
  if (found == addresses.end()) return std::nullopt;
  return found->address;
}

const Interface* NodeInterfaces::find(uint32_t index) const {
  const auto found = by_index_.find(index);
  return found == by_index_.end() ? nullptr : &found->second;
}

const Interface* NodeInterfaces::find(std::string_view name) const {
  const auto found = std::ranges::find_if(by_index_, [name](const auto& entry) { return entry.second.name == name; });
  return found == by_index_.end() ? nullptr : &found->second;
}

bool NodeInterfaces::owns(const IpAddress& address) const {
  return std::ranges::any_of(by_index_, [&address](const auto& entry) {
    return std::ranges::any_of(entry.second.addresses,
                               [&address](const InterfaceAddress& own) { return own.address == address; });
  });
}

bool NodeInterfaces::put(Interface interface) {
  Interface& known = by_index_[interface.index];
  interface.addresses = std::move(known.addresses);
  const bool changed = known.index == 0 || [&] {
    known.addresses = interface.addresses;
    return known != interface;
  }();
  known = std::move(interface);
  return changed;
}

bool NodeInterfaces::remove(uint32_t index) { return by_index_.erase(index) > 0; }

bool NodeInterfaces::put_address(uint32_t index, const InterfaceAddress& address) {
  const auto found = by_index_.find(index);
  if (found == by_index_.end()) return false;
  auto& addresses = found->second.addresses;
  const auto known = std::ranges::find_if(addresses, same_address(address));
  if (known == addresses.end()) {
    addresses.push_back(address);
    return true;
  }
  if (*known == address) return false;
  *known = address;
  return true;
}

bool NodeInterfaces::remove_address(uint32_t index, const InterfaceAddress& address) {
  const auto found = by_index_.find(index);
  return found != by_index_.end() && std::erase_if(found->second.addresses, same_address(address)) > 0;
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view name) {
  const std::string text(name);
  return std::ranges::any_of(
      patterns, [&text](const std::string& pattern) { return fnmatch(pattern.c_str(), text.c_str(), 0) == 0; });
}

bool is_glob(std::string_view pattern) { return pattern.find_first_of("*?[") != std::string_view::npos; }

}  // namespace waggle
