// SPDX-License-Identifier: Apache-2.0
// Slices that come, change and go: what is left of them in the tables, and what counts as a change (contract X-043 and
// X-060..X-067, service changes X-034..X-036).
#include <gmock/gmock.h>

#include "support/plan_rig.h"

namespace waggle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Service web() { return service_object("default/web", {"10.96.0.1"}, {tcp_port("http", 80), tcp_port("tls", 443)}); }

EndpointSlice slice(const std::string& suffix, std::vector<Endpoint> endpoints, std::vector<EndpointPort> ports) {
  return slice_object("default/web", suffix, std::move(endpoints), std::move(ports));
}

const EndpointPort kHttp{"http", Protocol::kTcp, 8080};
const EndpointPort kTls{"tls", Protocol::kTcp, 8443};

std::string http(PlanRig& rig) { return rig.picture().at("10.96.0.1:80/TCP").decision(); }
std::string tls(PlanRig& rig) { return rig.picture().at("10.96.0.1:443/TCP").decision(); }

// Proves: X-043
TEST(Slices, WithTwoPortsGiveEachPortAllEndpointsAndKnowThoseHere) {
  PlanRig rig;
  rig.apply(
      {web(), slice("-1", {endpoint("10.0.0.1", "node1"), endpoint("10.0.0.2"), endpoint("10.0.0.3")}, {kHttp, kTls})});
  EXPECT_EQ(http(rig), "pick from 10.0.0.1:8080 10.0.0.2:8080 10.0.0.3:8080");
  EXPECT_EQ(tls(rig), "pick from 10.0.0.1:8443 10.0.0.2:8443 10.0.0.3:8443");
  for (const char* name : {"default/web:http", "default/web:tls"}) {
    for (const BackendView& backend : rig.service(name).backends) {
      EXPECT_EQ(backend.local, backend.address.text() == "10.0.0.1");
    }
  }
}

// A change, but one that writes nothing: sets are sorted.
// Proves: X-060, I-51
TEST(Slices, InAnotherOrderAreAChangeThatWritesNothing) {
  PlanRig rig;
  rig.apply({web(), slice("-1", {endpoint("10.0.0.1"), endpoint("10.0.0.2")}, {kHttp, kTls})});
  const auto reordered = slice("-1", {endpoint("10.0.0.2"), endpoint("10.0.0.1")}, {kTls, kHttp});
  EXPECT_THAT(State(rig.state).apply(reordered), ElementsAre(object_name("default/web")));
  EXPECT_THAT(rig.apply({reordered}).writes, IsEmpty());
}

// Proves: X-061
TEST(Slices, NeverSeenAreNoChangeWhenTheyGo) {
  PlanRig rig;
  rig.apply({web()});
  EXPECT_THAT(rig.state.apply(without(ObjectKind::kEndpointSlice, "default/web-9")), IsEmpty());
}

// Proves
TEST(Slices, AndServicesThatComeAndGoBetweenTwoPlansLeaveNothing) {
  PlanRig rig;
  EXPECT_THAT(
      rig.apply({web(), slice("-1", {endpoint("10.0.0.1")}, {kHttp}),
                 without(ObjectKind::kEndpointSlice, "default/web-1"), without(ObjectKind::kService, "default/web")})
          .writes,
      IsEmpty());
  EXPECT_TRUE(rig.planner.empty());
  EXPECT_EQ(rig.state.slice_count(), 0u);
}

// Proves: X-063
TEST(Slices, ThatStayKeepTheirEndpointsWhenAnotherGoes) {
  PlanRig rig;
  rig.apply({web(), slice("-1", {endpoint("10.0.0.1")}, {kHttp}), slice("-2", {endpoint("10.0.0.2")}, {kHttp})});
  rig.apply({without(ObjectKind::kEndpointSlice, "default/web-1")});
  EXPECT_EQ(http(rig), "pick from 10.0.0.2:8080");
  EXPECT_EQ(rig.state.slice_count(), 1u);
}

// Proves: X-064
TEST(Slices, ThatLoseAPortTakeItsEndpointsAwayAndNoOthers) {
  PlanRig rig;
  rig.apply({web(), slice("-1", {endpoint("10.0.0.1")}, {kHttp, kTls})});
  rig.apply({slice("-1", {endpoint("10.0.0.1")}, {kHttp})});
  EXPECT_EQ(http(rig), "pick from 10.0.0.1:8080");
  EXPECT_EQ(tls(rig), "reject");
}

// Proves
TEST(Slices, WithAPortOfAnotherNameOrNumberMoveItsEndpoints) {
  PlanRig rig;
  rig.apply({web(), slice("-1", {endpoint("10.0.0.1")}, {kHttp})});
  rig.apply({slice("-1", {endpoint("10.0.0.1")}, {{"tls", Protocol::kTcp, 8080}})});
  EXPECT_EQ(http(rig), "reject");
  EXPECT_EQ(tls(rig), "pick from 10.0.0.1:8080");
  rig.apply({slice("-1", {endpoint("10.0.0.1")}, {{"tls", Protocol::kTcp, 9090}})});
  EXPECT_EQ(tls(rig), "pick from 10.0.0.1:9090");
}

// Proves: X-001
TEST(ServiceChanges, OfAServiceThatIsNotThereAreNone) {
  PlanRig rig;
  EXPECT_THAT(rig.planner.plan(rig.state, {object_name("default/nobody")}).writes, IsEmpty());
  EXPECT_TRUE(rig.planner.empty());
}

// Proves: X-031
TEST(ServiceChanges, OfFourServicesWithTenPortsMakeTenIndexes) {
  PlanRig rig;
  std::vector<Event> events;
  for (int number = 0; number < 4; ++number) {
    Service service = service_object("default/s" + std::to_string(number), {"10.96.0." + std::to_string(number + 1)},
                                     {tcp_port("a", 80), udp_port("b", 81)});
    if (number % 2 == 0) service.ports.push_back(tcp_port("c", 82));
    if (number == 2) {
      service.type = "LoadBalancer";
      service.external_policy = TrafficPolicy::kLocal;
      service.load_balancer_ingress = {ingress("203.0.113.1")};
    }
    events.emplace_back(std::move(service));
  }
  rig.apply(events);
  EXPECT_THAT(rig.services(), ::testing::SizeIs(10));
  for (const ServiceView& service : rig.services()) {
    EXPECT_EQ((service.flags & WG_SERVICE_EXTERNAL_LOCAL) != 0, service.name.name == "s2");
  }
}

// Proves, I-34
TEST(ServiceChanges, ThatEndWhereTheyBeganWriteNothing) {
  PlanRig rig;
  rig.apply({web(), slice("-1", {endpoint("10.0.0.1")}, {kHttp})});
  Service other = web();
  other.ports[0].port = 81;
  other.affinity_timeout_s = 60;
  EXPECT_THAT(rig.apply({other, web()}).writes, IsEmpty());
}

}  // namespace
}  // namespace waggle
