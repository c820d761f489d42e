// SPDX-License-Identifier: Apache-2.0
// A restart beside manifests that cannot be read: what only they may name stays as the previous run left it, the rest
// follows what is known, and once all is known the tables say what a fresh plan would.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "support/plan_rig.h"

namespace waggle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Service web() { return service_object("default/web", {"10.96.0.1"}, {tcp_port("", 80)}); }
Service shop() {
  Service service = service_object("default/shop", {"10.96.0.2"}, {tcp_port("", 80)});
  service.type = "LoadBalancer";
  service.load_balancer_ingress = {ingress("203.0.113.1")};
  return service;
}

struct Restarted : testing::Test {
  PlanRig rig;

  void SetUp() override {
    rig.apply(
        {web(), web_slice("default/web", {"10.0.0.1", "10.0.0.2"}), shop(), web_slice("default/shop", {"10.0.1.1"})});
  }
  Plan restart(std::vector<Event> known) {
    rig.state = {};
    for (Event& event : known) rig.state.apply(std::move(event));
    rig.planner = Planner(rig.config);
    rig.planner.set_complete(false);
    EXPECT_TRUE(rig.planner.adopt(rig.store));
    return rig.plan_all();
  }
  void complete() {
    rig.planner.set_complete(true);
    rig.run(rig.planner.plan(rig.state, std::set(rig.planner.unconfirmed())));
  }
  std::string decision(const std::string& frontend) { return rig.picture().frontends.at(frontend).decision(); }
};

TEST_F(Restarted, KeepsAServiceThatNothingReadableNames) {
  const auto before = text_of(rig.picture());
  EXPECT_THAT(restart({web(), web_slice("default/web", {"10.0.0.1", "10.0.0.2"})}).writes, IsEmpty());
  EXPECT_EQ(text_of(rig.picture()), before);
  EXPECT_THAT(rig.planner.unconfirmed(), ElementsAre(object_name("default/shop")));
}

// The previous run had removed it, and only flows are left of it.
TEST_F(Restarted, DoesNotKeepWhatIsATombstone) {
  rig.apply({Deletion{ObjectKind::kService, object_name("default/shop")},
             Deletion{ObjectKind::kEndpointSlice, web_slice("default/shop", {}).name}});
  restart({web(), web_slice("default/web", {"10.0.0.1", "10.0.0.2"})});
  EXPECT_THAT(rig.planner.unconfirmed(), IsEmpty());
}

TEST_F(Restarted, KeepsEndpointsWhoseSliceIsUnread) {
  EXPECT_THAT(restart({web(), shop(), web_slice("default/shop", {"10.0.1.1"})}).writes, IsEmpty());
  EXPECT_EQ(decision("10.96.0.1:80/TCP"), "pick from 10.0.0.1:8080 10.0.0.2:8080");
}

TEST_F(Restarted, FollowsWhatIsKnownInFull) {
  EndpointSlice slice = web_slice("default/web", {"10.0.0.1", "10.0.0.2", "10.0.0.3"});
  slice.endpoints[1].ready = slice.endpoints[1].serving = false;
  restart({web(), slice});
  EXPECT_EQ(decision("10.96.0.1:80/TCP"), "pick from 10.0.0.1:8080 10.0.0.3:8080");
  EXPECT_EQ(decision("203.0.113.1:80/TCP"), "pick from 10.0.1.1:8080");
}

TEST_F(Restarted, TakesWhatComesToBeKnownAtOnce) {
  restart({web(), web_slice("default/web", {"10.0.0.1", "10.0.0.2"})});
  rig.apply({shop(), web_slice("default/shop", {"10.0.1.1", "10.0.1.2"})});
  EXPECT_THAT(rig.planner.unconfirmed(), IsEmpty());
  EXPECT_EQ(decision("10.96.0.2:80/TCP"), "pick from 10.0.1.1:8080 10.0.1.2:8080");
  rig.apply({web_slice("default/web", {"10.0.0.2"})});  // read in full once, so this is no gap in what is known
  EXPECT_EQ(decision("10.96.0.1:80/TCP"), "pick from 10.0.0.2:8080");
}

TEST_F(Restarted, WithdrawsWhatIsStillUnnamedWhenAllIsRead) {
  restart({web(), web_slice("default/web", {"10.0.0.1"})});
  complete();
  EXPECT_EQ(decision("10.96.0.1:80/TCP"), "pick from 10.0.0.1:8080");
  EXPECT_FALSE(rig.picture().frontends.contains("203.0.113.1:80/TCP"));
  EXPECT_THAT(rig.planner.unconfirmed(), IsEmpty());
  EXPECT_TRUE(rig.plan_all().writes.empty());
}

TEST_F(Restarted, GivesAKeptAddressToAnOlderClaimantOnlyThen) {
  Service heir = service_object("default/heir", {"10.96.0.2"}, {tcp_port("", 80)});
  heir.creation_timestamp = "2020-01-01T00:00:00Z";
  restart({web(), web_slice("default/web", {"10.0.0.1", "10.0.0.2"}), heir, web_slice("default/heir", {"10.0.7.1"})});
  EXPECT_EQ(decision("10.96.0.2:80/TCP"), "pick from 10.0.1.1:8080");
  rig.apply({shop(), web_slice("default/shop", {"10.0.1.1"})});
  EXPECT_EQ(decision("10.96.0.2:80/TCP"), "pick from 10.0.7.1:8080");
}

}  // namespace
}  // namespace waggle
