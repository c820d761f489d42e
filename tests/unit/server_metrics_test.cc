// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "server/metrics_page.h"
#include "server/process_facts.h"

namespace waggle {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

const std::string kExpected = WAGGLE_SOURCE_DIR "/tests/unit/server_metrics_expected.txt";

// Reads the text format as strictly as it is written: every sample belongs to the family announced last, no family and
// no sample comes twice. Answers the samples by name and labels.
class PageReader {
 public:
  explicit PageReader(const std::string& page) {
    EXPECT_TRUE(page.ends_with("\n"));
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) read(line);
  }
  std::map<std::string, double> samples;
  std::map<std::string, std::string> types;

 private:
  void read(const std::string& line) {
    static const std::regex help("# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)");
    static const std::regex type("# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)");
    static const std::regex sample(
        R"(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\.)*",?)+\})? (\+Inf|[-+.e0-9]+))");
    std::smatch parts;
    if (std::regex_match(line, parts, help)) {
      EXPECT_TRUE(helped_.insert(parts[1]).second) << "announced twice: " << line;
    } else if (std::regex_match(line, parts, type)) {
      family_ = parts[1];
      types[family_] = parts[2];
    } else if (std::regex_match(line, parts, sample)) {
      check_name(parts[1]);
      EXPECT_TRUE(samples.emplace(parts[1].str() + parts[2].str(), std::stod(parts[5])).second) << "twice: " << line;
    } else {
      ADD_FAILURE() << "not in the text format: " << line;
    }
  }
  void check_name(const std::string& name) {
    std::set<std::string> allowed{family_};
    if (types[family_] == "histogram") allowed = {family_ + "_bucket", family_ + "_sum", family_ + "_count"};
    EXPECT_TRUE(allowed.contains(name)) << name << " stands below " << family_;
    EXPECT_TRUE(types[family_] != "counter" || name.ends_with("_total")) << name;
  }
  std::string family_;
  std::set<std::string> helped_;
};

Moment at(const char* time) { return {.steady = {}, .wall = *parse_rfc3339(time)}; }

MetricsInput fixture_input() {
  MetricsInput input;
  input.services = 3;
  input.backends = 12;
  input.pending_writes = 1;
  input.problems = 2;
  input.source_connected = true;
  input.flows_evicted_live = 4;
  input.flows_spilled_total = 5;
  input.flows_in_spill_table = 6;
  input.drift_repairs = 7;
  input.flows = {
      {.family = Family::kIpv4, .live = 100, .slots = 65536, .snat_live = 10, .snat_slots = 16384, .expired = 50},
      {.family = Family::kIpv6, .live = 1, .slots = 32768, .snat_live = 0, .snat_slots = 8192, .expired = 2}};
  input.tables = {{.table = "backends", .used = 12, .capacity = 65536},
                  {.table = "services", .used = 4, .capacity = 16384}};
  input.reasons = {{.hook = "tc", .reason = "no-endpoints", .count = 9},
                   {.hook = "xdp", .reason = "to-stack", .count = 1}};
  input.links = {{.program = "tc", .role = "pod", .attached = 5}, {.program = "xdp", .role = "uplink", .attached = 1}};
  ServiceTraffic dns{.name_space = "kube-system", .name = "kube-dns", .port = "dns", .protocol = Protocol::kUdp};
  dns.request_packets = 10;
  dns.request_bytes = 1000;
  dns.reply_packets = 9;
  dns.reply_bytes = 2'000'000'000'000;
  dns.new_flows = 3;
  input.traffic = {dns, {.name_space = "odd", .name = "a\"b\\c\nd", .port = "", .family = Family::kIpv6}};
  return input;
}

SyncMetrics fixture_sync() {
  SyncMetrics sync({Family::kIpv4, Family::kIpv6});
  sync.service_event();
  sync.slice_event();
  sync.slice_event();
  sync.sync_requested(at("2026-01-02T03:04:05.5Z"));
  sync.round({.succeeded = true, .full = true, .took = milliseconds(3)}, at("2026-01-02T03:04:06Z"));
  sync.round({.succeeded = false, .full = false, .took = milliseconds(20)}, at("2026-01-02T03:04:07Z"));
  sync.programmed({{Family::kIpv4, 0.25}, {Family::kIpv4, 61}, {Family::kIpv6, 1000}});
  sync.udp_cleanup(Family::kIpv4, milliseconds(1), 2);
  sync.health_answer(false, 200);
  sync.health_answer(true, 503);
  sync.api_request("10.0.0.1:6443", "GET", "200", milliseconds(30));
  return sync;
}

std::string fixture_page() {
  const auto input = std::make_shared<const MetricsInput>(fixture_input());
  const SyncMetrics sync = fixture_sync();
  const BuildFacts build{.version = "0.1.0", .compiler = "g++", .platform = "linux/amd64"};
  std::string page = metrics_head(
      {.build = build,
       .sync = sync,
       .sync_now = {.pending_services = 1, .pending_slices = 2, .no_local = {{{.internal = 1, .external = 2}, {}}}},
       .input = *input,
       .refusals = {.over_limit = 8, .too_slow = 9},
       .health_check_listeners = 2});
  auto rows = traffic_rows(input);
  while (rows(page)) {
  }
  return page;
}

