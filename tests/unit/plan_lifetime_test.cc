// SPDX-License-Identifier: Apache-2.0
// How long backends, frontends and services stay in the tables after they are gone from the API.
#include <gmock/gmock.h>

#include <bit>

#include "support/plan_rig.h"

namespace waggle {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kWeb = "default/web";

Service web() { return service_object(kWeb, {"10.96.0.1"}, {tcp_port("", 80)}); }
Service web6() { return service_object(kWeb, {"fd01::1"}, {tcp_port("", 80)}); }

FlowReferences to_backend(uint32_t index) {
  FlowReferences references;
  references.backends.resize(index + 1);
  references.backends[index] = true;
  return references;
}

const BackendView* find(const std::vector<BackendView>& backends, const std::string& address) {
  for (const BackendView& backend : backends) {
    if (backend.address.text() == address) return &backend;
  }
  return nullptr;
}

uint64_t gate_bits(PlanRig& rig) {
  uint64_t bits = 0;
  for (const std::byte byte : rig.bytes(Table::kReplyGate)) {
    bits += static_cast<uint64_t>(std::popcount(std::to_integer<unsigned>(byte)));
  }
  return bits;
}

TEST(Backends, KeepTheirIdWhileTheyShutDownAndComeBack) {
  PlanRig rig;
  rig.apply({web(), web_slice(kWeb, {"10.0.0.1", "10.0.0.2"})});
  const uint32_t id = find(rig.service(kWeb).backends, "10.0.0.1")->index;
  Endpoint dying = endpoint("10.0.0.1");
  dying.ready = false;
  dying.terminating = true;
  rig.apply({slice_object(kWeb, "-1", {dying, endpoint("10.0.0.2")}, {{"", Protocol::kTcp, 8080}})});
  EXPECT_EQ(find(rig.service(kWeb).backends, "10.0.0.1")->state, WG_BACKEND_TERMINATING);
  rig.apply({web_slice(kWeb, {"10.0.0.2"})});
  EXPECT_EQ(find(rig.service(kWeb).backends, "10.0.0.1")->state, WG_BACKEND_GONE);
  rig.apply({web_slice(kWeb, {"10.0.0.1", "10.0.0.2"})});
  EXPECT_EQ(find(rig.service(kWeb).backends, "10.0.0.1")->state, WG_BACKEND_ACTIVE);
  EXPECT_EQ(find(rig.service(kWeb).backends, "10.0.0.1")->index, id);
}

TEST(Backends, ThatServeButAreNotReadyKeepTheirFlowsAndGetNoNewOnes) {
  PlanRig rig;
  Endpoint unready = endpoint("10.0.0.1");
  unready.ready = false;
  rig.apply({web(), slice_object(kWeb, "-1", {unready, endpoint("10.0.0.2")}, {{"", Protocol::kTcp, 8080}})});
  const ServiceView service = rig.service(kWeb);
  EXPECT_EQ(find(service.backends, "10.0.0.1")->state, WG_BACKEND_ACTIVE);
  EXPECT_EQ(members(service, service.cluster_set), "10.0.0.2:8080");
}

TEST(Backends, ThatAreGoneStayWhileAFlowNamesThem) {
  PlanRig rig;
  rig.apply({web(), web_slice(kWeb, {"10.0.0.1"})});
  const uint32_t id = rig.service(kWeb).backends.at(0).index;
  rig.apply({web_slice(kWeb, {})});
  EXPECT_TRUE(rig.planner.wants_sweep());
  rig.sweep(to_backend(id));
  EXPECT_THAT(rig.service(kWeb).backends, SizeIs(1));
  EXPECT_EQ(gate_bits(rig), 1u);
  rig.sweep();
  EXPECT_THAT(rig.service(kWeb).backends, IsEmpty());
  EXPECT_EQ(gate_bits(rig), 0u);
  EXPECT_FALSE(rig.planner.wants_sweep());
}

TEST(Backends, ThatWentAfterTheGracePeriodAreNotReleasedByItsSweep) {
  PlanRig rig;
  rig.apply({web(), web_slice(kWeb, {"10.0.0.1"})});
  rig.grace();
  rig.apply({web_slice(kWeb, {})});
  EXPECT_THAT(rig.planner.release({}, rig.planner.settled()).writes, IsEmpty());
}

TEST(Backends, ThatWentWhileAGracePeriodLastedWaitForTheNextOne) {
  PlanRig rig;
  rig.apply({web(), web_slice(kWeb, {"10.0.0.1"})});
  rig.planner.grace_began();
  rig.apply({web_slice(kWeb, {})});
  rig.planner.grace_passed();
  EXPECT_THAT(rig.planner.release({}, rig.planner.settled()).writes, IsEmpty());
  EXPECT_TRUE(rig.planner.wants_grace());
  rig.grace();
  EXPECT_THAT(rig.planner.release({}, rig.planner.settled()).writes, Not(IsEmpty()));
}

TEST(Backends, ThatWentWhileASweepLastedAreNotReleasedByIt) {
  PlanRig rig;
  rig.apply({web(), web_slice(kWeb, {"10.0.0.1"})});
  rig.grace();
  const uint32_t when_the_sweep_began = rig.planner.settled();
  rig.apply({web_slice(kWeb, {})});
  rig.grace();
  EXPECT_THAT(rig.planner.release({}, when_the_sweep_began).writes, IsEmpty());
}

TEST(Backends, GetAnIndexAgainOnlyAfterTheNextGracePeriodAndWithANewGeneration) {
  PlanRig rig;
  rig.apply({web(), web_slice(kWeb, {"10.0.0.1"})});
  const BackendView first = rig.service(kWeb).backends.at(0);
  rig.apply({web_slice(kWeb, {})});
  rig.sweep();
  rig.apply({web_slice(kWeb, {"10.0.0.2"})});
  EXPECT_NE(rig.service(kWeb).backends.at(0).index, first.index);
  rig.grace();
  rig.apply({web_slice(kWeb, {"10.0.0.2", "10.0.0.3"})});
  const auto backends = rig.service(kWeb).backends;
  EXPECT_EQ(find(backends, "10.0.0.3")->index, first.index);
  EXPECT_EQ(find(backends, "10.0.0.3")->generation, first.generation + 1);
}

TEST(ReplyGate, KeepsABitThatAnotherBackendNeeds) {
  PlanRig rig;
  rig.apply({web(), service_object("default/other", {"10.96.0.2"}, {tcp_port("", 80)}), web_slice(kWeb, {"10.0.0.1"}),
             web_slice("default/other", {"10.0.0.1"})});
  EXPECT_EQ(gate_bits(rig), 1u);
  rig.apply({web_slice(kWeb, {})});
  rig.sweep();
  EXPECT_EQ(gate_bits(rig), 1u);
  rig.apply({web_slice("default/other", {})});
  rig.sweep();
  EXPECT_EQ(gate_bits(rig), 0u);
}

TEST(Frontends, ThatAreGoneStayAsTombstonesWhileAFlowNamesThem) {
  PlanRig rig;
  rig.apply({web6()});
  const uint32_t position = rig.service(kWeb, Family::kIpv6).frontends.at(0).position;
  rig.apply({without(ObjectKind::kService, kWeb)});
  EXPECT_THAT(rig.picture(), IsEmpty());
  FlowReferences references;
  references.frontends6.resize(position + 1);
  references.frontends6[position] = true;
  rig.sweep(references);
  EXPECT_EQ(rig.service(kWeb, Family::kIpv6).frontends.at(0).kind, WG_FRONTEND_TOMBSTONE);
  rig.sweep();
  EXPECT_THAT(rig.services(), IsEmpty());
}

TEST(Frontends, OfIpv4AreKeptByTheSamePositions) {
  PlanRig rig;
  rig.apply({web()});
  const uint32_t position = rig.service(kWeb).frontends.at(0).position;
  rig.apply({without(ObjectKind::kService, kWeb)});
  FlowReferences references;
  references.frontends4.resize(position + 1);
  references.frontends4[position] = true;
  rig.sweep(references);
  EXPECT_THAT(rig.services(), SizeIs(1));
}

TEST(Frontends, ThatReturnAreLiveAtTheSamePlace) {
  PlanRig rig;
  rig.apply({web6()});
  const FrontendView first = rig.service(kWeb, Family::kIpv6).frontends.at(0);
  rig.apply({without(ObjectKind::kService, kWeb)});
  rig.apply({web6()});
  const FrontendView again = rig.service(kWeb, Family::kIpv6).frontends.at(0);
  EXPECT_EQ(again.position, first.position);
  EXPECT_EQ(again.service, first.service);
  EXPECT_EQ(again.kind, WG_FRONTEND_LIVE);
}

TEST(Frontends, ThatReturnWithAnotherServiceLeadThere) {
  PlanRig rig;
  rig.apply({web(), web_slice(kWeb, {"10.0.0.1"}), web_slice("default/next", {"10.0.0.2"})});
  const uint32_t position = rig.service(kWeb).frontends.at(0).position;
  rig.apply({without(ObjectKind::kService, kWeb)});
  rig.apply({service_object("default/next", {"10.96.0.1"}, {tcp_port("", 80)})});
  EXPECT_EQ(rig.service("default/next").frontends.at(0).position, position);
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").decision(), "pick from 10.0.0.2:8080");
  rig.settle();
  EXPECT_EQ(rig.service(kWeb).index, 0u) << "nothing names the old service any more";
}

TEST(Frontends, MoveBetweenServicesInOnePlanWithoutAGap) {
  PlanRig rig;
  rig.apply({web(), web_slice(kWeb, {"10.0.0.1"}), web_slice("default/next", {"10.0.0.2"})});
  rig.apply({without(ObjectKind::kService, kWeb), service_object("default/next", {"10.96.0.1"}, {tcp_port("", 80)})});
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").service, "default/next");
}

TEST(Frontends, LeaveTheirPlaceEmptyForOneGracePeriod) {
  PlanRig rig({.frontend_buckets4 = 1,
               .frontend_buckets6 = 1,
               .services = 64,
               .slots = 64,
               .backends = 64,
               .reply_gate_words = 4,
               .frontend_gate_words = 4});
  rig.apply({web()});
  const uint32_t first = rig.service(kWeb).frontends.at(0).position;
  rig.apply({without(ObjectKind::kService, kWeb)});
  rig.sweep();
  rig.apply({service_object("default/a", {"10.96.0.2"}, {tcp_port("", 80)})});
  EXPECT_NE(rig.service("default/a").frontends.at(0).position, first);
  rig.grace();
  rig.apply({service_object("default/b", {"10.96.0.3"}, {tcp_port("", 80)})});
  EXPECT_EQ(rig.service("default/b").frontends.at(0).position, first);
}

TEST(ServiceIndexes, AreFreedWithTheirLastFrontendAndBackend) {
  PlanRig rig;
  rig.apply({web(), web_slice(kWeb, {"10.0.0.1"})});
  const ServiceView service = rig.service(kWeb);
  rig.apply({without(ObjectKind::kService, kWeb)});
  rig.sweep(to_backend(service.backends.at(0).index));
  EXPECT_EQ(rig.service(kWeb).index, service.index) << "a flow still needs its backend";
  rig.sweep();
  EXPECT_THAT(rig.services(), IsEmpty());
  EXPECT_THAT(rig.names(), IsEmpty());
  rig.settle();
  EXPECT_TRUE(rig.has_no_frontends());
  for (const Table table : {Table::kServices, Table::kReplyGate}) {
    for (const std::byte byte : rig.bytes(table)) ASSERT_EQ(byte, std::byte{0}) << table_name(table);
  }
  EXPECT_FALSE(rig.planner.wants_sweep());
  EXPECT_FALSE(rig.planner.wants_grace());
}

TEST(ServiceIndexes, AreKeptForAServiceThatReturnsInTime) {
  PlanRig rig;
  rig.apply({web(), web_slice(kWeb, {"10.0.0.1"})});
  const uint32_t index = rig.service(kWeb).index;
  rig.apply({without(ObjectKind::kService, kWeb)});
  EXPECT_EQ(rig.service(kWeb).flags, WG_SERVICE_LIVE);
  rig.apply({web()});
  EXPECT_EQ(rig.service(kWeb).index, index);
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").decision(), "pick from 10.0.0.1:8080");
  rig.settle();
  EXPECT_EQ(rig.service(kWeb).index, index);
}

}  // namespace
}  // namespace waggle
