// SPDX-License-Identifier: Apache-2.0
// Random histories for the reference model: objects that the API server would take, in all the combinations that matter
// (policies, terminating, hints, duplicates, conflicting owners, two families), and packets that mostly concern them.
// Addresses are those of private_node.h's network. A seed repeats a run.
#pragma once

#include <random>

#include "support/reference/scenario.h"

namespace waggle::reference {

// What is generated.
struct Features {
  bool external_ips = true;
  bool node_ports = true;
  bool source_ranges = true;
  bool affinity = true;
  bool sctp = true;
  bool unknown_ports = true;  // packets to ports and addresses that no service has
  // Not for real packets:
  bool scattered_nodes = false;   // endpoints' nodes have nothing to do with their addresses
  bool shared_addresses = false;  // nodes and endpoints may have ClusterIPs
};

class Generator {
 public:
  Generator(uint64_t seed, Features features) : random_(seed), features_(features) {}

  Settings settings();
  Event event();
  // A client's or a backend's packet; half of them go on with flows that the model knows.
  PacketStep packet(const Model& model);
  // Long enough that some flows and memories are too old after it, and none just so.
  Pause pause();
  Call call(const Model& model);
  // Someone who opens a new flow.
  Source source(Family family);

  bool one_in(uint32_t n) { return below(n) == 0; }
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }

 private:
  ObjectName name();
  Service service();
  void add_addresses(Service& service);
  void add_ports(Service& service);
  void add_outside(Service& service);
  void add_ranges(Service& service);
  EndpointSlice slice();
  Endpoint endpoint(Family family);
  Node node();
  Event service_cidr();
  PacketStep new_packet(const Model& model);
  PacketStep later_packet(const Model& model);
  AddressPort destination(const Model& model, Family family, Protocol protocol);
  Family family() { return one_in(3) ? Family::kIpv6 : Family::kIpv4; }
  Protocol protocol();

  template <typename Container>
  const auto& one_of(const Container& choices) {
    return *std::next(std::begin(choices), below(static_cast<uint32_t>(std::size(choices))));
  }

  std::mt19937_64 random_;
  Features features_;
};

}  // namespace waggle::reference
