// SPDX-License-Identifier: Apache-2.0
// What the planner makes of services, step by step. PlanRig looks at the tables after each single write.
#include <gmock/gmock.h>

#include "support/plan_rig.h"

namespace waggle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

std::vector<std::string> frontends(PlanRig& rig) {
  std::vector<std::string> all;
  const Picture picture = rig.picture();
  for (const auto& [text, seen] : picture.frontends) all.push_back(text);
  return all;
}

Service web() { return service_object("default/web", {"10.96.0.1"}, {tcp_port("", 80)}); }

TEST(Services, LeadFromTheirAddressToTheirEndpoints) {
  PlanRig rig;
  rig.apply({web(), web_slice("default/web", {"10.0.0.2", "10.0.0.1"})});
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").decision(), "pick from 10.0.0.1:8080 10.0.0.2:8080");
}

// Proves: X-015
TEST(Services, OfBothFamiliesHaveAnIndexEach) {
  PlanRig rig;
  const auto six = slice_object("default/web", "-6", {endpoint("fd00::1")}, {{"", Protocol::kTcp, 8080}});
  rig.apply({service_object("default/web", {"10.96.0.1", "fd01::1"}, {tcp_port("", 80)}),
             web_slice("default/web", {"10.0.0.1"}), six});
  EXPECT_THAT(rig.services(), SizeIs(2));
  EXPECT_EQ(rig.picture().at("[fd01::1]:80/TCP").decision(), "pick from [fd00::1]:8080");
}

// Proves: K-05, X-007
TEST(Services, OfOneNumberOnTcpAndUdpAreIndependent) {
  PlanRig rig;
  const auto slice = slice_object("kube-system/dns", "-1", {endpoint("10.0.0.1")},
                                  {{"dns", Protocol::kUdp, 53}, {"dns-tcp", Protocol::kTcp, 5353}});
  rig.apply({service_object("kube-system/dns", {"10.96.0.10"}, {udp_port("dns", 53), tcp_port("dns-tcp", 53)}), slice});
  EXPECT_EQ(rig.picture().at("10.96.0.10:53/UDP").decision(), "pick from 10.0.0.1:53");
  EXPECT_EQ(rig.picture().at("10.96.0.10:53/TCP").decision(), "pick from 10.0.0.1:5353");
}

// Proves: I-20, K-11, X-005
TEST(Services, ThatAreNotOursHaveNoEntries) {
  Service hidden = web(), headless = web(), external = web(), addressless = web();
  hidden.name.name = "hidden";
  hidden.has_proxy_name = true;
  headless.name.name = "headless";
  headless.headless = true;
  external.name.name = "external";
  external.type = "ExternalName";
  addressless.name.name = "addressless";
  addressless.cluster_ips.clear();
  addressless.load_balancer_ingress = {ingress("203.0.113.1")};
  PlanRig rig;
  EXPECT_THAT(rig.apply({hidden, headless, external, addressless}).writes, IsEmpty());
}

// Proves: I-07
TEST(Services, BecomeOursAndCeaseToBeWithTheProxyNameLabel) {
  PlanRig rig;
  Service hidden = web();
  hidden.has_proxy_name = true;
  rig.apply({web(), web_slice("default/web", {"10.0.0.1"})});
  rig.apply({hidden});
  EXPECT_THAT(frontends(rig), IsEmpty());
  rig.apply({web()});
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").decision(), "pick from 10.0.0.1:8080");
}

