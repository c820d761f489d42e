// SPDX-License-Identifier: Apache-2.0
// loadBalancerSourceRanges (contract I-31, K-75..K-82): what the tables say, and that no source meets a moment in which
// it is treated neither as before nor as after (PlanRig looks after each write).
#include <gmock/gmock.h>

#include "support/plan_rig.h"

namespace waggle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const std::string kVip = "203.0.113.1:80/TCP";

IpAddress address(const std::string& text) { return IpAddress::parse(text).value(); }

Service ranged(const std::vector<std::string>& ranges) {
  Service service = service_object("default/web", {"10.96.0.1"}, {{"", Protocol::kTcp, 80, 30080}});
  service.type = "LoadBalancer";
  service.load_balancer_ingress = {ingress("203.0.113.1")};
  for (const std::string& range : ranges) service.source_ranges.push_back(Cidr::parse(range).value());
  return service;
}

std::vector<std::string> range_texts(PlanRig& rig) {
  std::vector<std::string> texts;
  for (const Cidr& range : rig.service("default/web").source_ranges) texts.push_back(range.text());
  return texts;
}

bool node_allowed(PlanRig& rig) { return (rig.service("default/web").flags & WG_SERVICE_NODE_ALLOWED) != 0; }

// Proves: K-75, K-76, K-78
TEST(SourceRanges, FilterTheVipsAndNothingElse) {
  PlanRig rig;
  Service service = ranged({"198.51.100.0/24", "10.0.0.0/8"});
  service.external_ips = {address("198.51.100.7")};
  rig.apply({service});
  const Picture picture = rig.picture();
  for (const auto& [frontend, seen] : picture.frontends) EXPECT_EQ(seen.filtered, frontend == kVip) << frontend;
  EXPECT_TRUE(picture.at(kVip).admits(address("198.51.100.9")));
  EXPECT_FALSE(picture.at(kVip).admits(address("198.51.101.9")));
  EXPECT_THAT(range_texts(rig), UnorderedElementsAre("10.0.0.0/8", "198.51.100.0/24"));
}

// Proves: I-31, X-019
TEST(SourceRanges, OfTheOtherFamilyOnlyLeaveAllSources) {
  PlanRig rig;
  rig.apply({ranged({"2001:db8::/32"})});
  EXPECT_FALSE(rig.picture().at(kVip).filtered);
  EXPECT_THAT(range_texts(rig), IsEmpty());
}

TEST(SourceRanges, WithoutAVipFilterNothing) {
  PlanRig rig;
  Service pending = ranged({"10.0.0.0/8"});
  pending.load_balancer_ingress.clear();
  rig.apply({pending});
  EXPECT_THAT(range_texts(rig), IsEmpty());
}

// Proves: K-81
TEST(SourceRanges, OfBothHalvesAdmitEverybodyAndOfOneAddressNobodyElse) {
  PlanRig rig;
  rig.apply({ranged({"0.0.0.0/1", "128.0.0.0/1"})});
  for (const char* source : {"10.0.0.1", "203.0.113.1", "255.0.0.1"}) {
    EXPECT_TRUE(rig.picture().at(kVip).admits(address(source))) << source;
  }
  rig.apply({ranged({"255.0.0.0/32"})});
  for (const char* source : {"10.0.0.1", "203.0.113.1", "255.0.0.1"}) {
    EXPECT_FALSE(rig.picture().at(kVip).admits(address(source))) << source;
  }
}

// Proves: K-77
TEST(SourceRanges, WithThisNodeInThemAdmitTheVipsAsSources) {
  PlanRig rig;
  rig.apply({ranged({"192.168.0.0/24"})});
  EXPECT_THAT(range_texts(rig), UnorderedElementsAre("192.168.0.0/24", "203.0.113.1/32"));
  EXPECT_TRUE(node_allowed(rig));
  rig.apply({ranged({"192.168.1.0/24"})});
  EXPECT_THAT(range_texts(rig), ElementsAre("192.168.1.0/24"));
  EXPECT_FALSE(node_allowed(rig));
}

