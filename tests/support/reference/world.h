// SPDX-License-Identifier: Apache-2.0
// What the reference model knows: the objects, this node, and the settings. Plain values, no planner, no tables. Owned
// by a Model or a test.
#pragma once

#include <array>
#include <compare>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/state.h"

namespace waggle::reference {

struct AddressPort {
  IpAddress address;
  uint16_t port = 0;  // host byte order

  auto operator<=>(const AddressPort&) const = default;
  [[nodiscard]] std::string text() const { return address_port_text(address, port); }
};

// How local pods are told from others (contract K-61).
enum class Detector : uint8_t { kNone, kLinks, kCidr, kEveryLink };

struct Settings {
  bool snat_always = false;      // as kube-proxy masquerades, instead of only where it is needed
  bool masquerade_all = false;   // K-57
  bool answer_ping = true;       // K-86
  bool reject_unknown = true;    // K-85
  bool drop_unallocated = true;  // K-87
  Detector detector = Detector::kNone;
  std::array<std::optional<Cidr>, 2> pod_cidr = {};  // by family, for kCidr

  bool operator==(const Settings&) const = default;
};

struct ThisNode {
  std::string name = "node1";
  std::vector<IpAddress> addresses = {};            // on its links
  std::vector<IpAddress> node_port_addresses = {};  // those that accept node ports (K-40..K-45)
  std::vector<IpAddress> node_ips = {};             // as the Node object lists them (I-61)

  [[nodiscard]] bool has(const IpAddress& address) const;
};

// One service port as one family sees it.
struct PortKey {
  ObjectName service;
  std::string port;
  Protocol protocol = Protocol::kTcp;
  Family family = Family::kIpv4;

  auto operator<=>(const PortKey&) const = default;
  [[nodiscard]] std::string text() const;
};

struct World {
  Settings settings = {};
  ThisNode node = {};
  std::map<ObjectName, Service> services = {};
  std::map<ObjectName, EndpointSlice> slices = {};
  std::map<std::string, ServiceCidr> service_cidrs = {};
  std::string zone = {};  // of this node's Node object; stays when that is deleted (I-64)

  void apply(const Event& event);
  // The service and its port that a key names, if we serve them in that family (I-20, I-21).
  [[nodiscard]] const Service* served(const PortKey& key) const;
  [[nodiscard]] static const ServicePort* port_of(const Service& service, const PortKey& key);
};

// Contract I-20: neither another proxy's nor headless nor ExternalName.
bool is_ours(const Service& service);
std::optional<IpAddress> cluster_ip_of(const Service& service, Family family);

}  // namespace waggle::reference
