// SPDX-License-Identifier: Apache-2.0
// Flow rows and filters, from entries made up in memory.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/flow_rows.h"

namespace waggle::cli {
namespace {

using testing::HasSubstr;

IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

ServiceView service(uint32_t index, std::string name, std::string port_name, uint16_t port) {
  ServiceView view;
  view.index = index;
  view.name = {"default", std::move(name)};
  view.port_name = std::move(port_name);
  view.port = port;
  return view;
}

BackendView backend(uint32_t index, uint32_t service_index, std::string_view text, uint16_t port) {
  return {.index = index, .service = service_index, .address = address(text), .port = port};
}

FrontendView frontend6(uint32_t position, std::string_view text, uint16_t port) {
  return {.position = position, .address = address(text), .port = port, .kind = WG_FRONTEND_LIVE};
}

class FlowRowsTest : public testing::Test {
 protected:
  FlowRowsTest() { inet_pton(AF_INET, "192.168.1.1", &control.snat_address4[3]); }

  static FlowCopy flow4() {
    FlowCopy flow{.table = FlowTable::kFlows4};
    flow.head.control = WG_FLOW_ESTABLISHED | WG_FLOW_TCP << WG_FLOW_PROTOCOL_SHIFT;
    flow.head.seen = 1000;
    flow.head.backend = 7;
    flow.head.frontend = address("10.96.0.10").words()[0];
    flow.head.client_port = htons(40000);
    flow.head.frontend_port = htons(80);
    flow.head.backend_port = htons(8080);
    flow.client = address("10.244.1.5").words();
    flow.backend = address("10.244.2.9").words();
    return flow;
  }

  static FlowCopy flow6(uint32_t position) {
    FlowCopy flow{.table = FlowTable::kFlows6};
    flow.head.control = WG_FLOW_HALF_OPEN | WG_FLOW_UDP << WG_FLOW_PROTOCOL_SHIFT;
    flow.head.backend = 8;
    flow.head.frontend = position;
    flow.head.client_port = htons(40001);
    flow.head.frontend_port = htons(53);
    flow.head.backend_port = htons(5353);
    flow.client = address("fd00::5").words();
    flow.backend = address("fd00::9").words();
    return flow;
  }

  FlowRecord record(const FlowCopy& flow) const { return flow_record(flow, {catalog, control, 1000 + 250 * 12, 250}); }

  // The row's values by key.
  std::map<std::string, Value> values(const FlowRecord& flow) const {
    const auto columns = flow_columns();
    const Row row = flow_row(flow, catalog);
    EXPECT_EQ(columns.size(), row.size());
    std::map<std::string, Value> found;
    for (size_t i = 0; i < columns.size(); ++i) found.emplace(columns[i].key, row[i]);
    return found;
  }