TEST(SourceRanges, FollowTheAddressesOfTheNodeAndTouchNobodyElse) {
  PlanRig rig;
  rig.apply({ranged({"192.168.1.0/24"}), service_object("default/other", {"10.96.0.2"}, {tcp_port("", 80)})});
  NodeAddresses moved = rig.addresses;
  moved.node_ips = addresses_of({"192.168.1.9"});
  EXPECT_THAT(rig.planner.set_node_addresses(moved), ElementsAre(object_name("default/web")));
  rig.run(rig.planner.plan(rig.state, {object_name("default/web")}));
  EXPECT_THAT(range_texts(rig), UnorderedElementsAre("192.168.1.0/24", "203.0.113.1/32"));
  EXPECT_TRUE(node_allowed(rig));
}

// Proves: K-82
TEST(SourceRanges, ComeChangeAndGoWithoutAMomentTooOpenOrTooClosed) {
  PlanRig rig;
  for (const std::vector<std::string>& ranges : {std::vector<std::string>{},
                                                 {"10.0.0.0/8"},
                                                 {"10.1.0.0/16", "192.168.0.0/16"},
                                                 {"10.0.0.0/8", "172.16.0.0/12"},
                                                 {},
                                                 {"0.0.0.0/1"}}) {
    rig.apply({ranged(ranges)});
    EXPECT_EQ(rig.picture().at(kVip).filtered, !ranges.empty());
    for (const std::string& range : ranges) EXPECT_TRUE(rig.picture().at(kVip).admits(Cidr::parse(range)->address));
  }
  rig.apply({ranged({"10.1.0.0/16"})});
  EXPECT_FALSE(rig.picture().at(kVip).admits(address("10.2.0.1")));
  EXPECT_TRUE(rig.picture().at(kVip).admits(address("10.1.0.1")));
}

TEST(SourceRanges, OfAServiceThatIsGoneAreTakenAway) {
  PlanRig rig;
  rig.apply({ranged({"10.0.0.0/8"})});
  rig.apply({without(ObjectKind::kService, "default/web")});
  EXPECT_THAT(rig.store.source_ranges().value(), IsEmpty());
}

TEST(SourceRanges, AreKeptByARestart) {
  PlanRig rig;
  rig.apply({ranged({"192.168.0.0/24", "10.0.0.0/8"})});
  EXPECT_THAT(rig.restart().writes, IsEmpty());
}

TEST(SourceRanges, ThatNobodyWantsAreTakenAwayByTheNextStart) {
  PlanRig rig;
  rig.apply({ranged({"10.0.0.0/8"})});
  const uint32_t web = rig.service("default/web").index;
  const auto stray = [](uint32_t service) {
    return Write{
        .table = Table::kSourceRanges, .prefix_length = 8, .size = 16, .index = service, .bytes = {}, .name = {}};
  };
  const auto kept = rig.store.source_ranges().value();
  rig.store.apply_all(std::vector{stray(web), stray(50), stray(70000)});
  EXPECT_FALSE(rig.planner.stands_in(rig.store, Table::kSourceRanges).value()) << "something else changed it";
  rig.restart();
  EXPECT_EQ(rig.store.source_ranges().value(), kept);
  EXPECT_TRUE(rig.planner.stands_in(rig.store, Table::kSourceRanges).value());
}

TEST(SourceRanges, ThatWereLostComeBackWithTheNextStart) {
  PlanRig rig;
  rig.apply({ranged({"10.0.0.0/8"})});
  const auto kept = rig.store.source_ranges().value();
  rig.store.apply_all(std::vector{Write{.table = Table::kSourceRanges,
                                        .prefix_length = kept[0].prefix_length,
                                        .index = kept[0].service,
                                        .bytes = {std::byte{10}},
                                        .name = {}}});
  ASSERT_THAT(rig.store.source_ranges().value(), IsEmpty());
  rig.planner = Planner(rig.config);
  ASSERT_TRUE(rig.planner.adopt(rig.store));
  rig.store.apply_all(rig.planner.plan_all(rig.state).writes);
  EXPECT_EQ(rig.store.source_ranges().value(), kept);
}

}  // namespace
}  // namespace waggle
