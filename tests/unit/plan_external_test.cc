// SPDX-License-Identifier: Apache-2.0
// External IPs, node ports and the entry that stands for a whole ClusterIP: which frontends a service has beside its
// ClusterIP and load balancer addresses, and who gets those that several want.
#include <gmock/gmock.h>

#include "support/plan_rig.h"

namespace waggle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const std::string kNodePort = "192.168.0.2:30080/TCP";

std::vector<std::string> frontends(PlanRig& rig) {
  std::vector<std::string> all;
  const Picture picture = rig.picture();
  for (const auto& [text, seen] : picture.frontends) all.push_back(text);
  return all;
}

Service web() { return service_object("default/web", {"10.96.0.1"}, {tcp_port("", 80)}); }

Service with_external_ips(Service service, const std::vector<std::string>& texts) {
  service.external_ips = addresses_of(texts);
  return service;
}

Service node_port_service(const std::string& name, const std::vector<std::string>& cluster_ips, uint16_t number) {
  Service service = service_object(name, cluster_ips, {{"", Protocol::kTcp, 80, number}});
  service.type = "NodePort";
  return service;
}

EndpointSlice here_and_there() {
  return slice_object("default/web", "-1", {endpoint("10.0.0.1", "node1"), endpoint("10.0.0.2")},
                      {{"", Protocol::kTcp, 8080}});
}

// Proves: K-02, I-29
TEST(ExternalIps, LeadToTheServiceAsExternal) {
  PlanRig rig;
  rig.apply({with_external_ips(web(), {"198.51.100.1", "2001:db8::1"}), web_slice("default/web", {"10.0.0.1"})});
  EXPECT_THAT(frontends(rig), UnorderedElementsAre("10.96.0.1:80/TCP", "198.51.100.1:80/TCP"));
  EXPECT_TRUE(rig.picture().at("198.51.100.1:80/TCP").external);
  EXPECT_EQ(rig.picture().at("198.51.100.1:80/TCP").decision(), "pick from 10.0.0.1:8080");
}

// Proves: I-29, X-016
TEST(ExternalIps, RangesAndIngressGoToTheFamilyTheyAreOf) {
  PlanRig rig;
  Service both = with_external_ips(service_object("default/web", {"10.96.0.1", "fd01::1"}, {tcp_port("", 80)}),
                                   {"198.51.100.1", "2001:db8:1::1"});
  both.load_balancer_ingress = {ingress("203.0.113.1"), ingress("2001:db8::1")};
  both.source_ranges = {*Cidr::parse("198.51.100.0/24"), *Cidr::parse("2001:db8:2::/48")};
  rig.apply({both});
  EXPECT_THAT(frontends(rig),
              UnorderedElementsAre("10.96.0.1:80/TCP", "198.51.100.1:80/TCP", "203.0.113.1:80/TCP", "[fd01::1]:80/TCP",
                                   "[2001:db8:1::1]:80/TCP", "[2001:db8::1]:80/TCP"));
  EXPECT_THAT(rig.service("default/web").source_ranges, ElementsAre(both.source_ranges[0]));
  EXPECT_THAT(rig.service("default/web", Family::kIpv6).source_ranges, ElementsAre(both.source_ranges[1]));
}

// Proves: K-07
TEST(ExternalIps, ThatAreAlsoVipsAreOneEntryAndFiltered) {
  PlanRig rig;
  Service both = with_external_ips(web(), {"203.0.113.1", "203.0.113.1", "198.51.100.1"});
  both.load_balancer_ingress = {ingress("203.0.113.1")};
  both.source_ranges = {*Cidr::parse("198.51.100.0/24")};
  EXPECT_THAT(rig.apply({both}).problems, IsEmpty());
  EXPECT_TRUE(rig.picture().at("203.0.113.1:80/TCP").filtered);
  EXPECT_FALSE(rig.picture().at("198.51.100.1:80/TCP").filtered);
}

