// SPDX-License-Identifier: Apache-2.0
#include "node/uplinks.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

namespace waggle {
namespace {

// Kinds that are never the way out of a node unless the Node object or a route says so. Hardware has no kind; the eth0
// of a node that is itself a container is a veth.
constexpr std::array<std::string_view, 7> kInnerKinds{"bridge", "dummy", "ifb", "tun", "openvswitch", "nlmon", "vcan"};

bool has_source(const Interface& link) {
  return link.primary_address(Family::kIpv4).has_value() || link.primary_address(Family::kIpv6).has_value();
}

bool owns_any(const Interface& link, const std::vector<IpAddress>& addresses) {
  return std::ranges::any_of(link.addresses, [&addresses](const InterfaceAddress& own) {
    return std::ranges::find(addresses, own.address) != addresses.end();
  });
}

bool looks_like_uplink(const Interface& link) {
  return link.up && has_source(link) && std::ranges::find(kInnerKinds, link.kind) == kInnerKinds.end();
}

// Default routes of /proc/net/route: interface, destination and gateway in hexadecimal, five numbers, mask.
void add_ipv4(std::istream& table, std::set<std::string>& devices) {
  std::string line;
  std::getline(table, line);  // titles
  while (std::getline(table, line)) {
    std::istringstream words(line);
    std::string device, destination, mask, skipped;
    words >> device >> destination;
    for (int i = 0; i < 5; ++i) words >> skipped;
    words >> mask;
    if (words && destination == "00000000" && mask == "00000000") devices.insert(device);
  }
}

// Default routes of /proc/net/ipv6_route: destination, its length, ..., flags, interface. An unreachable default is
// always there, on lo.
void add_ipv6(std::istream& table, std::set<std::string>& devices) {
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::string destination, length, device, skipped;
    words >> destination >> length;
    for (int i = 0; i < 7; ++i) words >> skipped;
    words >> device;
    if (words && length == "00" && destination == std::string(32, '0') && device != "lo") devices.insert(device);
  }
}

}  // namespace

bool is_overlay(const Interface& link) { return link.kind == "vxlan" || link.kind == "geneve"; }

std::set<std::string> choose_uplinks(const NodeInterfaces& interfaces, const std::vector<IpAddress>& node_addresses,
                                     const std::set<std::string>& default_route_devices,
                                     const std::vector<std::string>& pod_interfaces) {
  std::set<std::string> known;
  std::set<std::string> likely;
  std::set<std::string> overlays;
  for (const auto& [index, link] : interfaces.all()) {
    if (!link.ethernet || link.loopback) continue;
    if (owns_any(link, node_addresses) || default_route_devices.contains(link.name))
      known.insert(link.name);
    else if (matches_any(pod_interfaces, link.name))
      continue;
    else if (is_overlay(link))
      overlays.insert(link.name);
    else if (looks_like_uplink(link))
      likely.insert(link.name);
  }
  std::set<std::string> chosen = known.empty() ? std::move(likely) : std::move(known);
  chosen.merge(overlays);
  return chosen;
}

std::set<std::string> default_route_devices(const std::string& proc_net) {
  std::set<std::string> devices;
  std::ifstream ipv4(proc_net + "/route");
  add_ipv4(ipv4, devices);
  std::ifstream ipv6(proc_net + "/ipv6_route");
  add_ipv6(ipv6, devices);
  return devices;
}

}  // namespace waggle
