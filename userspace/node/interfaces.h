// SPDX-License-Identifier: Apache-2.0
// The network interfaces of the node's network namespace and their addresses, as plain values. Filled by a NodeWatch,
// read by the agent.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/address.h"

namespace waggle {

struct InterfaceAddress {
  IpAddress address;
  uint8_t prefix_length = 0;
  uint8_t scope = 0;   // RT_SCOPE_*; 0 is global
  uint32_t flags = 0;  // IFA_F_*

  bool operator==(const InterfaceAddress&) const = default;

  // May stand as the source of packets that leave the node: global, not secondary, tentative, deprecated or temporary.
  [[nodiscard]] bool usable_as_source() const;
};

struct Interface {
  uint32_t index = 0;  // ifindex
  std::string name;
  std::string kind;     // "veth", "bridge", "vxlan" ...; "" for hardware
  uint32_t master = 0;  // ifindex of the bridge (bond, VRF) it is a port of; 0: none
  uint32_t mtu = 0;     // bytes
  bool up = false;      // administratively
  bool ethernet = false;
  bool loopback = false;
  std::vector<InterfaceAddress> addresses;  // as the kernel lists them

  bool operator==(const Interface&) const = default;

  [[nodiscard]] std::optional<IpAddress> primary_address(Family family) const;
};

class NodeInterfaces {
 public:
  [[nodiscard]] const std::map<uint32_t, Interface>& all() const { return by_index_; }
  [[nodiscard]] const Interface* find(uint32_t index) const;
  [[nodiscard]] const Interface* find(std::string_view name) const;
  [[nodiscard]] bool owns(const IpAddress& address) const;  // some interface has it

  // Each answers whether anything changed. put() keeps the addresses known so far.
  bool put(Interface interface);
  bool remove(uint32_t index);
  bool put_address(uint32_t index, const InterfaceAddress& address);
  bool remove_address(uint32_t index, const InterfaceAddress& address);

 private:
  std::map<uint32_t, Interface> by_index_;
};

// Names or globs (fnmatch: '*', '?', '[...]') as given on the command line.
[[nodiscard]] bool matches_any(const std::vector<std::string>& patterns, std::string_view name);
[[nodiscard]] bool is_glob(std::string_view pattern);

}  // namespace waggle
