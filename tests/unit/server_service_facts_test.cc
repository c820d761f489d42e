// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <vector>

#include "server/service_facts.h"
#include "server_objects.h"

namespace waggle {
namespace {

const ObjectName kWeb{"ns", "web"};

struct Facts : testing::Test {
  State state;
  Service service = load_balancer("web", 32000);
  EndpointSlice slice = slice_of("web", {});

  ServiceFacts facts() {
    state.apply(service);
    state.apply(slice);
    return service_facts(state, kWeb, "n1");
  }
  size_t ready() { return facts().families[0].local_ready; }
};

// Proves: K-96, X-198
TEST_F(Facts, OnePodBehindTwoPortsCountsOnce) {
  service.ports.push_back({.name = "other", .port = 81});
  slice.ports.push_back({.name = "other", .port = 8081});
  slice.endpoints = {endpoint("10.1.0.1", "n1")};
  EXPECT_EQ(ready(), 1);
}

// Proves: K-96, X-199
TEST_F(Facts, OnlyReadyLocalEndpointsCount) {
  slice.endpoints = {endpoint("10.1.0.1", "n1"), endpoint("10.1.0.2", "n1"), endpoint("10.1.0.3", "n1"),
                     endpoint("10.1.0.4", "n1"), endpoint("10.1.0.5", "n2"), endpoint("10.1.0.6", "")};
  slice.endpoints[3].ready = false;
  EXPECT_EQ(ready(), 3);
}

// Proves: K-96, X-199
TEST_F(Facts, TerminatingAndUnreadyEndpointsDoNotCount) {
  slice.endpoints = {endpoint("10.1.0.1", "n1"), endpoint("10.1.0.2", "n1")};
  for (Endpoint& one : slice.endpoints) one.ready = false;
  slice.endpoints[0].terminating = true;  // still serving
  EXPECT_EQ(ready(), 0);
}

TEST_F(Facts, SlicesWithoutPortsAndOfTheOtherFamilyDoNotCount) {
  slice.endpoints = {endpoint("10.1.0.1", "n1")};
  slice.ports.clear();
  EXPECT_EQ(ready(), 0);
  slice.ports = {{.name = "http", .port = 8080}};
  slice.family = Family::kIpv6;
  slice.endpoints = {endpoint("fd00::1", "n1")};
  EXPECT_EQ(ready(), 0);
  service.cluster_ips.push_back(*IpAddress::parse("fd00::10"));
  EXPECT_EQ(facts().families[1].local_ready, 1);
}

TEST_F(Facts, ANodeWithoutANameHasNothingLocal) {
  slice.endpoints = {endpoint("10.1.0.1", "")};
  facts();
  EXPECT_EQ(service_facts(state, kWeb, "").families[0].local_ready, 0);
}

// Proves: I-20, I-27
TEST_F(Facts, OnlyLoadBalancersWithLocalPolicyHaveAPort) {  // I-27, I-20
  EXPECT_EQ(facts().health_check_port, 32000);
  const Service good = service;
  service.type = "NodePort";
  EXPECT_EQ(facts().health_check_port, 0);
  service = good;
  service.external_policy = TrafficPolicy::kCluster;
  EXPECT_EQ(facts().health_check_port, 0);
  service = good;
  service.cluster_ips.clear();
  EXPECT_EQ(facts().health_check_port, 0);
  service = good;
  service.has_proxy_name = true;
  EXPECT_EQ(facts(), ServiceFacts{});
  EXPECT_EQ(service_facts(state, {"ns", "unknown"}, "n1"), ServiceFacts{});
}

// Proves: I-27, X-012
TEST_F(Facts, TwoPortsHaveOneHealthCheckPort) {
  service.ports.push_back({.name = "other", .port = 81});
  facts();
  EXPECT_EQ(local_endpoint_counts(state, "n1").size(), 1);
  EXPECT_EQ(facts().health_check_port, 32000);
}

// Proves: X-031
TEST_F(Facts, OnlyTheLocalLoadBalancerOfFourServicesHasAHealthCheckPort) {
  facts();
  for (const char* type : {"ClusterIP", "NodePort", "LoadBalancer"}) {
    Service other = load_balancer(type, 32001);
    other.type = type;
    if (other.type == "LoadBalancer") other.external_policy = TrafficPolicy::kCluster;
    state.apply(other);
  }
  const std::map<ObjectName, std::array<size_t, 2>> expected{{kWeb, {0, 0}}};
  EXPECT_EQ(local_endpoint_counts(state, "n1"), expected);
}

// Proves: X-033
TEST_F(Facts, HealthCheckPortComesStaysAndGoesWithTheType) {
  Service plain = service;
  plain.type = "ClusterIP";
  std::vector<uint16_t> ports;
  std::vector<bool> changes;
  for (const Service& step : {plain, service, service, plain}) {
    changes.push_back(!state.apply(step).empty());
    ports.push_back(service_facts(state, kWeb, "n1").health_check_port);
  }
  EXPECT_EQ(ports, (std::vector<uint16_t>{0, 32000, 32000, 0}));
  EXPECT_EQ(changes, (std::vector<bool>{true, true, false, true}));
}

// Proves
TEST_F(Facts, CountsNameEveryServiceWithAPort) {
  slice.endpoints = {endpoint("10.1.0.1", "n1")};
  facts();
  state.apply(load_balancer("empty", 32001));
  state.apply(slice_of("unknown", {endpoint("10.1.0.9", "n1")}));
  const std::map<ObjectName, std::array<size_t, 2>> expected{{{"ns", "empty"}, {0, 0}}, {kWeb, {1, 0}}};
  EXPECT_EQ(local_endpoint_counts(state, "n1"), expected);
}

// Proves: X-246
TEST_F(Facts, NoLocalEndpointsByPolicy) {
  const auto counts = [this] {
    const FamilyFacts family = facts().families[0];
    return std::pair(family.no_local_internal, family.no_local_external);
  };
  using Counts = std::pair<uint32_t, uint32_t>;
  service.internal_policy = TrafficPolicy::kLocal;
  EXPECT_EQ(counts(), Counts(0, 0));  // none anywhere
  slice.endpoints = {endpoint("10.1.0.1", "n2")};
  EXPECT_EQ(counts(), Counts(1, 1));
  service.internal_policy = TrafficPolicy::kCluster;
  EXPECT_EQ(counts(), Counts(0, 1));
  service.internal_policy = TrafficPolicy::kLocal;
  service.external_policy = TrafficPolicy::kCluster;
  EXPECT_EQ(counts(), Counts(1, 0));
  slice.endpoints.push_back(endpoint("10.1.0.2", "n1"));
  EXPECT_EQ(counts(), Counts(0, 0));
  slice.endpoints[1].ready = false;  // unready, not terminating: unusable
  EXPECT_EQ(counts(), Counts(1, 0));
  slice.endpoints[1].terminating = true;  // serving and terminating: usable
  EXPECT_EQ(counts(), Counts(0, 0));
}

// Proves: I-25, I-26
TEST_F(Facts, ALocalPolicyNobodyReachesFromOutsideDoesNotCount) {  // I-25, I-26
  slice.endpoints = {endpoint("10.1.0.1", "n2")};
  service.ports[0].node_port = 0;
  EXPECT_EQ(facts().families[0].no_local_external, 0);
  service.load_balancer_ingress = {{.ip = IpAddress::parse("192.0.2.1"), .vip_mode = false}};
  EXPECT_EQ(facts().families[0].no_local_external, 0);
  service.load_balancer_ingress[0].vip_mode = true;
  EXPECT_EQ(facts().families[0].no_local_external, 1);
  service.type = "ClusterIP";
  EXPECT_EQ(facts().families[0].no_local_external, 0);
}

}  // namespace
}  // namespace waggle