// Proves: K-05, X-114
TEST(Services, OfOneNumberOnTcpUdpAndSctpAreIndependent) {
  PlanRig rig;
  rig.apply(
      {service_object("default/dns", {"10.96.0.1"},
                      {{"t", Protocol::kTcp, 53, 0}, {"u", Protocol::kUdp, 53, 0}, {"s", Protocol::kSctp, 53, 0}}),
       slice_object("default/dns", "-1", {endpoint("10.0.0.1")},
                    {{"t", Protocol::kTcp, 5353}, {"u", Protocol::kUdp, 53}, {"s", Protocol::kSctp, 53}})});
  EXPECT_EQ(rig.picture().at("10.96.0.1:53/TCP").decision(), "pick from 10.0.0.1:5353");
  EXPECT_EQ(rig.picture().at("10.96.0.1:53/UDP").decision(), "pick from 10.0.0.1:53");
  EXPECT_EQ(rig.picture().at("10.96.0.1:53/SCTP").decision(), "pick from 10.0.0.1:53");
}

// Proves, K-05
TEST(Services, OfSctpAreServedBesideTcpAndUdpOfTheSameNumber) {
  PlanRig rig;
  const auto slice = slice_object("default/web", "-1", {endpoint("10.0.0.1")},
                                  {{"p", Protocol::kSctp, 81}, {"p", Protocol::kTcp, 82}, {"p", Protocol::kUdp, 83}});
  rig.apply(
      {service_object("default/web", {"10.96.0.1"},
                      {{"p", Protocol::kSctp, 80, 0}, {"p", Protocol::kTcp, 80, 0}, {"p", Protocol::kUdp, 80, 0}}),
       slice});
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/SCTP").decision(), "pick from 10.0.0.1:81");
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").decision(), "pick from 10.0.0.1:82");
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/UDP").decision(), "pick from 10.0.0.1:83");
}

// Proves: K-15, X-093
TEST(Services, WithoutUsableEndpointReject) {
  PlanRig rig;
  Endpoint unready = endpoint("10.0.0.1");
  unready.ready = false;
  rig.apply({web()});
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").decision(), "reject");
  rig.apply({slice_object("default/web", "-1", {unready}, {{"", Protocol::kTcp, 8080}})});
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").decision(), "reject");
}

// Proves
TEST(Services, GainAndLoseTheirOnlyEndpoint) {
  PlanRig rig;
  rig.apply({web()});
  rig.apply({web_slice("default/web", {"10.0.0.1"})});
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").decision(), "pick from 10.0.0.1:8080");
  rig.apply({web_slice("default/web", {})});
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").decision(), "reject");
}

TEST(Services, ChangeTheirPort) {
  PlanRig rig;
  rig.apply({web(), web_slice("default/web", {"10.0.0.1"})});
  Service moved = web();
  moved.ports[0].port = 8000;
  rig.apply({moved});
  EXPECT_THAT(frontends(rig), ElementsAre("10.96.0.1:8000/TCP"));
  EXPECT_EQ(rig.service("default/web").port, 8000);
}

// Proves: I-35, X-032
TEST(Services, LoseOnePortAndKeepTheOtherUntouched) {
  PlanRig rig;
  rig.apply({service_object("default/web", {"10.96.0.1"}, {tcp_port("a", 80), tcp_port("b", 81)})});
  const uint32_t index = rig.service("default/web:b").index;
  rig.apply({service_object("default/web", {"10.96.0.1"}, {tcp_port("b", 81)})});
  EXPECT_THAT(frontends(rig), ElementsAre("10.96.0.1:81/TCP"));
  EXPECT_EQ(rig.service("default/web:b").index, index);
}

TEST(Services, KeepTheirAffinityTimeoutInTheTable) {
  PlanRig rig;
  Service sticky = web();
  sticky.affinity_timeout_s = 10800;
  rig.apply({sticky});
  EXPECT_EQ(rig.service("default/web").affinity_timeout_s, 10800u);
  rig.apply({web()});
  EXPECT_EQ(rig.service("default/web").affinity_timeout_s, 0u);
}

// Proves: I-34, X-243
TEST(Services, ThatDidNotChangeAreNotWritten) {
  PlanRig rig;
  rig.apply({web(), web_slice("default/web", {"10.0.0.1"})});
  Service relabelled = web();
  relabelled.resource_version = "2";
  EXPECT_THAT(rig.apply({relabelled}).writes, IsEmpty());
  EXPECT_THAT(rig.plan_all().writes, IsEmpty());
}