// Proves: X-027, I-25
TEST(ExternalIps, MakeTheExternalPolicyOfAClusterIpServiceCount) {
  PlanRig rig;
  Service local = with_external_ips(web(), {"198.51.100.1"});
  local.external_policy = TrafficPolicy::kLocal;
  rig.apply({local, here_and_there()});
  EXPECT_EQ(rig.picture().at("198.51.100.1:80/TCP").decision(), "pick from 10.0.0.1:8080");
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").decision(), "pick from 10.0.0.1:8080 10.0.0.2:8080");
}

// They count for the policies all the same.
// Proves: I-30, X-030
TEST(ExternalIps, AreNotServedWhenTheFeatureIsOff) {
  PlanRig rig;
  rig.config.service_external_ips = false;
  rig.restart();
  Service local = with_external_ips(web(), {"198.51.100.1"});
  local.external_policy = TrafficPolicy::kLocal;
  rig.apply({local, here_and_there()});
  EXPECT_THAT(frontends(rig), ElementsAre("10.96.0.1:80/TCP"));
  EXPECT_TRUE(rig.service("default/web").flags & WG_SERVICE_EXTERNAL_LOCAL);
  EXPECT_EQ(members(rig.service("default/web"), rig.service("default/web").local_set), "10.0.0.1:8080");
}

// Proves: K-08
TEST(ExternalIps, MayBeAddressesOfThisNode) {
  PlanRig rig;
  rig.apply({with_external_ips(web(), {"192.168.0.2"})});
  EXPECT_THAT(frontends(rig), UnorderedElementsAre("10.96.0.1:80/TCP", "192.168.0.2:80/TCP"));
  EXPECT_FALSE(rig.picture().at("192.168.0.2:80/TCP").node_port);
}

// Proves: K-03, K-10
TEST(NodePorts, LeadToTheServiceOnEveryAddressOfItsFamily) {
  PlanRig rig;
  rig.move_node({.node_port_addresses = addresses_of({"192.168.0.2", "192.168.1.2", "fd00:168::2"}), .node_ips = {}});
  rig.apply(
      {node_port_service("default/web", {"10.96.0.1", "fd01::1"}, 30080), web_slice("default/web", {"10.0.0.1"})});
  EXPECT_THAT(frontends(rig), UnorderedElementsAre("10.96.0.1:80/TCP", kNodePort, "192.168.1.2:30080/TCP",
                                                   "[fd01::1]:80/TCP", "[fd00:168::2]:30080/TCP"));
  EXPECT_TRUE(rig.picture().at(kNodePort).external);
  EXPECT_TRUE(rig.picture().at(kNodePort).node_port);
  EXPECT_EQ(rig.picture().at(kNodePort).decision(), "pick from 10.0.0.1:8080");
  EXPECT_EQ(rig.picture().at("[fd00:168::2]:30080/TCP").decision(), "reject") << "no endpoint of that family";
}

// Proves: I-24
TEST(NodePorts, AreTakenFromThePortWhateverTheTypeSays) {
  PlanRig rig;
  Service plain = node_port_service("default/web", {"10.96.0.1"}, 30080);
  plain.type = "ClusterIP";
  rig.apply({plain});
  EXPECT_THAT(frontends(rig), UnorderedElementsAre("10.96.0.1:80/TCP", kNodePort));
}

// Proves: K-05
TEST(NodePorts, OfOneNumberOnThreeProtocolsAreIndependent) {
  PlanRig rig;
  Service three = web();
  three.type = "NodePort";
  three.ports = {{"t", Protocol::kTcp, 80, 30080}, {"u", Protocol::kUdp, 80, 30080}, {"s", Protocol::kSctp, 80, 30080}};
  EXPECT_THAT(rig.apply({three}).problems, IsEmpty());
  EXPECT_EQ(rig.picture().at("192.168.0.2:30080/UDP").service, "default/web:u");
  EXPECT_EQ(rig.picture().at("192.168.0.2:30080/SCTP").service, "default/web:s");
}

