// SPDX-License-Identifier: Apache-2.0
// Decoded tables and their usage, from contents made up in memory.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "cli/map_rows.h"
#include "cli/usage.h"
#include "dataplane/netns_cookie.h"
#include "waggle/abi/backend.h"
#include "waggle/abi/frontend.h"

namespace waggle::cli {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

std::map<std::string, Value> by_key(const std::vector<Column>& columns, const Row& row) {
  EXPECT_EQ(columns.size(), row.size());
  std::map<std::string, Value> found;
  for (size_t i = 0; i < columns.size() && i < row.size(); ++i) found.emplace(columns[i].key, row[i]);
  return found;
}

void set_address(__be32* words, Family family, std::string_view text) {
  const auto from = IpAddress::parse(text).value().words();
  std::memcpy(words, from.data(), family == Family::kIpv4 ? 4 : 16);
}

TEST(MapRowsTest, MetaTellsNodeAndLayoutButNeverTheHashKey) {
  wg_meta meta{};
  meta.abi_version = 1;
  meta.hash_key = {.k0 = 0xdeadbeef, .k1 = 1234567};
  meta.snat_port_min = 61440;
  meta.snat_port_mask = 4095;
  meta.created_unix_s = 1'700'000'000;
  std::strcpy(meta.node_name, "n1");
  const Listing table = meta_table(meta);
  const auto row = by_key(table.columns, table.rows.at(0));
  EXPECT_EQ(row.at("node"), Value("n1"));
  EXPECT_EQ(row.at("snat_port_max"), Value(65535u));
  EXPECT_EQ(row.at("created"), Value("2023-11-14T22:13:20Z"));
  for (const auto& [key, value] : row) {
    EXPECT_NE(value, Value(meta.hash_key.k0)) << key;
    EXPECT_NE(value, Value(meta.hash_key.k1)) << key;
  }
}

// The agent is in the network namespace of this test.
InterfaceNames here() { return InterfaceNames(AgentStatus{.netns_cookie = own_netns_cookie().value()}); }

TEST(MapRowsTest, ALinkOfAnotherNetworkNamespaceHasAnIndexOnly) {
  wg_control control{};
  control.link[1] = {.ifindex = 1, .flags = WG_LINK_UPLINK, .snat4 = 2, .snat6 = WG_NO_ADDRESS, .reserved = 0};
  const Listing table = control_table(control, InterfaceNames(std::nullopt));
  const auto link = by_key(table.columns, table.rows.at(1));
  EXPECT_EQ(link.at("interface"), Value());
  EXPECT_EQ(link.at("ifindex"), Value(1u));
}

TEST(MapRowsTest, ControlTellsEpochAddressesAndLinks) {
  wg_control control{};
  control.nexthop_epoch = 9;
  set_address(&control.snat_address4[2], Family::kIpv4, "192.168.1.1");
  set_address(control.snat_address6[0], Family::kIpv6, "fd00::1");
  control.link[1] = {.ifindex = 1, .flags = WG_LINK_UPLINK, .snat4 = 2, .snat6 = WG_NO_ADDRESS, .reserved = 0};
  const Listing table = control_table(control, here());
  ASSERT_THAT(table.rows, SizeIs(5));
  EXPECT_EQ(by_key(table.columns, table.rows[0]).at("value"), Value(9u));
  EXPECT_EQ(by_key(table.columns, table.rows[1]).at("address"), Value("192.168.1.1"));
  EXPECT_EQ(by_key(table.columns, table.rows[1]).at("index"), Value(2u));
  EXPECT_EQ(by_key(table.columns, table.rows[2]).at("address"), Value("fd00::1"));
  const auto link = by_key(table.columns, table.rows[3]);
  EXPECT_EQ(link.at("interface"), Value("lo"));
  EXPECT_EQ(link.at("kind"), Value("uplink"));
  EXPECT_EQ(link.at("snat4"), Value(2u));
  EXPECT_EQ(link.at("snat6"), Value());
}

TEST(MapRowsTest, ANexthopShowsAddressMacsAndMtu) {
  wg_nexthop hop{};
  hop.ifindex = 1;
  set_address(hop.address, Family::kIpv4, "192.168.1.2");
  hop.destination_mac[5] = 0xaa;
  hop.mtu = 1500;
  const Listing table = nexthop_table(std::span(&hop, 1), InterfaceNames(std::nullopt));
  const auto row = by_key(table.columns, table.rows.at(0));
  EXPECT_EQ(row.at("address"), Value("192.168.1.2"));
  EXPECT_EQ(row.at("destination_mac"), Value("00:00:00:00:00:aa"));
  EXPECT_EQ(row.at("mtu"), Value(1500u));
  EXPECT_EQ(row.at("ifindex"), Value(1u));
  EXPECT_EQ(row.at("interface"), Value());
}

TEST(MapRowsTest, SocketFlowsNameTheirService) {
  ServiceView service;
  service.index = 3;
  service.name = {"default", "web"};
  const Catalog catalog({service}, {}, {});
  wg_sock_key key{};
  key.cookie = 77;
  key.port = htons(8080);
  key.protocol = WG_PROTOCOL_TCP;
  key.direction = WG_SOCK_BY_BACKEND;
  set_address(key.address, Family::kIpv4, "10.0.0.2");
  wg_sock_value value{};
  value.port = htons(80);
  value.service = 3;
  set_address(value.address, Family::kIpv4, "10.96.0.1");
  const std::pair<wg_sock_key, wg_sock_value> entry{key, value};
  const Listing table = sock_table(std::span(&entry, 1), catalog);
  const auto row = by_key(table.columns, table.rows.at(0));
  EXPECT_EQ(row.at("direction"), Value("backend"));
  EXPECT_EQ(row.at("remote"), Value("10.0.0.2:8080"));
  EXPECT_EQ(row.at("translation"), Value("10.96.0.1:80"));
  EXPECT_EQ(row.at("service"), Value("default/web"));
}

TEST(MapRowsTest, ASpillEntrySaysItsDirection) {
  wg_spill_key key{};
  key.client_port = htons(1);
  key.protocol = WG_PROTOCOL_UDP;
  key.direction = WG_SPILL_REPLY;
  key.family = WG_IPV6;
  set_address(key.client, Family::kIpv6, "fd00::5");
  const std::pair<wg_spill_key, wg_spill_value> entry{key, {}};
  const Listing table = spill_table(std::span(&entry, 1));
  const auto row = by_key(table.columns, table.rows.at(0));
  EXPECT_EQ(row.at("direction"), Value("reply"));
  EXPECT_EQ(row.at("client"), Value("[fd00::5]:1"));
}

TEST(MapRowsTest, AStoredIpv6FlowShowsItsFrontendAsPosition) {
  FlowCopy flow{.table = FlowTable::kFlows6, .slot = 12};
  flow.head.control = WG_FLOW_CLOSED | WG_FLOW_TCP << WG_FLOW_PROTOCOL_SHIFT | 5 * WG_FLOW_GENERATION_ONE;
  flow.head.frontend = 44;
  flow.head.frontend_port = htons(80);
  const auto row = by_key(stored_flow_columns(), stored_flow_row(flow, 0, 250));
  EXPECT_EQ(row.at("frontend"), Value("#44:80"));
  EXPECT_EQ(row.at("frontend_position"), Value(44u));
  EXPECT_EQ(row.at("frontend_address"), Value());
  EXPECT_EQ(row.at("generation"), Value(5u));
  EXPECT_EQ(row.at("state"), Value("closed"));
}

TEST(MapRowsTest, AReservationShowsNodeBackendAndTheClientBehind) {
  FlowCopy flow{.table = FlowTable::kSnat4, .slot = 3};
  flow.head.control = WG_FLOW_ESTABLISHED | WG_FLOW_TCP << WG_FLOW_PROTOCOL_SHIFT;
  flow.head.client_port = htons(61500);
  flow.head.backend_port = htons(8080);
  flow.head.frontend_port = htons(33333);
  set_address(flow.client.data(), Family::kIpv4, "192.168.1.1");
  set_address(flow.backend.data(), Family::kIpv4, "10.244.2.9");
  set_address(flow.behind.data(), Family::kIpv4, "172.16.0.9");
  const auto row = by_key(reservation_columns(), reservation_row(flow, 0, 250));
  EXPECT_EQ(row.at("node"), Value("192.168.1.1:61500"));
  EXPECT_EQ(row.at("backend"), Value("10.244.2.9:8080"));
  EXPECT_EQ(row.at("client"), Value("172.16.0.9:33333"));
}

TEST(MapRowsTest, OnlyReasonsThatHappenedAreListed) {
  std::vector<uint64_t> counts(static_cast<size_t>(WG_REASON_COUNT) * WG_HOOK_COUNT);
  EXPECT_THAT(reason_table(counts).rows, IsEmpty());
  counts[static_cast<size_t>(WG_REASON_SPILLED) * WG_HOOK_COUNT + WG_HOOK_XDP] = 6;
  const Listing table = reason_table(counts);
  ASSERT_THAT(table.rows, SizeIs(1));
  const auto row = by_key(table.columns, table.rows[0]);
  EXPECT_EQ(row.at("reason"), Value("spilled"));
  EXPECT_EQ(row.at("hook"), Value("xdp"));
  EXPECT_EQ(row.at("effect"), Value("noted"));
}

TEST(DecodedListingTest, NumbersAndTruthsGetTheirTypesAndNamesStayText) {
  const waggle::Row row{
      {{"index", "3"}, {"namespace", "123"}, {"local", "yes"}, {"cluster_set", "16+2@4"}, {"x", "-"}}};
  const Listing table = decoded_listing(std::span(&row, 1));
  EXPECT_EQ(table.columns[3].title, "CLUSTER-SET");
  const auto values = by_key(table.columns, table.rows.at(0));
  EXPECT_EQ(values.at("index"), Value(3u));
  EXPECT_EQ(values.at("namespace"), Value("123"));
  EXPECT_EQ(values.at("local"), Value(true));
  EXPECT_EQ(values.at("cluster_set"), Value("16+2@4"));
  EXPECT_EQ(values.at("x"), Value());
}

template <typename T, size_t N>
std::span<const std::byte> bytes(const std::array<T, N>& entries) {
  return std::as_bytes(std::span(entries));
}

TEST(UsageTest, OnlyEntriesInUseCount) {
  std::array<wg_frontend4, 4> frontends{};
  frontends[0].kind = WG_FRONTEND_LIVE;
  frontends[1].kind = WG_FRONTEND_EMPTY | WG_FRONTEND_OVERFLOW;
  frontends[2].kind = WG_FRONTEND_TOMBSTONE;
  EXPECT_EQ(frontends_used(bytes(frontends), Family::kIpv4), 2u);
  std::array<wg_frontend6, 2> frontends6{};
  frontends6[1].kind = WG_FRONTEND_LIVE;
  EXPECT_EQ(frontends_used(bytes(frontends6), Family::kIpv6), 1u);
  std::array<wg_service, 3> services{};
  services[2].flags = WG_SERVICE_LIVE;
  EXPECT_EQ(services_used(bytes(services)), 1u);
  std::array<wg_backend, 3> backends{};
  backends[1].state = WG_BACKEND_GONE;
  EXPECT_EQ(backends_used(bytes(backends)), 1u);
  std::array<wg_slot, 4> slots{};
  slots[3].backend = 8;
  EXPECT_EQ(slots_used(bytes(slots)), 1u);
  const std::array<uint64_t, 2> gate = {0x3, 0x8000000000000000};
  EXPECT_EQ(gate_bits_used(bytes(gate)), 3u);
}

TEST(UsageTest, TheListTellsFillAndLeavesUnknownUseOut) {
  std::vector<TableUsage> usage(2);
  usage[0].used = 5;
  usage[0].capacity = 20;
  usage[1].capacity = 1;
  const Listing table = usage_listing(usage);
  EXPECT_EQ(by_key(table.columns, table.rows[0]).at("fill_percent"), Value(25.0));
  EXPECT_EQ(by_key(table.columns, table.rows[1]).at("used"), Value());
  EXPECT_EQ(by_key(table.columns, table.rows[1]).at("fill_percent"), Value());
}

std::string row_of(const Listing& table, std::string_view item) {
  std::string found;
  for (const Row& row : table.rows) {
    const auto values = by_key(table.columns, row);
    if (values.at("item") == Value(item))
      found += values.at("address").text(Unit::kNone, 0) + values.at("value").text(Unit::kNone, 0) + ";";
  }
  return found;
}

TEST(MapRowsTest, ControlTellsWhoIsALocalPodAndWhichAddressesAreServices) {
  wg_control control{};
  EXPECT_EQ(row_of(control_table(control, here()), "detector"), Value().text(Unit::kNone, 0) + "none;");
  control.detector = WG_DETECT_CIDR;
  control.has_pod_cidr[WG_IPV6] = 1;
  set_address(control.pod_cidr[WG_IPV6].address, Family::kIpv6, "fd00::");
  set_address(control.pod_cidr[WG_IPV6].mask, Family::kIpv6, "ffff:ffc0::");
  control.service_cidr_count[WG_IPV4] = 1;
  set_address(control.service_cidr[WG_IPV4][0].address, Family::kIpv4, "10.96.0.0");
  set_address(control.service_cidr[WG_IPV4][0].mask, Family::kIpv4, "255.240.0.0");
  control.link[3] = {.ifindex = 3, .flags = WG_LINK_LOCAL_PODS, .snat4 = 0, .snat6 = 0, .reserved = 0};
  const Listing table = control_table(control, here());
  EXPECT_EQ(row_of(table, "detector"), Value().text(Unit::kNone, 0) + "cidr;");
  EXPECT_EQ(row_of(table, "pod_cidr4"), "");
  EXPECT_EQ(row_of(table, "pod_cidr6"), "fd00::/26" + Value().text(Unit::kNone, 0) + ";");
  EXPECT_EQ(row_of(table, "service_cidr4"), "10.96.0.0/12" + Value().text(Unit::kNone, 0) + ";");
  EXPECT_EQ(by_key(table.columns, table.rows.at(1)).at("local_pods"), Value(true));
}

ServiceView service_at(uint32_t index, Family family) {
  ServiceView service;
  service.index = index;
  service.name = {"shop", "web"};
  service.port_name = "http";
  service.family = family;
  return service;
}

TEST(MapRowsTest, AffinitiesAndFragmentsAreNamed) {
  BackendView backend;
  backend.index = 7;
  backend.address = IpAddress::parse("10.1.0.7").value();
  backend.port = 8080;
  const Catalog catalog({service_at(3, Family::kIpv4), service_at(4, Family::kIpv6)}, {backend}, {});

  wg_affinity_key by_address{.service = 3, .epoch = 1, .client = {}, .kind = WG_AFFINITY_ADDRESS};
  set_address(by_address.client, Family::kIpv4, "192.0.2.9");
  const wg_affinity_key by_netns{.service = 3, .epoch = 1, .client = {5, 1}, .kind = WG_AFFINITY_NETNS};
  const std::vector<std::pair<wg_affinity_key, wg_affinity_value>> affinities{
      {by_address, {.backend = 7, .generation = 2, .seen = 1000, .reserved = 0}},
      {by_netns, {.backend = 8, .generation = 2, .seen = 1000, .reserved = 0}}};
  const Listing sticky = affinity_table(affinities, catalog, 3500, 250);
  auto row = by_key(sticky.columns, sticky.rows.at(0));
  EXPECT_EQ(row.at("service"), Value("shop/web:http"));
  EXPECT_EQ(row.at("client"), Value("192.0.2.9"));
  EXPECT_EQ(row.at("backend"), Value("10.1.0.7:8080"));
  EXPECT_EQ(row.at("idle_s"), Value(10u));
  row = by_key(sticky.columns, sticky.rows.at(1));
  EXPECT_EQ(row.at("client"), Value("netns 4294967301"));
  EXPECT_EQ(row.at("backend"), Value());

  wg_fragment_key fragment{};
  set_address(fragment.source, Family::kIpv4, "192.0.2.9");
  set_address(fragment.destination, Family::kIpv4, "10.96.0.1");
  fragment.id = htonl(0x1234);
  fragment.protocol = 17;
  const Listing pieces = fragment_table(
      std::vector{
          std::pair(fragment, wg_fragment_value{.source_port = htons(4000), .destination_port = htons(53), .seen = 0})},
      500, 250);
  row = by_key(pieces.columns, pieces.rows.at(0));
  EXPECT_EQ(row.at("source"), Value("192.0.2.9:4000"));
  EXPECT_EQ(row.at("destination"), Value("10.96.0.1:53"));
  EXPECT_EQ(row.at("packet_id"), Value("0x1234"));
  EXPECT_EQ(row.at("hook"), Value("ingress"));
}

}  // namespace
}  // namespace waggle::cli