TEST(Services, WithAPortNameUsedTwiceSayWhichPortIsNotServed) {
  PlanRig rig;
  const auto plan = rig.apply({service_object("default/web", {"10.96.0.1"}, {tcp_port("a", 80), tcp_port("a", 81)})});
  EXPECT_THAT(frontends(rig), ElementsAre("10.96.0.1:80/TCP"));
  EXPECT_THAT(plan.problems, ElementsAre(::testing::HasSubstr("service default/web: port 81/TCP is not served")));
}

TEST(Services, WithANameTooLongForTheTableAreRefusedWithWords) {
  PlanRig rig;
  Service longer = web();
  longer.name.name = std::string(64, 'a');
  EXPECT_THAT(rig.apply({longer}).problems, ElementsAre(::testing::HasSubstr("longer than 63 characters")));
  longer.name.name = std::string(63, 'a');
  EXPECT_THAT(rig.apply({longer}).problems, IsEmpty());
  EXPECT_EQ(rig.service("default/" + std::string(63, 'a')).port, 80);
}

TEST(LoadBalancers, AreServedOnTheirIngressAddressesAsExternal) {
  PlanRig rig;
  Service balanced = web();
  balanced.type = "LoadBalancer";
  balanced.load_balancer_ingress = {ingress("203.0.113.1"), ingress("203.0.113.1"), ingress("2001:db8::1")};
  balanced.load_balancer_ingress.push_back({IpAddress::parse("203.0.113.9"), false});
  balanced.load_balancer_ingress.push_back({std::nullopt, true});
  rig.apply({balanced});
  EXPECT_THAT(frontends(rig), UnorderedElementsAre("10.96.0.1:80/TCP", "203.0.113.1:80/TCP"));
  EXPECT_TRUE(rig.picture().at("203.0.113.1:80/TCP").external);
  EXPECT_FALSE(rig.picture().at("10.96.0.1:80/TCP").external);
}

// Proves: K-07
TEST(LoadBalancers, WithAnIngressEqualToTheClusterIpHaveOneEntry) {
  PlanRig rig;
  Service balanced = web();
  balanced.load_balancer_ingress = {ingress("10.96.0.1")};
  rig.apply({balanced});
  EXPECT_THAT(frontends(rig), ElementsAre("10.96.0.1:80/TCP"));
}

Service local_balancer() {
  Service balanced = web();
  balanced.type = "LoadBalancer";
  balanced.external_policy = TrafficPolicy::kLocal;
  balanced.load_balancer_ingress = {ingress("203.0.113.1")};
  return balanced;
}

EndpointSlice here_and_there() {
  return slice_object("default/web", "-1", {endpoint("10.0.0.1", "node1"), endpoint("10.0.0.2")},
                      {{"", Protocol::kTcp, 8080}});
}

// Proves: K-28
TEST(TrafficPolicy, ExternalLocalNarrowsExternalAddressesOnly) {
  PlanRig rig;
  rig.apply({local_balancer(), here_and_there()});
  EXPECT_EQ(rig.picture().at("203.0.113.1:80/TCP").decision(), "pick from 10.0.0.1:8080");
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").decision(), "pick from 10.0.0.1:8080 10.0.0.2:8080");
}

// Proves: I-25, X-026
TEST(TrafficPolicy, ExternalLocalIsIgnoredOnAPlainClusterIpService) {
  PlanRig rig;
  Service plain = web();
  plain.external_policy = TrafficPolicy::kLocal;
  rig.apply({plain, here_and_there()});
  EXPECT_EQ(rig.service("default/web").flags, WG_SERVICE_LIVE | WG_SERVICE_HAS_ENDPOINTS);
  EXPECT_THAT(rig.service("default/web").local_set.backends, IsEmpty());
}

