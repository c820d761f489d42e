// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics_facts.h"

#include <map>
#include <utility>

#include "dataplane/reason_words.h"

namespace waggle {
namespace {

uint64_t sum_of(const std::vector<ReasonFacts>& reasons, wg_reason reason) {
  uint64_t sum = 0;
  for (const ReasonFacts& facts : reasons) sum += facts.reason == kReasonWords[reason].name ? facts.count : 0;
  return sum;
}

// All of them, zeros too: a counter that appears with its first packet shows no increase.
std::vector<ReasonFacts> reason_facts(KernelEdge& kernel) {
  std::vector<ReasonFacts> facts;
  const auto counts = kernel.reason_counters();
  if (!counts) return facts;
  for (size_t index = WG_HOOK_COUNT; index < counts->size(); ++index) {
    facts.push_back({.hook = std::string(kReasonHooks[index % WG_HOOK_COUNT]),
                     .reason = std::string(kReasonWords[index / WG_HOOK_COUNT].name),
                     .count = (*counts)[index]});
  }
  return facts;
}

std::vector<ServiceTraffic> traffic_of(const Planner& planner, KernelEdge& kernel) {
  std::vector<ServiceTraffic> all;
  for (const ServiceIdentity& service : planner.services()) {
    const auto counter = kernel.service_counter(service.index);
    if (!counter) continue;
    all.push_back({.name_space = service.object.name_space,
                   .name = service.object.name,
                   .port = service.port_name,
                   .protocol = service.protocol,
                   .family = service.family,
                   .request_packets = counter->request_packets,
                   .request_bytes = counter->request_bytes,
                   .reply_packets = counter->reply_packets,
                   .reply_bytes = counter->reply_bytes,
                   .new_flows = counter->new_flows});
  }
  return all;
}

std::vector<TableFacts> table_facts(const Planner& planner) {
  std::vector<TableFacts> facts;
  for (const TableUse& use : planner.table_use()) {
    facts.push_back({.table = std::string(table_name(use.table)), .used = use.used, .capacity = use.capacity});
  }
  return facts;
}

std::vector<FlowFacts> flow_facts(const MetricsFacts& facts) {
  if (!facts.last_sweep.has_value()) return {};
  const auto of = [&](Family family, FlowTable flows, FlowTable snat) {
    const FlowOccupancy& flow = facts.last_sweep->result.tables[static_cast<size_t>(flows)];
    const FlowOccupancy& reservation = facts.last_sweep->result.tables[static_cast<size_t>(snat)];
    return FlowFacts{.family = family,
                     .live = flow.live(),
                     .slots = flow.slots,
                     .snat_live = reservation.live(),
                     .snat_slots = reservation.slots,
                     .expired = facts.expired[static_cast<size_t>(flows)]};
  };
  return {of(Family::kIpv4, FlowTable::kFlows4, FlowTable::kSnat4),
          of(Family::kIpv6, FlowTable::kFlows6, FlowTable::kSnat6)};
}

std::vector<LinkCount> link_counts(const LinkKeeper& keeper) {
  std::map<std::pair<std::string, std::string>, uint64_t> counts;
  for (const auto& [ifindex, link] : keeper.links()) {
    const std::string role = link.uplink ? "uplink" : "pod";
    counts[{"tc", role}] += link.tc.has_value() ? 1 : 0;
    if (link.uplink) counts[{"xdp", role}] += link.xdp.has_value() ? 1 : 0;
  }
  std::vector<LinkCount> facts;
  for (const auto& [place, count] : counts) {
    facts.push_back({.program = place.first, .role = place.second, .attached = count});
  }
  return facts;
}

}  // namespace

size_t backend_count(const State& state) {
  size_t count = 0;
  for (const auto& [name, service] : state.services()) {
    for (const EndpointSlice* slice : state.slices_of(name)) count += slice->endpoints.size() * slice->ports.size();
  }
  return count;
}

MetricsInput collect_metrics(const MetricsFacts& facts) {
  MetricsInput input;
  input.services = facts.reconciler.state().services().size();
  input.backends = backend_count(facts.reconciler.state());
  input.pending_writes = facts.reconciler.pending_writes();
  input.problems = facts.problems;
  input.source_connected = facts.source_connected;
  input.reasons = reason_facts(facts.kernel);
  input.flows_evicted_live = sum_of(input.reasons, WG_REASON_EVICTED_LIVE);
  input.flows_spilled_total = sum_of(input.reasons, WG_REASON_SPILLED);
  input.flows_in_spill_table = facts.last_sweep.has_value() ? facts.last_sweep->result.spilled : 0;
  input.drift_repairs = facts.reconciler.drift_repairs();
  input.flows = flow_facts(facts);
  input.tables = table_facts(facts.reconciler.planner());
  input.links = link_counts(facts.links);
  input.traffic = traffic_of(facts.reconciler.planner(), facts.kernel);
  return input;
}

}  // namespace waggle
