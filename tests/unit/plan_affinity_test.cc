// SPDX-License-Identifier: Apache-2.0
// What session affinity reads in the tables: the timeout, the epoch that a new beginning gets (contract K-66, K-67),
// and the bits by which a remembered backend is known to stand in a set (K-64).
#include <gmock/gmock.h>

#include "support/plan_rig.h"

namespace waggle {
namespace {

using ::testing::IsEmpty;

Service web(uint32_t timeout_s) {
  Service service = service_object("default/web", {"10.96.0.1"}, {tcp_port("", 80)});
  service.affinity_timeout_s = timeout_s;
  return service;
}

uint32_t epoch(PlanRig& rig) { return rig.service("default/web").affinity_epoch; }

// "cluster", "local", "both" or "none" for the backend with this address.
std::string sets_of(PlanRig& rig, const std::string& address) {
  for (const BackendView& backend : rig.service("default/web").backends) {
    if (backend.address.text() != address) continue;
    if (backend.in_cluster) return backend.in_local ? "both" : "cluster";
    return backend.in_local ? "local" : "none";
  }
  return "unknown";
}

// Proves: K-66
TEST(AffinityEpoch, GrowsEachTimeAffinityBegins) {
  PlanRig rig;
  rig.apply({web(0)});
  const uint32_t before = epoch(rig);
  rig.apply({web(600)});
  EXPECT_EQ(epoch(rig), before + 1);
  rig.apply({web(0)});
  EXPECT_EQ(epoch(rig), before + 1);
  rig.apply({web(600)});
  EXPECT_EQ(epoch(rig), before + 2);
}

// Proves: K-67
TEST(AffinityEpoch, IsLeftByEverythingElse) {
  PlanRig rig;
  rig.apply({web(600), web_slice("default/web", {"10.0.0.1"})});
  const uint32_t begun = epoch(rig);
  rig.apply({web(7200)});
  rig.apply({web_slice("default/web", {"10.0.0.2"})});
  Service changed = web(7200);
  changed.ports[0].port = 8000;
  rig.apply({changed});
  EXPECT_THAT(rig.restart().writes, IsEmpty());
  EXPECT_EQ(epoch(rig), begun);
}

TEST(AffinityEpoch, IsNotUsedAgainByTheNextServiceOfTheIndex) {
  PlanRig rig;
  rig.apply({web(600)});
  const ServiceView first = rig.service("default/web");
  rig.apply({without(ObjectKind::kService, "default/web")});
  rig.settle();
  ASSERT_THAT(rig.services(), IsEmpty());
  rig.restart();
  rig.apply({web(600)});
  ASSERT_EQ(rig.service("default/web").index, first.index);
  EXPECT_EQ(epoch(rig), first.affinity_epoch + 1);
}

// Proves: K-64, I-85
TEST(SetBits, SayInWhichSetsABackendStands) {
  PlanRig rig;
  Service internal = web(600);
  internal.ports[0].node_port = 30080;
  internal.internal_policy = TrafficPolicy::kLocal;
  Endpoint unready = endpoint("10.0.0.3");
  unready.ready = false;
  const auto slice = [&](std::vector<Endpoint> endpoints) {
    return slice_object("default/web", "-1", std::move(endpoints), {{"", Protocol::kTcp, 8080}});
  };
  rig.apply({internal, slice({endpoint("10.0.0.1", "node1"), endpoint("10.0.0.2"), unready})});
  EXPECT_EQ(sets_of(rig, "10.0.0.1"), "both");
  EXPECT_EQ(sets_of(rig, "10.0.0.2"), "cluster");
  EXPECT_EQ(sets_of(rig, "10.0.0.3"), "none");
  internal.ports[0].node_port = 0;
  rig.apply({internal});
  EXPECT_EQ(sets_of(rig, "10.0.0.1"), "local") << "nothing asks for the cluster set";
  EXPECT_EQ(sets_of(rig, "10.0.0.2"), "none");
}

TEST(SetBits, FollowABackendThatLeavesAndComesBack) {
  PlanRig rig;
  rig.apply({web(600), web_slice("default/web", {"10.0.0.1", "10.0.0.2"})});
  rig.apply({web_slice("default/web", {"10.0.0.2"})});
  EXPECT_EQ(sets_of(rig, "10.0.0.1"), "none");
  rig.apply({web_slice("default/web", {"10.0.0.1", "10.0.0.2"})});
  EXPECT_EQ(sets_of(rig, "10.0.0.1"), "cluster");
  EXPECT_THAT(rig.restart().writes, IsEmpty());
}

}  // namespace
}  // namespace waggle
