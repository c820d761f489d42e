// SPDX-License-Identifier: Apache-2.0
// Which endpoints take new flows on this node: contract rows I-41 to I-50 and I-80 to I-84, one case each.
#include <gmock/gmock.h>

#include "plan/endpoint_sets.h"
#include "support/plan_rig.h"

namespace waggle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const NodeContext kNode{"node1", "zone-a"};
const ServicePort kPort{"http", Protocol::kTcp, 80, 0};
constexpr SetsNeeded kBoth{.cluster = true, .local = true};
constexpr SetsNeeded kCluster{.cluster = true, .local = false};
constexpr SetsNeeded kLocal{.cluster = false, .local = true};

EndpointSlice slice_of(std::vector<Endpoint> endpoints,
                       std::vector<EndpointPort> ports = {{"http", Protocol::kTcp, 8080}}) {
  return slice_object("default/web", "-1", std::move(endpoints), std::move(ports));
}

EndpointSets sets_of(const std::vector<EndpointSlice>& slices, SetsNeeded needed = kBoth,
                     const NodeContext& node = kNode, Family family = Family::kIpv4) {
  std::vector<const EndpointSlice*> pointers;
  for (const EndpointSlice& slice : slices) pointers.push_back(&slice);
  return endpoint_sets(pointers, kPort, family, needed, node);
}

std::vector<std::string> texts(const EndpointSets& sets, const std::vector<uint32_t>& places) {
  std::vector<std::string> all;
  for (const uint32_t place : places) {
    all.push_back(address_port_text(sets.endpoints[place].address, sets.endpoints[place].port));
  }
  return all;
}

std::vector<std::string> cluster(const EndpointSets& sets) { return texts(sets, sets.cluster); }
std::vector<std::string> local(const EndpointSets& sets) { return texts(sets, sets.local); }

Endpoint here(const std::string& address) { return endpoint(address, "node1"); }

Endpoint terminating(Endpoint one) {
  one.ready = false;
  one.terminating = true;
  return one;
}

Endpoint unready(Endpoint one) {
  one.ready = false;
  return one;
}

Endpoint hinted(const std::string& address, std::vector<std::string> nodes, std::vector<std::string> zones) {
  Endpoint one = endpoint(address);
  one.node_hints = std::move(nodes);
  one.zone_hints = std::move(zones);
  return one;
}

// Proves: I-43
TEST(EndpointJoin, TakesPortsOfTheSameNameAndProtocolWithTheNumberOfTheSlice) {
  const auto sets = sets_of({slice_of({endpoint("10.0.0.1")}, {{"http", Protocol::kTcp, 8080},
                                                               {"http", Protocol::kUdp, 8081},
                                                               {"", Protocol::kTcp, 8082},
                                                               {"metrics", Protocol::kTcp, 8083}})});
  EXPECT_THAT(cluster(sets), ElementsAre("10.0.0.1:8080"));
}

// Proves: I-44, X-048
TEST(EndpointJoin, KeepsEveryNumberThatSlicesGiveOneName) {
  const auto sets = sets_of({slice_of({endpoint("10.0.1.1")}, {{"http", Protocol::kTcp, 80}}),
                             slice_of({endpoint("10.0.1.1")}, {{"http", Protocol::kTcp, 8080}})});
  EXPECT_THAT(cluster(sets), ElementsAre("10.0.1.1:80", "10.0.1.1:8080"));
}

TEST(EndpointJoin, IgnoresPortNumberZeroAndSlicesWithoutPorts) {
  const auto sets = sets_of({slice_of({endpoint("10.0.0.1")}, {{"http", Protocol::kTcp, 0}}),  //
                             slice_of({endpoint("10.0.0.2")}, {})});
  EXPECT_THAT(cluster(sets), IsEmpty());
}

// Proves: I-41, X-041
TEST(EndpointJoin, LooksAtSlicesOfItsOwnFamilyOnly) {
  const std::vector<EndpointSlice> slices{slice_of({endpoint("10.0.0.1")}), slice_of({endpoint("fd00::1")})};
  EXPECT_THAT(cluster(sets_of(slices)), ElementsAre("10.0.0.1:8080"));
  EXPECT_THAT(cluster(sets_of(slices, kBoth, kNode, Family::kIpv6)), ElementsAre("[fd00::1]:8080"));
}