// Proves: K-22, K-21
TEST(NodePorts, FollowTheExternalPolicy) {
  PlanRig rig;
  Service local = node_port_service("default/web", {"10.96.0.1"}, 30080);
  local.external_policy = TrafficPolicy::kLocal;
  rig.apply({local, here_and_there()});
  EXPECT_EQ(rig.picture().at(kNodePort).decision(), "pick from 10.0.0.1:8080");
  rig.apply({web_slice("default/web", {"10.0.0.2"})});
  EXPECT_EQ(rig.picture().at(kNodePort).decision(), "drop");
}

TEST(NodePorts, MoveWithTheAddressesOfTheNodeAndTouchNobodyElse) {
  PlanRig rig;
  rig.apply({node_port_service("default/web", {"10.96.0.1"}, 30080),
             with_external_ips(service_object("default/other", {"10.96.0.2"}, {tcp_port("", 80)}), {"198.51.100.1"})});
  const NodeAddresses moved{.node_port_addresses = addresses_of({"192.168.7.7"}), .node_ips = rig.addresses.node_ips};
  EXPECT_THAT(rig.planner.set_node_addresses(moved), ElementsAre(object_name("default/web")));
  EXPECT_THAT(rig.planner.set_node_addresses(moved), IsEmpty()) << "the same again";
  rig.run(rig.planner.plan(rig.state, {object_name("default/web")}));
  EXPECT_FALSE(rig.picture().frontends.contains(kNodePort));
  EXPECT_EQ(rig.picture().at("192.168.7.7:30080/TCP").service, "default/web");
}

TEST(NodePorts, OfANodeWithoutAddressesAreServedNowhereButStillCountForThePolicy) {
  PlanRig rig;
  rig.move_node({});
  Service local = node_port_service("default/web", {"10.96.0.1"}, 30080);
  local.external_policy = TrafficPolicy::kLocal;
  rig.apply({local, here_and_there()});
  EXPECT_THAT(frontends(rig), ElementsAre("10.96.0.1:80/TCP"));
  EXPECT_TRUE(rig.service("default/web").flags & WG_SERVICE_EXTERNAL_LOCAL);
}

// Proves: K-04
TEST(NodePorts, YieldToAnExactAddressOfAnotherServiceHoweverYoung) {
  PlanRig rig;
  Service exact =
      with_external_ips(service_object("default/exact", {"10.96.0.2"}, {tcp_port("", 30080)}), {"192.168.0.2"});
  exact.creation_timestamp = "2026-09-01T00:00:00Z";
  rig.apply({node_port_service("default/web", {"10.96.0.1"}, 30080)});
  const auto plan = rig.apply({exact});
  EXPECT_EQ(rig.picture().at(kNodePort).service, "default/exact");
  EXPECT_THAT(plan.problems,
              ElementsAre(HasSubstr("service default/web: node port 192.168.0.2:30080/TCP is not served")));
  rig.apply({without(ObjectKind::kService, "default/exact")});
  EXPECT_EQ(rig.picture().at(kNodePort).service, "default/web");
  EXPECT_THAT(rig.planner.standing_problems(), IsEmpty());
}

// Proves: K-04, K-07
TEST(NodePorts, EqualToAnExternalIpOfTheSameServiceAreThatExternalIp) {
  PlanRig rig;
  Service both = with_external_ips(node_port_service("default/web", {"10.96.0.1"}, 80), {"192.168.0.2"});
  EXPECT_THAT(rig.apply({both}).problems, IsEmpty());
  EXPECT_FALSE(rig.picture().at("192.168.0.2:80/TCP").node_port);
}

