// SPDX-License-Identifier: Apache-2.0
// A ClusterIP that may be a host's address: what makes it doubtful, and whom State touches when that changes.
#include "model/cluster_ip_doubt.h"

#include <gmock/gmock.h>

#include <random>

#include "support/plan_rig.h"

namespace waggle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

IpAddress address(const std::string& text) { return *IpAddress::parse(text); }

const ObjectName kWeb = object_name("default/web");
const IpAddress kClusterIp = address("10.96.0.1");

Service web() { return service_object("default/web", {"10.96.0.1", "fd01::1"}, {tcp_port("", 80)}); }
Service other() { return service_object("default/other", {"10.96.0.2"}, {tcp_port("", 80)}); }

ServiceCidr range(const std::string& name, const std::vector<std::string>& texts) {
  ServiceCidr object{.name = name, .resource_version = "", .cidrs = {}};
  for (const std::string& text : texts) object.cidrs.push_back(*Cidr::parse(text));
  return object;
}

Node node(const std::string& name, const std::string& own) {
  Node object;
  object.name = name;
  object.addresses = {address(own)};
  return object;
}

struct Doubt : testing::Test {
  Doubt() {
    state.apply(web());
    state.apply(other());
  }
  std::string doubt(const std::string& text = "10.96.0.1") {
    return cluster_ip_doubt(state, address(text)).value_or("");
  }
  State state;
};

TEST_F(Doubt, ThereIsNoneWhereNothingSpeaksAgainstAnAddress) { EXPECT_EQ(doubt(), ""); }

TEST_F(Doubt, ComesAndGoesWithServiceCidrsAndTouchesWhoIsConcerned) {
  EXPECT_THAT(state.apply(range("a", {"10.96.0.0/16"})), IsEmpty());
  EXPECT_EQ(doubt(), "");
  EXPECT_EQ(doubt("fd01::1"), "") << "no range of IPv6 is known";
  EXPECT_THAT(state.apply(range("a", {"10.96.0.2/31"})), UnorderedElementsAre(kWeb));
  EXPECT_EQ(doubt(), "lies in no ServiceCIDR that counts");
  EXPECT_THAT(state.apply(range("b", {"10.96.0.0/31"})), UnorderedElementsAre(kWeb));
  EXPECT_EQ(doubt(), "");
  state.apply(without(ObjectKind::kServiceCidr, "/b"));
  EXPECT_THAT(state.apply(without(ObjectKind::kServiceCidr, "/a")), UnorderedElementsAre(kWeb));
  EXPECT_EQ(doubt(), "") << "none is known any more";
}

TEST_F(Doubt, ARangeThatCannotBeMeantIsKnownAndHoldsNothing) {
  state.apply(range("a", {"10.96.0.0/16"}));
  EXPECT_THAT(state.apply(node("n1", "10.96.9.9")), UnorderedElementsAre(kWeb, object_name("default/other")));
  EXPECT_EQ(doubt(), "lies in no ServiceCIDR that counts");
  EXPECT_THAT(state.apply(without(ObjectKind::kNode, "/n1")), UnorderedElementsAre(kWeb, object_name("default/other")));
  EXPECT_EQ(doubt(), "");
}

TEST_F(Doubt, TheAddressOfANodeIsDoubtful) {
  state.apply(node("n2", "10.96.0.1"));
  EXPECT_EQ(doubt(), "is an address of node n2");
  EXPECT_THAT(state.apply(without(ObjectKind::kNode, "/n2")), UnorderedElementsAre(kWeb));
  EXPECT_EQ(doubt(), "");
}

TEST_F(Doubt, SoIsAnAddressOfOneOfOurLinks) {
  EXPECT_THAT(state.set_own_addresses({address("192.0.2.1"), kClusterIp}), UnorderedElementsAre(kWeb));
  EXPECT_EQ(doubt(), "is an address of a link of this node");
  EXPECT_THAT(state.set_own_addresses({address("192.0.2.1"), kClusterIp}), IsEmpty()) << "the same again";
  EXPECT_THAT(state.set_own_addresses({address("192.0.2.1")}), UnorderedElementsAre(kWeb));
  EXPECT_EQ(doubt(), "");
}

TEST_F(Doubt, TheAddressOfAnEndpointIsDoubtfulWhateverComesFirst) {
  const EndpointSlice slice = web_slice("default/api", {"10.0.0.1", "10.96.0.1"});
  EXPECT_THAT(state.apply(slice), UnorderedElementsAre(object_name("default/api"), kWeb));
  EXPECT_EQ(doubt(), "is the address of an endpoint, in EndpointSlice default/api-1");
  state.apply(without(ObjectKind::kService, "default/web"));
  state.apply(web());
  EXPECT_EQ(doubt(), "is the address of an endpoint, in EndpointSlice default/api-1");
  EXPECT_THAT(state.apply(without(ObjectKind::kEndpointSlice, "default/api-1")),
              UnorderedElementsAre(object_name("default/api"), kWeb));
  EXPECT_EQ(doubt(), "");
}

TEST_F(Doubt, HostsAreKnownWhenTheRangesComeToHoldThem) {
  state.apply(range("a", {"10.97.0.0/16"}));
  state.apply(web_slice("default/api", {"10.96.0.1"}));
  EXPECT_EQ(doubt(), "lies in no ServiceCIDR that counts");
  state.apply(range("a", {"10.96.0.0/16"}));
  EXPECT_EQ(doubt(), "is the address of an endpoint, in EndpointSlice default/api-1");
}

// The whole address is the service's while nobody doubts it; the service's own ports are served in any case.
TEST(DoubtfulClusterIp, IsNotRefusedInTheNameOfTheServiceWhileItsPortsAreServed) {
  PlanRig rig;
  const auto whole = [&rig] { return rig.picture().any_ports.contains("10.96.0.1:*"); };
  rig.apply({web(), web_slice("default/web", {"10.0.0.1"})});
  EXPECT_TRUE(whole());
  const std::vector<std::pair<Event, Event>> reasons = {
      {range("a", {"10.97.0.0/16"}), without(ObjectKind::kServiceCidr, "/a")},
      {node("n2", "10.96.0.1"), without(ObjectKind::kNode, "/n2")},
      {web_slice("default/api", {"10.96.0.1"}), without(ObjectKind::kEndpointSlice, "default/api-1")}};
  for (const auto& [comes, goes] : reasons) {
    rig.apply({comes});
    EXPECT_FALSE(whole());
    EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").decision(), "pick from 10.0.0.1:8080");
    rig.restart();
    EXPECT_FALSE(whole());
    rig.apply({goes});
    EXPECT_TRUE(whole());
  }
}

TEST(AddressFilter, KnowsAllThatWereAddedAndNotRemoved) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  AddressFilter filter;
  std::map<uint32_t, int> wanted;
  const auto of = [](uint32_t number) {
    return number % 2 == 0 ? IpAddress::from_words(Family::kIpv4, std::array<uint32_t, 4>{number}.data())
                           : IpAddress::from_words(Family::kIpv6, std::array<uint32_t, 4>{1, 0, 0, number}.data());
  };
  for (int step = 0; step < 20'000; ++step) {
    const auto number = static_cast<uint32_t>(random() % 700);
    if (wanted[number] > 0 && random() % 2 == 0) {
      --wanted[number];
      filter.remove(of(number));
    } else {
      ++wanted[number];
      filter.add(of(number));
    }
    const auto asked = static_cast<uint32_t>(random() % 700);
    ASSERT_EQ(filter.may_have(of(asked)), wanted[asked] > 0) << "step " << step;
  }
}

}  // namespace
}  // namespace waggle