// Proves: I-42, I-50, X-044
TEST(EndpointJoin, SortsSetsByTextWhateverTheOrderOfSlices) {
  const auto one = slice_of({endpoint("10.0.1.9"), endpoint("10.0.1.10")});
  const auto other = slice_of({endpoint("10.0.1.1")});
  EXPECT_THAT(cluster(sets_of({one, other})), ElementsAre("10.0.1.10:8080", "10.0.1.1:8080", "10.0.1.9:8080"));
  EXPECT_EQ(cluster(sets_of({one, other})), cluster(sets_of({other, one})));
}

// Proves: I-47, X-045
TEST(EndpointDuplicates, CountOnce) {
  const auto sets = sets_of({slice_of({endpoint("10.0.0.1"), endpoint("10.0.0.1")}), slice_of({endpoint("10.0.0.1")})});
  EXPECT_EQ(sets.endpoints.size(), 1u);
}

// Proves: I-47, X-046, X-047
TEST(EndpointDuplicates, NotTerminatingBeatsTerminatingInEitherOrder) {
  const auto dying = slice_of({terminating(here("10.0.0.1"))});
  const auto healthy = slice_of({here("10.0.0.1")});
  for (const auto& slices : {std::vector{dying, healthy}, std::vector{healthy, dying}}) {
    const auto sets = sets_of(slices);
    ASSERT_EQ(sets.endpoints.size(), 1u);
    EXPECT_FALSE(sets.endpoints[0].terminating);
  }
}

// Proves: I-47
TEST(EndpointDuplicates, TheLastOfThoseNotTerminatingWins) {
  const auto sets = sets_of({slice_of({unready(here("10.0.0.1"))}), slice_of({here("10.0.0.1")})});
  EXPECT_THAT(cluster(sets), ElementsAre("10.0.0.1:8080"));
}

// Proves: I-81, I-84, K-33
TEST(ClusterSet, HoldsReadyEndpointsAndNoOthers) {
  Endpoint dead = unready(endpoint("10.0.0.4"));
  dead.serving = false;
  const auto sets = sets_of(
      {slice_of({endpoint("10.0.0.1"), unready(endpoint("10.0.0.2")), terminating(endpoint("10.0.0.3")), dead})});
  EXPECT_THAT(cluster(sets), ElementsAre("10.0.0.1:8080"));
  EXPECT_EQ(sets.endpoints.size(), 3u) << "what serves keeps its flows, what does not is not known";
}

// Proves: I-81, I-84, K-32
TEST(ClusterSet, FallsBackToTerminatingEndpointsThatServe) {
  Endpoint stopped = terminating(endpoint("10.0.0.3"));
  stopped.serving = false;
  const auto sets = sets_of({slice_of({unready(endpoint("10.0.0.1")), terminating(endpoint("10.0.0.2")), stopped})});
  EXPECT_THAT(cluster(sets), ElementsAre("10.0.0.2:8080"));
  EXPECT_TRUE(sets.usable_somewhere);
}

TEST(ClusterSet, IsNotMadeWhereNoPolicyAsksForIt) {
  EXPECT_THAT(cluster(sets_of({slice_of({endpoint("10.0.0.1")})}, kLocal)), IsEmpty());
}

// Proves: I-80, X-087
TEST(TopologyHints, ForThisNodeComeBeforeThoseForItsZone) {
  const auto sets =
      sets_of({slice_of({hinted("10.0.0.1", {"node1"}, {"zone-b"}), hinted("10.0.0.2", {"node2"}, {"zone-a"})})});
  EXPECT_THAT(cluster(sets), ElementsAre("10.0.0.1:8080"));
}

// Proves: I-80, X-088
TEST(TopologyHints, ForTheZoneCountWhenNoneIsForThisNode) {
  const auto sets =
      sets_of({slice_of({hinted("10.0.0.1", {"node3"}, {"zone-a"}), hinted("10.0.0.2", {"node2"}, {"zone-b"})})});
  EXPECT_THAT(cluster(sets), ElementsAre("10.0.0.1:8080"));
}

// Proves: I-80, X-081, X-089
TEST(TopologyHints, OfAKindCountOnlyIfEveryReadyEndpointHasOne) {
  const auto nodes =
      sets_of({slice_of({hinted("10.0.0.1", {"node1"}, {"zone-a"}), hinted("10.0.0.2", {}, {"zone-b"})})});
  EXPECT_THAT(cluster(nodes), ElementsAre("10.0.0.1:8080")) << "by zone";
  const auto none = sets_of({slice_of({hinted("10.0.0.1", {"node1"}, {"zone-a"}), hinted("10.0.0.2", {}, {})})});
  EXPECT_THAT(cluster(none), ElementsAre("10.0.0.1:8080", "10.0.0.2:8080"));
}

