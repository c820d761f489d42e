// SPDX-License-Identifier: Apache-2.0
// Taking over the tables of a previous run: after a clean stop nothing is written, after a crash at any write
// everything ends as wanted, and what no run of ours can have left there is set right.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "plan/table_views.h"
#include "support/plan_rig.h"

namespace waggle {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

Service balancer() {
  Service service = service_object("default/lb", {"10.96.0.2", "fd01::2"}, {tcp_port("http", 80), udp_port("dns", 53)});
  service.type = "LoadBalancer";
  service.external_policy = TrafficPolicy::kLocal;
  service.load_balancer_ingress = {ingress("203.0.113.1"), ingress("2001:db8::1")};
  service.source_ranges = {*Cidr::parse("192.168.0.0/24"), *Cidr::parse("2001:db8:1::/48")};
  service.external_ips = addresses_of({"198.51.100.1"});
  service.ports[0].node_port = 30080;
  service.affinity_timeout_s = 600;
  return service;
}

EndpointSlice balancer_slice(std::vector<Endpoint> endpoints, const std::string& suffix) {
  return slice_object("default/lb", suffix, std::move(endpoints),
                      {{"http", Protocol::kTcp, 8080}, {"dns", Protocol::kUdp, 5353}});
}

std::vector<Event> first_objects() {
  return {service_object("default/web", {"10.96.0.1"}, {tcp_port("", 80)}),
          web_slice("default/web", {"10.0.0.1", "10.0.0.2"}),
          service_object("default/still", {"10.96.0.9"}, {tcp_port("", 80)}),
          web_slice("default/still", {"10.0.9.1"}),
          balancer(),
          balancer_slice({endpoint("10.0.1.1", "node1"), endpoint("10.0.1.2")}, "-4"),
          balancer_slice({endpoint("fd00::1", "node1"), endpoint("fd00::2")}, "-6")};
}

// Adds, removes, scales, renames and moves an address, all at once.
std::vector<Event> next_objects() {
  Service changed = balancer();
  changed.ports = {tcp_port("http", 8000), tcp_port("admin", 81)};
  changed.ports[0].node_port = 30081;
  changed.external_policy = TrafficPolicy::kCluster;
  changed.source_ranges = {*Cidr::parse("192.168.1.0/24"), *Cidr::parse("10.0.0.0/8")};
  changed.external_ips = addresses_of({"198.51.100.2"});
  changed.affinity_timeout_s = 0;
  Service heir = service_object("default/heir", {"10.96.0.1"}, {tcp_port("", 80)});
  heir.load_balancer_ingress = {ingress("203.0.113.7")};
  heir.source_ranges = {*Cidr::parse("10.0.0.0/8")};
  heir.affinity_timeout_s = 10800;
  return {without(ObjectKind::kService, "default/web"),
          heir,
          web_slice("default/heir", {"10.0.5.1", "10.0.5.2"}),
          changed,
          balancer_slice({endpoint("10.0.1.2"), endpoint("10.0.1.3", "node1")}, "-4"),
          without(ObjectKind::kEndpointSlice, "default/lb-6"),
          service_object("default/new", {"10.96.0.4"}, {tcp_port("", 80)}),
          web_slice("default/new", {"10.0.4.1"})};
}

// Proves: O-56, X-244
// Proves: O-51
TEST(Adoption, OfUnchangedTablesWritesNothing) {
  PlanRig rig;
  rig.apply(first_objects());
  EXPECT_THAT(rig.restart().writes, IsEmpty());
  rig.apply(next_objects());
  EXPECT_THAT(rig.restart().writes, IsEmpty()) << "with tombstones and gone backends";
  rig.sweep();
  EXPECT_THAT(rig.restart().writes, IsEmpty());
  rig.settle();
  EXPECT_THAT(rig.restart().writes, IsEmpty());
}

TEST(Adoption, WaitsForReadersOfWhatWasFreedLast) {
  PlanRig rig;
  rig.restart();
  EXPECT_EQ(rig.store.waits(), 1);
}

TEST(Adoption, KeepsIdsPositionsAndGenerations) {
  PlanRig rig;
  rig.apply(first_objects());
  rig.apply({web_slice("default/web", {"10.0.0.2", "10.0.0.3"})});
  const ServiceView before = rig.service("default/web");
  rig.restart();
  rig.apply({web_slice("default/web", {"10.0.0.2", "10.0.0.4"})});
  const ServiceView after = rig.service("default/web");
  EXPECT_EQ(after.index, before.index);
  EXPECT_EQ(after.frontends.at(0).position, before.frontends.at(0).position);
  EXPECT_EQ(after.cluster_set.generation, before.cluster_set.generation + 1);
  EXPECT_EQ(after.cluster_set.backends.at(0), before.cluster_set.backends.at(0));
}

TEST(Adoption, KeepsServingAStateThatChangedMeanwhile) {
  PlanRig rig;
  rig.apply(first_objects());
  for (Event& event : next_objects()) rig.state.apply(std::move(event));
  rig.restart();
  PlanRig fresh;
  fresh.apply(first_objects());
  fresh.apply(next_objects());
  EXPECT_EQ(text_of(rig.picture()), text_of(fresh.picture()));
}

TEST(Adoption, ReleasesWhatThePreviousRunLeftBehind) {
  PlanRig rig;
  rig.apply(first_objects());
  std::vector<Event> all;
  for (const auto& [name, service] : rig.state.services()) all.push_back(Deletion{ObjectKind::kService, name});
  rig.apply(all);
  rig.restart();
  EXPECT_TRUE(rig.planner.wants_sweep());
  rig.settle();
  EXPECT_THAT(rig.services(), IsEmpty());
  EXPECT_THAT(rig.names(), IsEmpty());
}

TEST(Adoption, ThenAPlanOfOneServiceIsOneOfAll) {
  PlanRig rig;
  rig.apply(first_objects());
  for (Event& event : next_objects()) rig.state.apply(std::move(event));
  rig.planner = Planner(rig.config);
  ASSERT_TRUE(rig.planner.adopt(rig.store));
  EXPECT_TRUE(rig.planner.wants_plan());
  rig.run(rig.planner.plan(rig.state, {}));
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").service, "default/heir");
}

// The node has another address in the same step.
std::set<ObjectName> take_next(PlanRig& rig, const std::vector<Event>& events) {
  rig.addresses = {.node_port_addresses = addresses_of({"192.168.1.2"}), .node_ips = addresses_of({"192.168.1.2"})};
  std::set<ObjectName> touched = rig.planner.set_node_addresses(rig.addresses);
  for (Event event : events) touched.merge(rig.state.apply(std::move(event)));
  return touched;
}

// Applies just the first `allowed` writes, then starts anew.
void crash_and_restart(const std::vector<Event>& before, const std::vector<Event>& after, size_t allowed,
                       const std::string& wanted) {
  PlanRig rig;
  rig.apply(before);
  const Plan plan = rig.planner.plan(rig.state, take_next(rig, after));
  FailingStore dying(rig.store, allowed);
  size_t applied = 0;
  while (applied < plan.writes.size() && dying.apply(plan.writes[applied])) ++applied;
  ASSERT_EQ(applied, std::min(allowed, plan.writes.size()));
  const std::string still = text_of(rig.picture());
  if (!before.empty()) {
    ASSERT_THAT(still, HasSubstr("10.96.0.9:80/TCP -> default/still"));
  }
  rig.restart();
  ASSERT_EQ(text_of(rig.picture()), wanted);
  ASSERT_THAT(loose_ends(rig.store, rig.state), IsEmpty());
  ASSERT_THAT(rig.restart().writes, IsEmpty());
  rig.settle();
  ASSERT_EQ(text_of(rig.picture()), wanted);
  ASSERT_THAT(rig.restart().writes, IsEmpty());
}

void crash_everywhere(const std::vector<Event>& before, const std::vector<Event>& after) {
  PlanRig whole;
  whole.apply(before);
  const Plan plan = whole.planner.plan(whole.state, take_next(whole, after));
  whole.run(plan);
  const size_t writes = plan.writes.size();
  const std::string wanted = text_of(whole.picture());
  ASSERT_GT(writes, 20u);
  for (size_t allowed = 0; allowed <= writes; ++allowed) {
    SCOPED_TRACE(fmt::format("crash after {} of {} writes", allowed, writes));
    crash_and_restart(before, after, allowed, wanted);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Crash, AtAnyWriteOfTheFirstPlanIsRepairedByTheNextStart) { crash_everywhere({}, first_objects()); }

// Proves: O-57
TEST(Crash, AtAnyWriteOfAChangeIsRepairedByTheNextStart) { crash_everywhere(first_objects(), next_objects()); }

TEST(Crash, AtAnyWriteOfAReleaseIsRepairedByTheNextStart) {
  const auto prepare = [](PlanRig& rig) {
    rig.apply(first_objects());
    rig.apply(next_objects());
    rig.grace();
    return rig.planner.release({}, rig.planner.settled());
  };
  PlanRig whole;
  const size_t writes = prepare(whole).writes.size();
  const std::string wanted = text_of(whole.picture());
  ASSERT_GT(writes, 20u);
  for (size_t allowed = 0; allowed <= writes; ++allowed) {
    SCOPED_TRACE(fmt::format("crash after {} of {} writes", allowed, writes));
    PlanRig rig;
    const Plan plan = prepare(rig);
    rig.store.apply_all(std::span(plan.writes).first(allowed));
    rig.restart();
    ASSERT_EQ(text_of(rig.picture()), wanted);
    rig.settle();
    ASSERT_EQ(text_of(rig.picture()), wanted);
    ASSERT_THAT(rig.restart().writes, IsEmpty());
    ASSERT_FALSE(HasFailure());
  }
}

TEST(Crash, BeforeAnythingCanBeReadIsAnErrorThatNamesTheTable) {
  PlanRig rig;
  MemoryStore other({.frontend_buckets4 = 16,
                     .frontend_buckets6 = 16,
                     .services = 64,
                     .slots = 512,
                     .backends = 128,
                     .reply_gate_words = 4,
                     .frontend_gate_words = 4,
                     .source_ranges = 256});
  const auto adopted = rig.planner.adopt(other);
  ASSERT_FALSE(adopted);
  EXPECT_THAT(adopted.error().message, HasSubstr("table backends"));
  FailingStore dead(rig.store, 0);
  EXPECT_FALSE(rig.planner.adopt(dead));
}

template <typename Entry>
Entry* entries(PlanRig& rig, Table table) {
  return reinterpret_cast<Entry*>(rig.store.bytes(table).data());
}

TEST(Crash, AtAnyWriteOfAMoveOfTheNodeIsRepairedByTheNextStart) {
  std::vector<Event> events = first_objects();
  for (int number = 0; number < 12; ++number) {
    Service service = service_object(fmt::format("default/n{}", number), {fmt::format("10.96.1.{}", number)},
                                     {{"", Protocol::kTcp, 80, static_cast<uint16_t>(30100 + number)}});
    events.emplace_back(std::move(service));
  }
  crash_everywhere(events, {});
}

// After the damage: the next start puts everything back and every reader's view is whole again.
void expect_repaired(PlanRig& rig, const std::string& wanted) {
  rig.planner = Planner(rig.config);
  rig.planner.set_node_addresses(rig.addresses);
  ASSERT_TRUE(rig.planner.adopt(rig.store));
  rig.store.apply_all(rig.planner.plan_all(rig.state).writes);
  EXPECT_EQ(text_of(rig.picture()), wanted);
  EXPECT_THAT(broken_invariants(rig.store, rig.config.sizes, rig.config.hash_key), IsEmpty());
  rig.settle();
  EXPECT_EQ(text_of(rig.picture()), wanted);
  EXPECT_THAT(rig.restart().writes, IsEmpty());
}

class Damage : public ::testing::Test {
 protected:
  void SetUp() override {
    rig.apply(first_objects());
    wanted = text_of(rig.picture());
  }

  PlanRig rig;
  std::string wanted;
};

TEST_F(Damage, ToTheReplyGateIsRepaired) {
  for (uint32_t word = 0; word < rig.config.sizes.reply_gate_words; ++word)
    entries<uint64_t>(rig, Table::kReplyGate)[word] ^= ~0ull;
  expect_repaired(rig, wanted);
}

TEST_F(Damage, ToTheFrontendGateIsRepaired) {
  for (uint32_t word = 0; word < rig.config.sizes.frontend_gate_words; ++word)
    entries<uint64_t>(rig, Table::kFrontendGate)[word] ^= ~0ull;
  expect_repaired(rig, wanted);
}

TEST_F(Damage, ToABackendsOwnerIsRepaired) {
  const auto ids = rig.service("default/web").cluster_set.backends;
  entries<wg_backend>(rig, Table::kBackends)[ids[0]].service = 0xffffffff;
  entries<wg_backend>(rig, Table::kBackends)[ids[1]].state = 77;
  expect_repaired(rig, wanted);
}

TEST_F(Damage, ToSlotsIsRepaired) {
  const SetView set = rig.service("default/web").cluster_set;
  entries<wg_slot>(rig, Table::kSlots)[set.base].backend = 0x00ffffff;
  expect_repaired(rig, wanted);
}

TEST_F(Damage, ToASetWordIsRepaired) {
  const uint32_t web = rig.service("default/web").index, still = rig.service("default/still").index;
  auto* services = entries<wg_service>(rig, Table::kServices);
  services[web].cluster_set = wg_set_make(0x00fffff0, 0xfffff, 3);
  services[still].local_set = services[web].cluster_set;
  expect_repaired(rig, wanted);
}

TEST_F(Damage, ByTwoServicesSharingARangeIsRepaired) {
  auto* services = entries<wg_service>(rig, Table::kServices);
  const uint32_t web = rig.service("default/web").index, still = rig.service("default/still").index;
  services[still].cluster_set = services[web].cluster_set;
  expect_repaired(rig, wanted);
}

TEST_F(Damage, ToFrontendsIsRepaired) {
  const FrontendView web = rig.service("default/web").frontends.at(0);
  auto* ways = entries<wg_frontend4>(rig, Table::kFrontends4);
  const uint32_t elsewhere = (web.position + 12 * WG_FRONTEND_WAYS) % (16 * WG_FRONTEND_WAYS);
  ways[elsewhere] = ways[web.position];
  const uint32_t first_way = web.position / WG_FRONTEND_WAYS * WG_FRONTEND_WAYS;
  ways[first_way].kind |= WG_FRONTEND_OVERFLOW;
  ways[web.position].service = 0xffffffff;
  expect_repaired(rig, wanted);
}

TEST_F(Damage, ByAFrontendOfNoServiceIsRepaired) {
  const FrontendView web = rig.service("default/web").frontends.at(0);
  entries<wg_frontend4>(rig, Table::kFrontends4)[web.position].service = 50;
  expect_repaired(rig, wanted);
}

TEST_F(Damage, ToSetBitsIsRepaired) {
  for (const uint32_t id : rig.service("default/web").cluster_set.backends) {
    entries<wg_backend>(rig, Table::kBackends)[id].flags ^= WG_BACKEND_IN_CLUSTER | WG_BACKEND_IN_LOCAL;
  }
  expect_repaired(rig, wanted);
  EXPECT_THAT(loose_ends(rig.store, rig.state), IsEmpty());
}

TEST_F(Damage, ByALostNameIsRepaired) {
  const uint32_t web = rig.service("default/web").index;
  rig.store.apply_all(std::vector<Write>{{.table = Table::kServiceNames, .index = web, .name = nullptr}});
  expect_repaired(rig, wanted);
}

TEST_F(Damage, ByANameWithoutServiceIsRepaired) {
  const auto name = std::make_shared<wg_service_name>();
  name->name[0] = 'x';
  rig.store.apply_all(std::vector<Write>{{.table = Table::kServiceNames, .index = 40, .name = name},
                                         {.table = Table::kServiceNames, .index = 4000, .name = name}});
  rig.restart();
  rig.settle();
  for (const auto& [index, left] : rig.names()) EXPECT_NE(index, 40u);
}

TEST_F(Damage, ByTwoIndexesOfOneNameIsRepaired) {
  const auto names = rig.names();
  const uint32_t web = rig.service("default/web").index, still = rig.service("default/still").index;
  for (const auto& [index, name] : names) {
    if (index != web) continue;
    rig.store.apply_all(std::vector<Write>{
        {.table = Table::kServiceNames, .index = still, .name = std::make_shared<wg_service_name>(name)}});
  }
  expect_repaired(rig, wanted);
}

}  // namespace
}  // namespace waggle