  Catalog catalog{{service(1, "web", "http", 80), service(2, "dns", "", 53)},
                  {backend(7, 1, "10.244.2.9", 8080), backend(8, 2, "fd00::9", 5353)},
                  {frontend6(44, "fd00:10::10", 53)}};
  wg_control control{};
};

TEST_F(FlowRowsTest, AnIpv4FlowShowsItsFourAddressesItsServiceAndItsAge) {
  const auto row = values(record(flow4()));
  EXPECT_EQ(row.at("protocol"), Value("TCP"));
  EXPECT_EQ(row.at("client"), Value("10.244.1.5:40000"));
  EXPECT_EQ(row.at("client_port"), Value(40000u));
  EXPECT_EQ(row.at("frontend"), Value("10.96.0.10:80"));
  EXPECT_EQ(row.at("backend"), Value("10.244.2.9:8080"));
  EXPECT_EQ(row.at("state"), Value("established"));
  EXPECT_EQ(row.at("idle_s"), Value(12u));
  EXPECT_EQ(row.at("service"), Value("default/web:http"));
  EXPECT_EQ(row.at("snat_address"), Value());
  EXPECT_EQ(row.at("snat_port"), Value());
}

TEST_F(FlowRowsTest, ATranslatedSourceIsShownAsTheBackendSeesIt) {
  FlowCopy flow = flow4();
  flow.head.backend |= WG_FLOW_SNAT | 3u << WG_FLOW_SNAT_ADDRESS_SHIFT;
  flow.head.snat_port = htons(61500);
  const auto row = values(record(flow));
  EXPECT_EQ(row.at("snat"), Value("192.168.1.1:61500"));
  EXPECT_EQ(row.at("snat_address"), Value("192.168.1.1"));
  EXPECT_EQ(row.at("snat_port"), Value(61500u));
  EXPECT_EQ(row.at("backend_id"), Value(7u));
}

TEST_F(FlowRowsTest, AnIpv6FrontendIsFoundByItsPosition) {
  const auto row = values(record(flow6(44)));
  EXPECT_EQ(row.at("frontend"), Value("[fd00:10::10]:53"));
  EXPECT_EQ(row.at("state"), Value("half-open"));
  EXPECT_EQ(row.at("service"), Value("default/dns"));
}

TEST_F(FlowRowsTest, AFrontendOrServiceThatIsGoneIsLeftOut) {
  EXPECT_EQ(values(record(flow6(45))).at("frontend"), Value());
  FlowCopy flow = flow4();
  flow.head.backend = 99;
  EXPECT_EQ(values(record(flow)).at("service"), Value());
}

TEST_F(FlowRowsTest, ASpilledFlowIsShownOnceAndMarked) {
  wg_spill_key key{};
  key.client[0] = address("10.244.1.5").words()[0];
  key.other[0] = address("10.96.0.10").words()[0];
  key.client_port = htons(40000);
  key.other_port = htons(80);
  key.protocol = WG_PROTOCOL_UDP;
  key.direction = WG_SPILL_REQUEST;
  wg_spill_value value{};
  value.address[0] = address("10.244.2.9").words()[0];
  value.port = htons(8080);
  value.backend = 7;
  const FlowContext context{catalog, control, 0, 250};
  const auto spilled = spilled_record(key, value, context);
  ASSERT_TRUE(spilled);
  const auto row = values(*spilled);
  EXPECT_EQ(row.at("state"), Value("spilled"));
  EXPECT_EQ(row.at("protocol"), Value("UDP"));
  EXPECT_EQ(row.at("frontend"), Value("10.96.0.10:80"));
  EXPECT_EQ(row.at("backend"), Value("10.244.2.9:8080"));
  EXPECT_EQ(row.at("idle_s"), Value());
  EXPECT_EQ(row.at("service"), Value("default/web:http"));
  key.direction = WG_SPILL_REPLY;
  EXPECT_FALSE(spilled_record(key, value, context));
}

FlowFilter filter(std::map<std::string, std::string, std::less<>> options) {
  const Invocation invocation{.options = std::move(options)};
  const auto parsed = FlowFilter::from(invocation);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed.value_or(FlowFilter{});
}

TEST_F(FlowRowsTest, EachFilterNarrowsByItself) {
  const FlowRecord flow = record(flow4());
  const auto matches = [&](const char* option, const char* value) {
    return filter({{option, value}}).matches(flow, catalog);
  };
  EXPECT_TRUE(FlowFilter{}.matches(flow, catalog));
  EXPECT_TRUE(matches("client", "10.244.1.5"));
  EXPECT_TRUE(matches("client", "10.244.1.5:40000"));
  EXPECT_FALSE(matches("client", "10.244.1.5:40001"));
  EXPECT_FALSE(matches("client", "10.244.1.6"));
  EXPECT_TRUE(matches("backend", "10.244.2.9:8080"));
  EXPECT_FALSE(matches("backend", "10.244.1.5"));
  EXPECT_TRUE(matches("frontend", "10.96.0.10:80"));
  EXPECT_FALSE(matches("frontend", "10.96.0.10:81"));
  EXPECT_TRUE(matches("protocol", "tcp"));
  EXPECT_FALSE(matches("protocol", "UDP"));
  EXPECT_TRUE(matches("state", "established"));
  EXPECT_FALSE(matches("state", "closed"));
  EXPECT_TRUE(matches("service", "default/web"));
  EXPECT_TRUE(matches("service", "default/web:80"));
  EXPECT_FALSE(matches("service", "default/web:https"));
  EXPECT_FALSE(matches("service", "default/dns"));
  EXPECT_TRUE(filter({{"frontend", "[fd00:10::10]:53"}}).matches(record(flow6(44)), catalog));
}

TEST_F(FlowRowsTest, FiltersTogetherMustAllHold) {
  const FlowRecord flow = record(flow4());
  EXPECT_TRUE(filter({{"client", "10.244.1.5"}, {"protocol", "tcp"}}).matches(flow, catalog));
  EXPECT_FALSE(filter({{"client", "10.244.1.5"}, {"protocol", "udp"}}).matches(flow, catalog));
}

TEST(FlowFilterTest, WrongValuesAreUsageErrorsThatSayWhatIsTaken) {
  const auto complaint = [](const char* option, const char* value) {
    const Invocation invocation{.options = {{option, value}}};
    const auto parsed = FlowFilter::from(invocation);
    if (parsed) return std::string("accepted");
    EXPECT_EQ(parsed.error().status, kExitUsage);
    return parsed.error().message;
  };
  EXPECT_THAT(complaint("client", "10.0.0"), HasSubstr("--client takes ADDR or ADDR:PORT"));
  EXPECT_THAT(complaint("backend", "10.0.0.1:99999"), HasSubstr("--backend takes"));
  EXPECT_THAT(complaint("frontend", "[10.0.0.1]:80"), HasSubstr("--frontend takes"));
  EXPECT_THAT(complaint("protocol", "icmp"), HasSubstr("--protocol takes tcp, udp or sctp"));
  EXPECT_THAT(complaint("state", "establishd"), HasSubstr("did you mean 'established'?"));
  EXPECT_THAT(complaint("service", "web"), HasSubstr("did you mean 'default/web'?"));
  EXPECT_EQ(complaint("client", "fd00::1"), "accepted");
}

}  // namespace
}  // namespace waggle::cli
