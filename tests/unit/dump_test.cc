// SPDX-License-Identifier: Apache-2.0
// The tables read back for people: joined views and decoded rows, from whatever the tables hold.
#include "plan/dump.h"

#include <gmock/gmock.h>

#include <random>

#include "support/plan_rig.h"

namespace waggle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Dump : public ::testing::Test {
 protected:
  void SetUp() override {
    Service web = service_object("default/web", {"10.96.0.1", "fd01::1"}, {tcp_port("http", 80), udp_port("", 53)});
    web.type = "LoadBalancer";
    web.load_balancer_ingress = {ingress("203.0.113.1")};
    web.external_policy = TrafficPolicy::kLocal;
    Endpoint dying = endpoint("10.0.0.2");
    dying.ready = false;
    dying.terminating = true;
    rig.apply({web, slice_object("default/web", "-4", {endpoint("10.0.0.1", "node1"), dying, endpoint("10.0.0.3")},
                                 {{"http", Protocol::kTcp, 8080}})});
  }

  std::vector<std::string> lines(Table table, DumpIds ids) {
    std::vector<std::string> all;
    const auto rows = dump_table(rig.store, table, ids).value();
    for (const Row& row : rows) all.push_back(row_text(row));
    return all;
  }

  PlanRig rig;
};

TEST_F(Dump, JoinsAServiceWithAllThatBelongsToIt) {
  const ServiceView web = rig.service("default/web:http");
  EXPECT_EQ(web.name.text(), "default/web");
  EXPECT_EQ(web.port, 80);
  EXPECT_EQ(web.protocol, Protocol::kTcp);
  EXPECT_THAT(web.frontends, SizeIs(2));
  EXPECT_EQ(web.frontends[1].address.text(), "203.0.113.1");
  EXPECT_TRUE(web.frontends[1].external);
  EXPECT_THAT(web.backends, SizeIs(3));
  EXPECT_TRUE(web.backends[0].local);
  EXPECT_EQ(web.backends[1].state, WG_BACKEND_TERMINATING);
  EXPECT_EQ(members(web, web.cluster_set), "10.0.0.1:8080 10.0.0.3:8080");
  EXPECT_EQ(members(web, web.local_set), "10.0.0.1:8080");
  EXPECT_EQ(service_flags_text(web.flags), "external-local,has-endpoints");
}

TEST_F(Dump, SortsServicesByNamePortNameProtocolAndFamily) {
  std::vector<std::string> names;
  for (const ServiceView& service : rig.services()) names.push_back(service_port_text(service));
  EXPECT_THAT(names, ElementsAre("default/web", "default/web", "default/web:http", "default/web:http"));
  EXPECT_EQ(rig.services()[0].family, Family::kIpv4);
  EXPECT_EQ(rig.services()[1].family, Family::kIpv6);
}

TEST_F(Dump, ShowsIdsAsTheyStandInTheTables) {
  const ServiceView web = rig.service("default/web:http");
  EXPECT_THAT(lines(Table::kServices, DumpIds::kShown)[0],
              ::testing::StartsWith(
                  "index=1 name=default/web:http protocol=TCP family=IPv4 port=80 "
                  "flags=external-local,has-endpoints affinity_s=0 affinity_epoch=0 cluster_set=1+2@1 local_set="));
  EXPECT_EQ(lines(Table::kBackends, DumpIds::kShown)[0],
            "index=1 address=10.0.0.1:8080 protocol=TCP state=active local=yes in_cluster=yes in_local=yes service=1 "
            "generation=1");
  EXPECT_THAT(lines(Table::kSlots, DumpIds::kShown),
              ElementsAre("index=1 backend=1", "index=2 backend=3", "index=3 backend=1"));
  EXPECT_EQ(lines(Table::kServiceNames, DumpIds::kShown)[0],
            "index=1 namespace=default name=web port_name=http port=80");
  EXPECT_THAT(lines(Table::kReplyGate, DumpIds::kShown), ::testing::Each(::testing::HasSubstr("bits=")));
}