TEST(Metrics, ThePageIsExactlyTheExpectedOne) {
  std::ifstream file(kExpected);
  std::ostringstream expected;
  expected << file.rdbuf();
  const std::string page = fixture_page();
  const std::string actual = ::testing::TempDir() + "server_metrics_actual.txt";
  if (page != expected.str()) std::ofstream(actual) << page;
  EXPECT_TRUE(page == expected.str()) << actual << " differs from " << kExpected;
}

TEST(Metrics, ThePageIsWellFormed) {
  const PageReader page(fixture_page());
  EXPECT_EQ(page.samples.at(
                R"(kubeproxy_sync_proxy_rules_no_local_endpoints_total{ip_family="IPv4",traffic_policy="external"})"),
            2);
  EXPECT_EQ(
      page.samples.at(
          R"(waggle_service_bytes_total{namespace="kube-system",service="kube-dns",port="dns",protocol="UDP",ip_family="IPv4",direction="reply"})"),
      2e12);
}

TEST(Metrics, BucketsAreTheContracts) {
  const PageReader page(fixture_page());
  const auto count = [&page](const std::string& name) {
    return std::ranges::count_if(
        page.samples, [&](const auto& item) { return item.first.starts_with(name + "{ip_family=\"IPv4\",le="); });
  };
  EXPECT_EQ(count("kubeproxy_sync_proxy_rules_duration_seconds_bucket"), 15 + 1);
  EXPECT_EQ(count("kubeproxy_network_programming_duration_seconds_bucket"), 2 + 59 + 12 + 7 + 1);
  const auto bucket = [&page](const std::string& bound) {
    return page.samples.at(R"(kubeproxy_network_programming_duration_seconds_bucket{ip_family="IPv4",le=")" + bound +
                           "\"}");
  };
  EXPECT_EQ(bucket("0.25"), 1);  // an upper end belongs to its bucket
  EXPECT_EQ(bucket("60"), 1);
  EXPECT_EQ(bucket("65"), 2);
  EXPECT_EQ(bucket("300"), 2);
  EXPECT_EQ(page.samples.at(R"(kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family="IPv4",le="16.384"})"), 2);
}

TEST(Metrics, EventsOfServicesCountOnceAFamily) {
  EXPECT_EQ(PageReader(fixture_page()).samples.at("kubeproxy_sync_proxy_rules_service_changes_total"), 2);
  EXPECT_EQ(PageReader(fixture_page()).samples.at("kubeproxy_sync_proxy_rules_endpoint_changes_total"), 2);
}

TEST(Metrics, RowsComeInPiecesThatMakeOnePage) {
  auto input = std::make_shared<MetricsInput>();
  for (int index = 0; index < 3000; ++index)
    input->traffic.push_back({.name_space = "ns", .name = "service-" + std::to_string(index), .port = "http"});
  auto rows = traffic_rows(input);
  std::string page;
  size_t longest = 0;
  size_t pieces = 0;
  for (bool more = true; more; ++pieces) {
    const size_t before = page.size();
    more = rows(page);
    longest = std::max(longest, page.size() - before);
  }
  EXPECT_GT(pieces, 10);
  EXPECT_LT(longest, 70'000);
  EXPECT_EQ(PageReader(page).samples.size(), 3000 * 5);
}

TEST(Metrics, WithoutServicesThePageIsWellFormedToo) {
  std::string page;
  auto rows = traffic_rows(std::make_shared<const MetricsInput>());
  while (rows(page)) {
  }
  EXPECT_TRUE(PageReader(page).samples.empty());
}

TEST(Metrics, NumbersThatAreNoneAreWrittenAsPrometheusReadsThem) {
  MetricsText text;
  text.family("x", MetricType::kGauge, "a\\b\nc");
  text.sample({}, std::numeric_limits<double>::infinity());
  text.sample({{"l", "v"}}, std::nan(""));
  EXPECT_EQ(text.text(), "# HELP x a\\\\b\\nc\n# TYPE x gauge\nx +Inf\nx{l=\"v\"} NaN\n");
}

TEST(Process, TheOwnFactsAreRead) {
  const auto facts = read_process_facts();
  ASSERT_TRUE(facts.has_value());
  EXPECT_GT(facts->resident_bytes, 1'000'000);
  EXPECT_GE(facts->virtual_bytes, facts->resident_bytes);
  EXPECT_GE(facts->open_fds, 3);
  EXPECT_GT(facts->start_time_s, 1e9);
  MetricsText text;
  write_process_metrics(text, *facts);
  EXPECT_EQ(PageReader(text.text()).samples.size(), 7);
  EXPECT_EQ(read_process_facts("/nonexistent"), std::nullopt);
}

}  // namespace
}  // namespace waggle
