// SPDX-License-Identifier: Apache-2.0
// Random histories: whatever happened before, the tables say what a fresh planner would say about the same objects,
// every write in between leaves them whole, and a restart at any point changes nothing.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <array>
#include <cstdlib>
#include <random>

#include "support/plan_rig.h"

namespace waggle {
namespace {

unsigned chosen_seed() {
  if (const char* seed = std::getenv("WAGGLE_SEED")) return static_cast<unsigned>(std::strtoul(seed, nullptr, 10));
  return std::random_device{}();
}

class RandomObjects {
 public:
  explicit RandomObjects(unsigned seed) : random_(seed) {}

  bool chance(unsigned one_in) { return random_() % one_in == 0; }
  unsigned below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }

  Event event() {
    switch (below(8)) {
      case 0:
        return Deletion{ObjectKind::kService, name()};
      case 1:
        return Deletion{ObjectKind::kEndpointSlice, slice_name(name())};
      case 2:
        return node();
      case 3:
      case 4:
        return service();
      default:
        return slice();
    }
  }

  NodeAddresses node_addresses() {
    NodeAddresses addresses;
    for (const char* text : {"203.0.113.0", "203.0.113.1", "192.168.0.2", "2001:db8::1", "fd00:168::2"}) {
      if (chance(2)) addresses.node_port_addresses.push_back(*IpAddress::parse(text));
    }
    for (const char* text : {"192.168.0.2", "10.1.0.1", "fd00:168::2"}) {
      if (chance(2)) addresses.node_ips.push_back(*IpAddress::parse(text));
    }
    return addresses;
  }

  FlowReferences references() {
    FlowReferences references;
    for (auto* bits : {&references.backends, &references.frontends4, &references.frontends6}) {
      bits->resize(256);
      for (size_t index = 0; index < bits->size(); ++index) (*bits)[index] = chance(3);
    }
    return references;
  }

 private:
  ObjectName name() { return {"ns", fmt::format("s{}", below(6))}; }
  ObjectName slice_name(const ObjectName& owner) {
    return {owner.name_space, fmt::format("{}-{}", owner.name, below(3))};
  }

  Service service() {
    const ObjectName called = name();
    const unsigned number = called.name[1] - '0' + 1u;
    Service service = service_object("ns/" + called.name, {}, {});
    // Now and then another one's address: contested cluster addresses too.
    const unsigned address = chance(6) ? below(6) + 1 : number;
    if (!chance(8)) service.cluster_ips.push_back(*IpAddress::parse(fmt::format("10.96.0.{}", address)));
    if (chance(2)) service.cluster_ips.push_back(*IpAddress::parse(fmt::format("fd01::{}", address)));
    if (chance(3)) service.creation_timestamp = fmt::format("2026-01-0{}T00:00:00Z", 1 + below(3));
    for (const ServicePort& port :
         {tcp_port("http", 80), tcp_port("admin", 81), udp_port("dns", 80), {"sctp", Protocol::kSctp, 80, 0}}) {
      if (!chance(4)) service.ports.push_back(port);
    }
    if (chance(2)) add_load_balancer(service);
    if (chance(3)) add_node_ports(service);
    if (chance(3)) service.external_ips.push_back(outside_address());
    if (chance(3)) service.internal_policy = TrafficPolicy::kLocal;
    if (chance(3)) service.affinity_timeout_s = below(3);
    service.has_proxy_name = chance(12);
    service.headless = chance(12);
    return service;
  }

  void add_load_balancer(Service& service) {
    service.type = "LoadBalancer";
    service.load_balancer_ingress.push_back({outside_address(), true});
    if (chance(2)) service.load_balancer_ingress.push_back(ingress(fmt::format("2001:db8::{}", below(3))));
    if (chance(2)) service.external_policy = TrafficPolicy::kLocal;
    for (unsigned left = below(4); left > 0; --left) service.source_ranges.push_back(source_range());
  }

  // 80 is what others have on the same addresses: node ports that yield, and take over again.
  void add_node_ports(Service& service) {
    if (service.type == "ClusterIP") service.type = "NodePort";
    if (chance(4)) service.external_policy = TrafficPolicy::kLocal;
    for (ServicePort& port : service.ports) port.node_port = chance(4) ? 80 : static_cast<uint16_t>(30000 + below(4));
  }

  IpAddress outside_address() { return *IpAddress::parse(fmt::format("203.0.113.{}", below(3))); }