TEST_F(Dump, MasksIdsByWhatTheyStandFor) {
  EXPECT_THAT(
      lines(Table::kFrontends6, DumpIds::kMasked),
      ElementsAre("address=[fd01::1]:* protocol=* state=live service=default/web/UDP/IPv6 external=no node_port=no "
                  "filtered=no",
                  "address=[fd01::1]:53 protocol=UDP state=live service=default/web/UDP/IPv6 external=no node_port=no "
                  "filtered=no",
                  "address=[fd01::1]:80 protocol=TCP state=live service=default/web:http/TCP/IPv6 external=no "
                  "node_port=no filtered=no"));
  EXPECT_EQ(lines(Table::kServices, DumpIds::kMasked)[2],
            "name=default/web:http protocol=TCP family=IPv4 port=80 flags=external-local,has-endpoints affinity_s=0 "
            "affinity_epoch=0 cluster_set=10.0.0.1:8080,10.0.0.3:8080 local_set=10.0.0.1:8080");
}

TEST_F(Dump, ShowsWhatAFrontendIsAndWhichSourcesItAdmits) {
  Service all = service_object("default/all", {"10.96.0.9"}, {{"", Protocol::kTcp, 80, 30080}});
  all.load_balancer_ingress = {ingress("203.0.113.9")};
  all.source_ranges = {*Cidr::parse("10.0.0.0/8")};
  rig.apply({all});
  EXPECT_THAT(lines(Table::kFrontends4, DumpIds::kMasked),
              ::testing::IsSupersetOf({"address=192.168.0.2:30080 protocol=TCP state=live service=default/all/TCP/IPv4 "
                                       "external=yes node_port=yes filtered=no",
                                       "address=203.0.113.9:80 protocol=TCP state=live service=default/all/TCP/IPv4 "
                                       "external=yes node_port=no filtered=yes"}));
  EXPECT_THAT(lines(Table::kSourceRanges, DumpIds::kMasked),
              ElementsAre("service=default/all/TCP/IPv4 range=10.0.0.0/8"));
  EXPECT_THAT(rig.service("default/all").frontends, SizeIs(3)) << "without the entry for any port";
}

TEST_F(Dump, LeavesEmptyEntriesOut) {
  PlanRig empty;
  for (uint8_t table = 0; table < kTableCount; ++table) {
    EXPECT_THAT(dump_table(empty.store, static_cast<Table>(table)).value(), IsEmpty());
  }
}

TEST_F(Dump, FindsTablesByTheNameOfTheirMap) {
  EXPECT_EQ(table_by_name("frontends6"), Table::kFrontends6);
  EXPECT_EQ(table_by_name("service_names"), Table::kServiceNames);
  EXPECT_EQ(table_by_name("flows4"), std::nullopt);
}

TEST_F(Dump, SaysWhichTableCouldNotBeRead) {
  FailingStore dead(rig.store, 0);
  for (uint8_t table = 0; table < kTableCount; ++table) {
    EXPECT_FALSE(dump_table(dead, static_cast<Table>(table)));
  }
  EXPECT_THAT(services_view(dead).error().message, ::testing::HasSubstr("table services"));
}

TEST_F(Dump, SurvivesTablesFullOfNoise) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (uint8_t table = 0; table < static_cast<uint8_t>(Table::kServiceNames); ++table) {
    for (std::byte& byte : rig.store.bytes(static_cast<Table>(table))) byte = std::byte(random() & 0xff);
  }
  for (uint8_t table = 0; table < kTableCount; ++table) {
    EXPECT_TRUE(dump_table(rig.store, static_cast<Table>(table), DumpIds::kShown));
    EXPECT_TRUE(dump_table(rig.store, static_cast<Table>(table), DumpIds::kMasked));
  }
  Planner planner(rig.config);
  EXPECT_TRUE(planner.adopt(rig.store));
  rig.store.apply_all(planner.plan_all(rig.state).writes);
  EXPECT_THAT(broken_invariants(rig.store, rig.config.sizes, rig.config.hash_key), IsEmpty());
}

}  // namespace
}  // namespace waggle