// Proves: K-34, K-15, X-101
TEST(ExternalDestinations, RejectWhenNoEndpointServes) {
  PlanRig rig;
  Service all = with_external_ips(node_port_service("default/web", {"10.96.0.1"}, 30080), {"198.51.100.1"});
  all.type = "LoadBalancer";
  all.load_balancer_ingress = {ingress("203.0.113.1")};
  Endpoint dead = endpoint("10.0.0.1", "node1");
  dead.ready = dead.serving = false;
  rig.apply({all, slice_object("default/web", "-1", {dead}, {{"", Protocol::kTcp, 8080}})});
  for (const auto& [frontend, seen] : rig.picture().frontends) EXPECT_EQ(seen.decision(), "reject") << frontend;
  EXPECT_THAT(frontends(rig), ::testing::SizeIs(4));
}

// Proves: K-30, K-31
TEST(ExternalDestinations, FallBackToTerminatingEndpointsHereApartFromTheClusterIp) {
  PlanRig rig;
  Service local = node_port_service("default/web", {"10.96.0.1"}, 30080);
  local.external_policy = TrafficPolicy::kLocal;
  Endpoint dying = endpoint("10.0.0.1", "node1");
  dying.ready = false;
  dying.terminating = true;
  const auto slice = [](std::vector<Endpoint> endpoints) {
    return slice_object("default/web", "-1", std::move(endpoints), {{"", Protocol::kTcp, 8080}});
  };
  rig.apply({local, slice({dying, endpoint("10.0.0.2")})});
  EXPECT_EQ(rig.picture().at(kNodePort).decision(), "pick from 10.0.0.1:8080");
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").decision(), "pick from 10.0.0.2:8080");
  dying.node_name = "node2";
  rig.apply({slice({dying})});
  EXPECT_EQ(rig.picture().at(kNodePort).decision(), "drop");
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").decision(), "pick from 10.0.0.1:8080");
}

std::map<std::string, std::string> any_ports(PlanRig& rig) { return rig.picture().any_ports; }
using AnyPorts = std::map<std::string, std::string>;

TEST(AnyPort, StandsForEachClusterIpAndNoOtherAddress) {
  PlanRig rig;
  Service all = with_external_ips(node_port_service("default/web", {"10.96.0.1", "fd01::1"}, 30080), {"198.51.100.1"});
  all.load_balancer_ingress = {ingress("203.0.113.1")};
  rig.apply({all});
  EXPECT_EQ(any_ports(rig), (AnyPorts{{"10.96.0.1:*", "default/web"}, {"[fd01::1]:*", "default/web"}}));
}

// The rig would complain of a moment without it.
TEST(AnyPort, IsSharedByThePortsOfAServiceAndPassesToThoseThatAreLeft) {
  PlanRig rig;
  const auto plan = rig.apply({service_object("default/web", {"10.96.0.1"}, {tcp_port("a", 80), tcp_port("b", 81)})});
  EXPECT_THAT(plan.problems, IsEmpty());
  EXPECT_THAT(rig.planner.standing_problems(), IsEmpty());
  const uint32_t stays = rig.service("default/web:b").index;
  rig.apply({service_object("default/web", {"10.96.0.1"}, {tcp_port("b", 81)})});
  rig.settle();
  EXPECT_EQ(any_ports(rig), (AnyPorts{{"10.96.0.1:*", "default/web"}}));
  EXPECT_EQ(rig.service("default/web:b").index, stays);
  EXPECT_THAT(rig.services(), ::testing::SizeIs(1)) << "the port that went is forgotten";
}

TEST(AnyPort, PassesToTheNextServiceWithTheAddressAndGoesWithTheLast) {
  PlanRig rig;
  rig.apply({web()});
  rig.apply({without(ObjectKind::kService, "default/web"),
             service_object("default/next", {"10.96.0.1"}, {tcp_port("", 443)})});
  EXPECT_EQ(any_ports(rig), (AnyPorts{{"10.96.0.1:*", "default/next"}}));
  rig.apply({without(ObjectKind::kService, "default/next")});
  EXPECT_THAT(any_ports(rig), IsEmpty());
  rig.settle();
  EXPECT_TRUE(rig.has_no_frontends());
}

}  // namespace
}  // namespace waggle
