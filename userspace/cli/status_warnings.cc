// SPDX-License-Identifier: Apache-2.0
// When a table is too full, and what to do about it.
#include <fmt/format.h>

#include "cli/map_rows.h"
#include "cli/status_report.h"

namespace waggle::cli {
namespace {

// Above half, the first live flows are evicted (design/flow-table.md, section 1).
constexpr double kFlowFill = 50;
// A frontend finds no way in its eight buckets soon after this; the rest is exhausted at 100 %.
constexpr double kTableFill = 80;

void add_flow_warning(const FlowCount& count, std::vector<std::string>& warnings) {
  const double fill = percent_of(count.live(), count.slots);
  if (fill <= kFlowFill) return;
  warnings.push_back(fmt::format(
      "{} is {:.0f}% full ({} of {} slots): above {:.0f}% new flows push out live ones; start the agent with "
      "more flow slots after 'waggle cleanup'",
      flow_table_name(count.table), fill, count.live(), count.slots, kFlowFill));
}

// Tables that reuse their oldest entry, or whose fill is told by the flow tables.
bool fills_without_harm(const MapInfo& map) {
  return map.type.starts_with("lru") || map.name.starts_with("flows") || map.name.starts_with("snat") ||
         map.name == "nexthops" || map.name.ends_with("_gate");
}

void add_table_warning(const TableUsage& usage, std::vector<std::string>& warnings) {
  if (!usage.used || fills_without_harm(usage.map)) return;
  const double fill = percent_of(*usage.used, usage.capacity);
  if (fill <= kTableFill) return;
  warnings.push_back(
      fmt::format("{} is {:.0f}% full ({} of {} entries): when it is full, further services or endpoints "
                  "are not programmed",
                  usage.map.name, fill, *usage.used, usage.capacity));
}

}  // namespace

std::vector<std::string> status_warnings(const TableFacts& tables) {
  std::vector<std::string> warnings;
  if (tables.links.empty() && !tables.cgroup_attached)
    warnings.emplace_back("no program is attached to any link or cgroup: no traffic is translated");
  for (const FlowCount& count : tables.flows) add_flow_warning(count, warnings);
  for (const TableUsage& usage : tables.usage) add_table_warning(usage, warnings);
  if (const uint64_t evicted = reason_total(tables.reasons, WG_REASON_EVICTED_LIVE); evicted > 0)
    warnings.push_back(fmt::format("{} live flows were pushed out by new ones since the tables were made", evicted));
  if (const uint64_t ports = reason_total(tables.reasons, WG_REASON_SNAT_PORTS); ports > 0)
    warnings.push_back(fmt::format("{} packets were dropped for want of a free node port toward their backend", ports));
  return warnings;
}

}  // namespace waggle::cli
