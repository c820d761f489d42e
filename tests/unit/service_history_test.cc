// SPDX-License-Identifier: Apache-2.0
// Services over their life as contract section 5.2 tells it: which ports they have, and which health check ports.
#include <gtest/gtest.h>

#include "server/service_facts.h"
#include "support/plan_rig.h"

namespace waggle {
namespace {

Service local_balancer(const std::string& name, const std::string& address, uint16_t health_port) {
  Service service = service_object(name, {address}, {tcp_port("a", 80), tcp_port("b", 81)});
  service.type = "LoadBalancer";
  service.external_policy = TrafficPolicy::kLocal;
  service.health_check_node_port = health_port;
  return service;
}

size_t health_ports(const State& state) { return local_endpoint_counts(state, "node1").size(); }

// Proves: X-012
TEST(HealthCheckPort, OfAServiceWithTwoPortsIsOne) {
  State state;
  state.apply(local_balancer("ns/web", "10.96.0.1", 345));
  EXPECT_EQ(service_facts(state, object_name("ns/web"), "node1").health_check_port, 345);
  EXPECT_EQ(health_ports(state), 1u);
}

// Proves: X-013
TEST(HealthCheckPort, OfNumberZeroIsNone) {
  State state;
  state.apply(local_balancer("ns/web", "10.96.0.1", 0));
  EXPECT_EQ(service_facts(state, object_name("ns/web"), "node1").health_check_port, 0);
  EXPECT_EQ(health_ports(state), 0u);
}

// Proves: X-031
TEST(ServiceHistory, FourServicesWithTenPortsHaveTenEntriesAndOneHealthCheckPort) {
  PlanRig rig;
  rig.apply({service_object("ns/one", {"10.96.0.1"}, {tcp_port("a", 80), udp_port("b", 53)}),
             service_object("ns/two", {"10.96.0.2"}, {tcp_port("a", 80), tcp_port("b", 81), tcp_port("c", 82)}),
             service_object("ns/three", {"10.96.0.3"}, {tcp_port("a", 80), tcp_port("b", 81), tcp_port("c", 82)}),
             local_balancer("ns/four", "10.96.0.4", 345)});
  EXPECT_EQ(rig.services().size(), 10u);
  EXPECT_EQ(health_ports(rig.state), 1u);
}

// Proves: X-033
TEST(ServiceHistory, AHealthCheckPortComesAndGoesWithTheType) {
  State state;
  const Service plain = service_object("ns/web", {"10.96.0.1"}, {tcp_port("a", 80), tcp_port("b", 81)});
  const Service balanced = local_balancer("ns/web", "10.96.0.1", 345);
  EXPECT_EQ(state.apply(plain).size(), 1u);
  EXPECT_EQ(health_ports(state), 0u);
  EXPECT_EQ(state.apply(balanced).size(), 1u);
  EXPECT_EQ(health_ports(state), 1u);
  EXPECT_TRUE(state.apply(balanced).empty());
  EXPECT_EQ(health_ports(state), 1u);
  EXPECT_EQ(state.apply(plain).size(), 1u);
  EXPECT_EQ(health_ports(state), 0u);
}

// Proves: X-249
TEST(ServiceHistory, TheLongestNamesAreToldApart) {
  PlanRig rig;
  const std::string name_space(63, 'n'), stem(62, 's'), port(62, 'p');
  std::vector<Event> events;
  for (const char last : {'a', 'b'}) {
    const std::string name = name_space + "/" + stem + last;
    const std::string address = last == 'a' ? "fd00:96::1111:2222:3333:4441" : "fd00:96::1111:2222:3333:4442";
    events.emplace_back(service_object(name, {address}, {tcp_port(port + 'x', 80), tcp_port(port + 'y', 81)}));
    EndpointSlice slice = slice_object(name, "", {endpoint("2001:db8:1111:2222:3333:4444:5555:6661")},
                                       {{port + 'x', Protocol::kTcp, 8080}, {port + 'y', Protocol::kTcp, 8081}});
    events.emplace_back(slice);
  }
  rig.apply(std::move(events));
  std::set<std::string> texts;
  for (const ServiceView& service : rig.services()) {
    texts.insert(service_port_text(service));
    EXPECT_EQ(service.cluster_set.backends.size(), 1u) << service_port_text(service);
  }
  EXPECT_EQ(texts.size(), 4u);
}

}  // namespace
}  // namespace waggle
