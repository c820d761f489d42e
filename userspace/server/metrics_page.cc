// SPDX-License-Identifier: Apache-2.0
#include "server/metrics_page.h"

#include <array>

#include "server/family_name.h"

namespace waggle {
namespace {

using enum MetricType;

constexpr size_t kPieceBytes = 65'536;

// The version's part between the dots: "0.1.0", 1 -> "1".
std::string version_part(const std::string& version, int index) {
  size_t begin = 0;
  for (; index > 0; --index) {
    begin = version.find('.', begin);
    if (begin == std::string::npos) return "";
    ++begin;
  }
  return version.substr(begin, version.find('.', begin) - begin);
}

void write_build(MetricsText& text, const BuildFacts& build) {
  text.family("kubernetes_build_info", kGauge, "Always 1; the labels say what runs: Waggle in kube-proxy's place.");
  text.sample({{"build_date", ""},
               {"compiler", build.compiler},
               {"git_commit", ""},
               {"git_tree_state", ""},
               {"git_version", "waggle-" + build.version},
               {"go_version", ""},
               {"major", version_part(build.version, 0)},
               {"minor", version_part(build.version, 1)},
               {"platform", build.platform}},
              1);
  text.family("waggle_build_info", kGauge, "Always 1; the label says which version of Waggle runs.");
  text.sample({{"version", build.version}}, 1);
}

void write_one(MetricsText& text, std::string_view name, MetricType type, std::string_view help, uint64_t value) {
  text.family(name, type, help);
  text.sample({}, value);
}

void write_agent(MetricsText& text, const PageFacts& facts) {
  const MetricsInput& input = facts.input;
  write_one(text, "waggle_services", kGauge, "Services known.", input.services);
  write_one(text, "waggle_backends", kGauge, "Backends known.", input.backends);
  write_one(text, "waggle_pending_writes", kGauge, "Table writes that wait to be made or repeated.",
            input.pending_writes);
  write_one(text, "waggle_problems", kGauge, "Standing problems; waggle status says which.", input.problems);
  write_one(text, "waggle_source_connected", kGauge, "1 while the source of services and endpoints answers.",
            input.source_connected ? 1 : 0);
  write_one(text, "waggle_sync_failures_total", kCounter, "Syncs that could not write everything.",
            facts.sync.failures());
  write_one(text, "waggle_drift_repairs_total", kCounter, "Table entries found changed by others and set right.",
            input.drift_repairs);
  write_one(text, "waggle_health_check_listeners", kGauge, "Health check node ports served, by service and family.",
            facts.health_check_listeners);
  text.family("waggle_http_connections_ended_total", kCounter,
              "HTTP connections ended by the server: over a limit, or too slow.");
  text.sample({{"why", "over-limit"}}, facts.refusals.over_limit);
  text.sample({{"why", "too-slow"}}, facts.refusals.too_slow);
}

void write_flows(MetricsText& text, std::string_view name, MetricType type, std::string_view help,
                 const MetricsInput& input, uint64_t FlowFacts::*which) {
  text.family(name, type, help);
  for (const FlowFacts& flows : input.flows) text.sample({{"ip_family", family_name(flows.family)}}, flows.*which);
}

void write_all_flows(MetricsText& text, const MetricsInput& input) {
  write_flows(text, "waggle_flows_live", kGauge, "Live flows at the last sweep.", input, &FlowFacts::live);
  write_flows(text, "waggle_flow_slots", kGauge, "Places in the flow table; live flows should fill half at most.",
              input, &FlowFacts::slots);
  write_flows(text, "waggle_snat_live", kGauge, "Live source translations at the last sweep.", input,
              &FlowFacts::snat_live);
  write_flows(text, "waggle_snat_slots", kGauge, "Places in the table of source translations.", input,
              &FlowFacts::snat_slots);
  write_flows(text, "waggle_flows_expired_total", kCounter, "Flows freed after their time.", input,
              &FlowFacts::expired);
  write_one(text, "waggle_flows_evicted_live_total", kCounter,
            "Live flows that made room for new ones: the flow table is too small.", input.flows_evicted_live);
  write_one(text, "waggle_flows_spilled_total", kCounter, "Flows that went to the spill table.",
            input.flows_spilled_total);
  write_one(text, "waggle_flows_spilled", kGauge, "Flows in the spill table.", input.flows_in_spill_table);
}

void write_tables(MetricsText& text, const MetricsInput& input) {
  text.family("waggle_table_entries", kGauge, "Entries in use, by table.");
  for (const TableFacts& table : input.tables) text.sample({{"table", table.table}}, table.used);
  text.family("waggle_table_capacity", kGauge, "Entries there is room for, by table.");
  for (const TableFacts& table : input.tables) text.sample({{"table", table.table}}, table.capacity);
  text.family("waggle_packets_by_reason_total", kCounter,
              "Packets rejected, dropped or left alone, by hook and reason.");
  for (const ReasonFacts& reason : input.reasons)
    text.sample({{"hook", reason.hook}, {"reason", reason.reason}}, reason.count);
  text.family("waggle_links_attached", kGauge, "Places where programs are attached.");
  for (const LinkCount& link : input.links)
    text.sample({{"program", link.program}, {"role", link.role}}, link.attached);
}

struct TrafficFamily {
  std::string_view name;
  std::string_view help;
  uint64_t ServiceTraffic::*request;
  uint64_t ServiceTraffic::*reply;  // none: no direction
};

constexpr std::array<TrafficFamily, 3> kTrafficFamilies{{
    {"waggle_service_packets_total", "Packets translated, by service port and direction.",
     &ServiceTraffic::request_packets, &ServiceTraffic::reply_packets},
    {"waggle_service_bytes_total", "Bytes of the packets translated, by service port and direction.",
     &ServiceTraffic::request_bytes, &ServiceTraffic::reply_bytes},
    {"waggle_service_new_flows_total", "Flows opened, connections of the socket hooks included, by service port.",
     &ServiceTraffic::new_flows, nullptr},
}};

void write_row(MetricsText& text, const TrafficFamily& family, const ServiceTraffic& row) {
  const MetricLabel name_space{"namespace", row.name_space}, name{"service", row.name}, port{"port", row.port};
  const MetricLabel protocol{"protocol", protocol_name(row.protocol)}, ip_family{"ip_family", family_name(row.family)};
  if (family.reply == nullptr) {
    text.sample({name_space, name, port, protocol, ip_family}, row.*family.request);
    return;
  }
  text.sample({name_space, name, port, protocol, ip_family, {"direction", "request"}}, row.*family.request);
  text.sample({name_space, name, port, protocol, ip_family, {"direction", "reply"}}, row.*family.reply);
}

// Where the writing of rows stands. A family's rows must stand together, so the rows are gone through once a family.
struct RowCursor {
  std::shared_ptr<const MetricsInput> input;
  size_t family = 0;
  size_t row = 0;
  MetricsText text;  // remembers the family from piece to piece

  bool next(std::string& out) {
    while (family < kTrafficFamilies.size() && text.text().size() < kPieceBytes) {
      if (row == 0) text.family(kTrafficFamilies[family].name, kCounter, kTrafficFamilies[family].help);
      if (row < input->traffic.size()) write_row(text, kTrafficFamilies[family], input->traffic[row++]);
      if (row < input->traffic.size()) continue;
      ++family;
      row = 0;
    }
    out += text.take();
    return family < kTrafficFamilies.size();
  }
};

}  // namespace

std::string metrics_head(const PageFacts& facts) {
  MetricsText text;
  facts.sync.write(text, facts.sync_now);
  write_build(text, facts.build);
  write_agent(text, facts);
  write_all_flows(text, facts.input);
  write_tables(text, facts.input);
  return text.take();
}

HttpBodySource traffic_rows(std::shared_ptr<const MetricsInput> input) {
  return [cursor = RowCursor{.input = std::move(input), .text = {}}](std::string& out) mutable {
    return cursor.next(out);
  };
}

}  // namespace waggle