TEST(TrafficPolicy, InternalLocalNarrowsTheClusterIp) {
  PlanRig rig;
  Service internal = web();
  internal.internal_policy = TrafficPolicy::kLocal;
  rig.apply({internal, here_and_there()});
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").decision(), "pick from 10.0.0.1:8080");
  rig.apply({web_slice("default/web", {"10.0.0.2"})});
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").decision(), "drop") << "usable elsewhere";
}

// Proves: K-131
TEST(TrafficPolicy, ChangesBothWaysWithoutAMomentOfRejection) {
  PlanRig rig;
  Service internal = web();
  internal.internal_policy = TrafficPolicy::kLocal;
  rig.apply({web(), here_and_there()});
  rig.apply({internal});
  rig.apply({web()});
  rig.apply({local_balancer()});
  Service open = local_balancer();
  open.external_policy = TrafficPolicy::kCluster;
  rig.apply({open});
  EXPECT_EQ(rig.picture().at("203.0.113.1:80/TCP").decision(), "pick from 10.0.0.1:8080 10.0.0.2:8080");
}

// Proves: I-64
TEST(Zone, OfThisNodeIsRememberedWhenTheNodeIsGone) {
  PlanRig rig;
  Endpoint near = endpoint("10.0.0.1"), far = endpoint("10.0.0.2");
  near.zone_hints = {"zone-a"};
  far.zone_hints = {"zone-b"};
  Node node;
  node.name = "node1";
  node.zone = "zone-a";
  rig.apply({node, web(), slice_object("default/web", "-1", {near, far}, {{"", Protocol::kTcp, 8080}})});
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").decision(), "pick from 10.0.0.1:8080");
  rig.apply({Deletion{ObjectKind::kNode, {"", "node1"}}});
  rig.plan_all();
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").decision(), "pick from 10.0.0.1:8080");
}

TEST(Publication, WritesAChangedSetToANewRangeUnderANewGeneration) {
  PlanRig rig;
  rig.apply({web(), web_slice("default/web", {"10.0.0.1"})});
  const SetView old = rig.service("default/web").cluster_set;
  rig.apply({web_slice("default/web", {"10.0.0.1", "10.0.0.2"})});
  const SetView changed = rig.service("default/web").cluster_set;
  EXPECT_NE(changed.base, old.base);
  EXPECT_EQ(changed.generation, old.generation + 1);
  EXPECT_TRUE(rig.planner.wants_grace());
}

TEST(Publication, UsesAFreedRangeAgainOnlyAfterTheGracePeriod) {
  PlanRig rig;
  rig.apply({web(), web_slice("default/web", {"10.0.0.1"})});
  const uint32_t first = rig.service("default/web").cluster_set.base;
  rig.apply({web_slice("default/web", {"10.0.0.2"})});
  rig.apply({web_slice("default/web", {"10.0.0.3"})});
  EXPECT_NE(rig.service("default/web").cluster_set.base, first);
  rig.grace();
  rig.apply({web_slice("default/web", {"10.0.0.4"})});
  EXPECT_EQ(rig.service("default/web").cluster_set.base, first);
}

// Proves: X-250
TEST(Publication, OfOneMoreEndpointWritesNoMoreThanItMust) {
  PlanRig rig;
  rig.apply({web(), web_slice("default/web", {"10.0.0.1", "10.0.0.2"})});
  const auto plan = rig.apply({web_slice("default/web", {"10.0.0.1", "10.0.0.2", "10.0.0.3"})});
  std::vector<std::string_view> tables;
  for (const Write& write : plan.writes) tables.push_back(table_name(write.table));
  EXPECT_THAT(tables,
              ElementsAre("reply_gate", "backends", "backends", "backends", "slots", "slots", "slots", "services"));
}

}  // namespace
}  // namespace waggle