  Cidr source_range() {
    static constexpr std::array<const char*, 7> kRanges = {
        "203.0.113.0/24", "10.0.0.0/8", "0.0.0.0/1", "10.1.0.0/16", "192.168.0.0/16", "2001:db8::/32", "fd00::/8"};
    return *Cidr::parse(kRanges[below(kRanges.size())]);
  }

  EndpointSlice slice() {
    const ObjectName owner = name();
    EndpointSlice slice;
    slice.name = slice_name(owner);
    slice.service_name = owner.name;
    slice.family = chance(3) ? Family::kIpv6 : Family::kIpv4;
    const unsigned count = below(5);
    for (unsigned left = count; left > 0; --left) slice.endpoints.push_back(random_endpoint(slice.family));
    slice.ports = {{"http", Protocol::kTcp, static_cast<uint16_t>(8080 + below(2))}};
    if (chance(2)) slice.ports.push_back({"dns", Protocol::kUdp, 5353});
    if (chance(2)) slice.ports.push_back({"admin", Protocol::kTcp, 8081});
    if (chance(3)) slice.ports.push_back({"sctp", Protocol::kSctp, 8082});
    return slice;
  }

  Endpoint random_endpoint(Family family) {
    Endpoint one = endpoint(
        family == Family::kIpv4 ? fmt::format("10.0.0.{}", 1 + below(12)) : fmt::format("fd00::{}", 1 + below(12)),
        chance(2) ? "node1" : "node2");
    one.ready = !chance(3);
    one.serving = one.ready || !chance(3);
    one.terminating = chance(4);
    if (chance(2)) one.zone_hints = {chance(2) ? "a" : "b"};
    if (chance(4)) one.node_hints = {chance(2) ? "node1" : "node2"};
    return one;
  }

  Node node() {
    Node node;
    node.name = "node1";
    node.zone = chance(2) ? "a" : "b";
    return node;
  }

  std::mt19937 random_;
};

std::string fresh_picture(const PlanRig& rig) {
  MemoryStore store(rig.config.sizes);
  Planner planner(rig.config);
  planner.set_node_addresses(rig.addresses);
  store.apply_all(planner.plan_all(rig.state).writes);
  return text_of(picture_of(store));
}

// Those that no longer hold what was written there.
std::string changed_tables(PlanRig& rig) {
  std::string names;
  for (size_t table = 0; table < kTableCount; ++table) {
    if (!rig.planner.stands_in(rig.store, static_cast<Table>(table)).value()) {
      names += fmt::format("{} ", table_name(static_cast<Table>(table)));
    }
  }
  return names;
}

// Nothing waits for room: then what the tables say does not depend on what was there before.
TableSizes roomy_sizes() {
  TableSizes sizes = small_sizes();
  sizes.frontend_buckets4 = 64;
  sizes.frontend_buckets6 = 64;
  sizes.backends = 1024;
  sizes.slots = 2048;
  sizes.services = 128;
  return sizes;
}

void live_through(unsigned seed, int steps) {
  RandomObjects random(seed);
  PlanRig rig(roomy_sizes());
  for (int step = 0; step < steps; ++step) {
    SCOPED_TRACE(fmt::format("step {}", step));
    std::vector<Event> events(1 + random.below(3));
    for (Event& event : events) event = random.event();
    rig.apply(std::move(events));
    if (random.chance(5)) rig.move_node(random.node_addresses());
    if (random.chance(3)) rig.grace();
    if (random.chance(4)) rig.sweep(random.references());
    ASSERT_EQ(text_of(rig.picture()), fresh_picture(rig));
    ASSERT_TRUE(rig.plan_all().writes.empty()) << "a plan of what is already there";
    ASSERT_EQ(changed_tables(rig), "");
    ASSERT_THAT(loose_ends(rig.store, rig.state), ::testing::IsEmpty());
    if (random.chance(5)) {
      ASSERT_TRUE(rig.restart().writes.empty()) << "a restart with nothing changed";
    }
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
  rig.settle();
  ASSERT_EQ(text_of(rig.picture()), fresh_picture(rig));
}

// Proves: I-54, K-131
TEST(RandomHistories, EndAsAFreshPlanWould) {
  const unsigned seed = chosen_seed();
  SCOPED_TRACE(fmt::format("WAGGLE_SEED={}", seed));
  fmt::print("WAGGLE_SEED={}\n", seed);
  for (unsigned life = 0; life < 20; ++life) {
    SCOPED_TRACE(fmt::format("life {}", life));
    live_through(seed + life, 40);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace waggle