// Proves: X-082
TEST(TopologyHints, ForOtherZonesOnlyLeaveAllEndpoints) {
  const auto sets = sets_of({slice_of({hinted("10.0.0.1", {}, {"zone-b"}), hinted("10.0.0.2", {}, {"zone-c"})})});
  EXPECT_THAT(cluster(sets), ElementsAre("10.0.0.1:8080", "10.0.0.2:8080"));
}

// Proves
TEST(TopologyHints, ForSeveralZonesCountForEachOfThem) {
  const auto sets = sets_of({slice_of({hinted("10.0.0.1", {}, {"zone-b", "zone-a"}), hinted("10.0.0.2", {}, {"zone-a"}),
                                       hinted("10.0.0.3", {}, {"zone-b"}), hinted("10.0.0.4", {}, {"zone-c"})})});
  EXPECT_THAT(cluster(sets), ElementsAre("10.0.0.1:8080", "10.0.0.2:8080"));
}

// Proves: X-085
TEST(TopologyHints, ForThisZoneOfUnreadyEndpointsOnlyLeaveAllReadyOnes) {
  const auto sets = sets_of({slice_of({unready(hinted("10.0.0.1", {}, {"zone-a"})), hinted("10.0.0.2", {}, {"zone-b"}),
                                       hinted("10.0.0.3", {}, {"zone-c"})})});
  EXPECT_THAT(cluster(sets), ElementsAre("10.0.0.2:8080", "10.0.0.3:8080"));
}

// Proves
TEST(TopologyHints, AreNarrowedByReadyEndpointsWhateverUnreadyOnesSay) {
  const auto zones = sets_of({slice_of({unready(hinted("10.0.0.1", {}, {"zone-a"})), hinted("10.0.0.2", {}, {"zone-a"}),
                                        hinted("10.0.0.3", {}, {"zone-b"})})});
  EXPECT_THAT(cluster(zones), ElementsAre("10.0.0.2:8080"));
  const auto nodes = sets_of({slice_of(
      {hinted("10.0.0.1", {"node1"}, {}), hinted("10.0.0.2", {"node2"}, {}), unready(hinted("10.0.0.3", {}, {}))})});
  EXPECT_THAT(cluster(nodes), ElementsAre("10.0.0.1:8080"));
}

// Proves: I-80
TEST(TopologyHints, OfEndpointsThatAreNotReadyDoNotMatter) {
  Endpoint dying = terminating(hinted("10.0.0.2", {}, {}));
  const auto sets =
      sets_of({slice_of({hinted("10.0.0.1", {}, {"zone-a"}), hinted("10.0.0.3", {}, {"zone-b"}), dying})});
  EXPECT_THAT(cluster(sets), ElementsAre("10.0.0.1:8080"));
}

// Proves: I-81, X-097
TEST(TopologyHints, DoNotNarrowTheTerminatingFallback) {
  const auto sets = sets_of({slice_of({terminating(hinted("10.0.0.1", {}, {"zone-a"})),  //
                                       terminating(hinted("10.0.0.2", {}, {"zone-b"}))})});
  EXPECT_THAT(cluster(sets), ElementsAre("10.0.0.1:8080", "10.0.0.2:8080"));
}

// Proves: X-083
TEST(TopologyHints, CannotMatchANodeWithoutNameOrZone) {
  const auto sets =
      sets_of({slice_of({hinted("10.0.0.1", {""}, {""}), hinted("10.0.0.2", {"x"}, {"y"})})}, kBoth, {"", ""});
  EXPECT_THAT(cluster(sets), ElementsAre("10.0.0.1:8080", "10.0.0.2:8080"));
}

// Proves: I-82, X-091
TEST(LocalSet, HoldsReadyEndpointsOfThisNodeWhateverTheHints) {
  Endpoint elsewhere = here("10.0.0.1");
  elsewhere.zone_hints = {"zone-b"};
  Endpoint near = endpoint("10.0.0.2");
  near.zone_hints = {"zone-a"};
  const auto sets = sets_of({slice_of({elsewhere, near})});
  EXPECT_THAT(local(sets), ElementsAre("10.0.0.1:8080"));
  EXPECT_THAT(cluster(sets), ElementsAre("10.0.0.2:8080"));
}

