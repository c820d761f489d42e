// SPDX-License-Identifier: Apache-2.0
// Services and backends as rows and documents, from views made up in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "cli/service_rows.h"

namespace waggle::cli {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

BackendView backend(uint32_t index, std::string_view text, wg_backend_state state, bool local) {
  return {.index = index, .service = 1, .address = address(text), .port = 8080, .state = state, .local = local};
}

ServiceView web() {
  ServiceView service;
  service.index = 1;
  service.name = {"default", "web"};
  service.port_name = "http";
  service.port = 80;
  service.flags = WG_SERVICE_LIVE | WG_SERVICE_EXTERNAL_LOCAL | WG_SERVICE_HAS_ENDPOINTS;
  service.frontends = {{.position = 3, .address = address("10.96.0.10"), .port = 80, .kind = WG_FRONTEND_LIVE},
                       {.position = 9, .address = address("192.0.2.1"), .port = 80, .kind = WG_FRONTEND_TOMBSTONE}};
  service.backends = {backend(5, "10.244.1.2", WG_BACKEND_ACTIVE, true),
                      backend(6, "10.244.2.2", WG_BACKEND_TERMINATING, false),
                      backend(7, "10.244.2.3", WG_BACKEND_GONE, false)};
  service.cluster_set = {.base = 16, .generation = 4, .backends = {5}};
  service.local_set = {.base = 20, .generation = 2, .backends = {5}};
  return service;
}

Catalog catalog() {
  const ServiceView service = web();
  std::vector<BackendView> backends = service.backends;
  backends.push_back({.index = 9, .service = 77, .address = address("fd00::1"), .port = 53, .state = WG_BACKEND_GONE});
  return {{service}, backends, {}};
}

std::map<std::string, Value> by_key(const std::vector<Column>& columns, const Row& row) {
  EXPECT_EQ(columns.size(), row.size());
  std::map<std::string, Value> found;
  for (size_t i = 0; i < columns.size(); ++i) found.emplace(columns[i].key, row[i]);
  return found;
}

TEST(ServiceRowsTest, ARowTellsFrontendsReadinessAndTraffic) {
  const wg_service_counter counter{
      .request_packets = 10, .request_bytes = 1000, .reply_packets = 8, .reply_bytes = 4000, .new_flows = 2};
  const auto row = by_key(service_columns(), service_row(web(), counter));
  EXPECT_EQ(row.at("namespace"), Value("default"));
  EXPECT_EQ(row.at("port_text"), Value("http:80"));
  EXPECT_EQ(row.at("frontends"), Value(Value::List{"10.96.0.10:80"}));
  EXPECT_EQ(row.at("ready_text"), Value("1/2"));
  EXPECT_EQ(row.at("ready_backends"), Value(1u));
  EXPECT_EQ(row.at("local_backends"), Value(1u));
  EXPECT_EQ(row.at("backends"), Value(2u));
  EXPECT_EQ(row.at("new_flows"), Value(2u));
  EXPECT_EQ(row.at("request_packets"), Value(10u));
  EXPECT_EQ(row.at("reply_bytes"), Value(4000u));
  EXPECT_EQ(row.at("internal_policy"), Value("Cluster"));
  EXPECT_EQ(row.at("external_policy"), Value("Local"));
  EXPECT_EQ(row.at("affinity_s"), Value());
}

TEST(ServiceRowsTest, ADocumentTellsWhatAFrontendIsAndWhoMayComeIn) {
  ServiceView service = web();
  service.affinity_epoch = 3;
  service.source_ranges = {Cidr::parse("10.0.0.0/8").value()};
  service.frontends[0].node_port = service.frontends[1].filtered = true;
  const Document document = service_document(service, {});
  const Listing& frontends = document.sections[0].table;
  EXPECT_EQ(by_key(frontends.columns, frontends.rows[0]).at("node_port"), Value(true));
  EXPECT_EQ(by_key(frontends.columns, frontends.rows[1]).at("filtered"), Value(true));
  std::map<std::string, Value> fields;
  for (const Field& field : document.fields) fields.emplace(field.key, field.value);
  EXPECT_EQ(fields.at("source_ranges"), Value(Value::List{"10.0.0.0/8"}));
  EXPECT_EQ(fields.at("affinity_epoch"), Value(3u));
}

TEST(ServiceRowsTest, ADocumentShowsWhatTheListLeavesOut) {
  const Document document = service_document(web(), {});
  ASSERT_THAT(document.sections, SizeIs(3));
  const Listing& frontends = document.sections[0].table;
  ASSERT_THAT(frontends.rows, SizeIs(2));
  EXPECT_EQ(by_key(frontends.columns, frontends.rows[1]).at("state"), Value("tombstone"));
  const Listing& backends = document.sections[1].table;
  ASSERT_THAT(backends.rows, SizeIs(3));
  const auto active = by_key(backends.columns, backends.rows[0]);
  EXPECT_EQ(active.at("state"), Value("active"));
  EXPECT_EQ(active.at("local"), Value(true));
  EXPECT_EQ(active.at("in_cluster_set"), Value(true));
  EXPECT_EQ(by_key(backends.columns, backends.rows[2]).at("in_cluster_set"), Value(false));
  const Listing& sets = document.sections[2].table;
  EXPECT_EQ(by_key(sets.columns, sets.rows[0]).at("generation"), Value(4u));
}

std::string field(const ServiceView& service, std::string_view key) {
  for (const Field& each : service_document(service, {}).fields)
    if (each.key == key) return each.value.text(Unit::kNone, 0);
  return "no such field";
}

TEST(ServiceRowsTest, ADocumentSaysInWordsWhereNewFlowsGo) {
  ServiceView service = web();
  EXPECT_EQ(field(service, "service"), "default/web:http 80/TCP IPv4");
  EXPECT_EQ(field(service, "usable"), "1 of 2 take new flows, 1 of them on this node");
  service.local_set.backends.clear();
  EXPECT_THAT(field(service, "usable"), HasSubstr("what the policy keeps on this node is dropped"));
  service.cluster_set.backends.clear();
  service.flags = WG_SERVICE_LIVE;
  EXPECT_EQ(field(service, "usable"), "none ready: new flows are refused");
}

TEST(ServiceRowsTest, BackendsAreListedWithServiceAndState) {
  const Listing all = backend_table(catalog(), nullptr);
  ASSERT_THAT(all.rows, SizeIs(4));
  const auto first = by_key(all.columns, all.rows[0]);
  EXPECT_EQ(first.at("backend"), Value("10.244.1.2:8080"));
  EXPECT_EQ(first.at("service"), Value("default/web:http"));
  EXPECT_EQ(first.at("in_use"), Value(true));
  EXPECT_EQ(by_key(all.columns, all.rows[3]).at("service"), Value(""));
}

TEST(ServiceRowsTest, BackendsOfOneServiceLeaveOutTheRest) {
  const Catalog all = catalog();
  const auto chosen = all.select(ServiceSelector::parse("default/web").value());
  ASSERT_TRUE(chosen);
  EXPECT_THAT(backend_table(all, &*chosen).rows, SizeIs(3));
}

TEST(CatalogTest, AServiceIsChosenByNameAndPort) {
  const Catalog all = catalog();
  for (const char* text : {"default/web", "default/web:http", "default/web:80"})
    EXPECT_TRUE(all.select(ServiceSelector::parse(text).value())) << text;
  EXPECT_FALSE(all.select(ServiceSelector::parse("default/web:443").value()));
}

TEST(CatalogTest, AnUnknownServiceFailsWithTheNearestName) {
  const auto none = catalog().select(ServiceSelector::parse("default/wbe").value());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().status, kExitFailed);
  EXPECT_EQ(none.error().message, "the tables have no service default/wbe; did you mean 'default/web'?");
}

TEST(CatalogTest, ANameWithoutNamespaceIsAUsageError) {
  for (const char* text : {"web", "/web", "default/", "default/web:"}) {
    const auto selector = ServiceSelector::parse(text);
    ASSERT_FALSE(selector) << text;
    EXPECT_EQ(selector.error().status, kExitUsage);
  }
}

}  // namespace
}  // namespace waggle::cli