// Proves: I-82, X-099
TEST(LocalSet, FallsBackToTerminatingHereThoughOthersAreReadyElsewhere) {
  const auto sets = sets_of({slice_of({terminating(here("10.0.0.1")), endpoint("10.0.0.2")})});
  EXPECT_THAT(local(sets), ElementsAre("10.0.0.1:8080"));
  EXPECT_THAT(cluster(sets), ElementsAre("10.0.0.2:8080"));
}

// Proves: I-48, X-057, X-058
TEST(LocalSet, NeedsTheExactNodeName) {
  const auto sets = sets_of({slice_of({endpoint("10.0.0.1", "node10"), endpoint("10.0.0.2", "")})});
  EXPECT_THAT(local(sets), IsEmpty());
  EXPECT_THAT(local(sets_of({slice_of({endpoint("10.0.0.2", "")})}, kBoth, {"", ""})), IsEmpty());
}

// Proves: X-100
TEST(LocalSet, IsNotMadeWhereNoPolicyAsksForIt) {
  EXPECT_THAT(local(sets_of({slice_of({here("10.0.0.1")})}, kCluster)), IsEmpty());
}

// Proves: I-83, X-094
TEST(UsableSomewhere, IsTrueWithOnlyRemoteEndpointsOfALocalService) {
  EXPECT_TRUE(sets_of({slice_of({endpoint("10.0.0.1")})}, kLocal).usable_somewhere);
  EXPECT_TRUE(sets_of({slice_of({terminating(endpoint("10.0.0.1"))})}, kLocal).usable_somewhere);
}

// Proves: I-83, X-096
TEST(UsableSomewhere, IsFalseWithOnlyUnreadyEndpoints) {
  EXPECT_FALSE(sets_of({slice_of({unready(here("10.0.0.1"))})}).usable_somewhere);
  EXPECT_FALSE(sets_of({}).usable_somewhere);
}

// Proves: X-092, I-85
TEST(LocalSet, BesideTheClusterSetSplitsByHintsAndLocality) {
  Endpoint elsewhere = here("10.0.0.1");
  elsewhere.zone_hints = {"zone-b"};
  const auto sets =
      sets_of({slice_of({elsewhere, hinted("10.0.0.2", {}, {"zone-a"}), hinted("10.0.0.3", {}, {"zone-b"})})});
  EXPECT_THAT(cluster(sets), ElementsAre("10.0.0.2:8080"));
  EXPECT_THAT(local(sets), ElementsAre("10.0.0.1:8080"));
  std::vector<bool> reachable;
  for (const WantedEndpoint& one : sets.endpoints) reachable.push_back(one.in_cluster || one.in_local);
  EXPECT_THAT(reachable, ElementsAre(true, true, false));
}

// Proves: X-095
TEST(LocalSet, AloneHoldsTheEndpointsHereAndThereIsNoClusterSet) {
  const auto sets = sets_of({slice_of({here("10.0.0.1"), endpoint("10.0.0.2"), here("10.0.0.3")})}, kLocal);
  EXPECT_THAT(local(sets), ElementsAre("10.0.0.1:8080", "10.0.0.3:8080"));
  EXPECT_THAT(cluster(sets), IsEmpty());
}

// Proves: X-098
TEST(LocalSet, IsEmptyWhenAllThatTerminateAreElsewhere) {
  const auto sets = sets_of({slice_of({terminating(endpoint("10.0.0.1")), terminating(endpoint("10.0.0.2"))})});
  EXPECT_THAT(local(sets), IsEmpty());
  EXPECT_THAT(cluster(sets), ElementsAre("10.0.0.1:8080", "10.0.0.2:8080"));
  EXPECT_TRUE(sets.usable_somewhere);
}

TEST(Endpoints, SayWhetherTheyAreHereAndShuttingDown) {
  const auto sets = sets_of({slice_of({terminating(here("10.0.0.1")), endpoint("10.0.0.2")})});
  ASSERT_EQ(sets.endpoints.size(), 2u);
  EXPECT_TRUE(sets.endpoints[0].local && sets.endpoints[0].terminating);
  EXPECT_FALSE(sets.endpoints[1].local || sets.endpoints[1].terminating);
}

}  // namespace
}  // namespace waggle
