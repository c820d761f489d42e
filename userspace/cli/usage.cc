// SPDX-License-Identifier: Apache-2.0
#include "cli/usage.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "plan/dump.h"
#include "waggle/abi/backend.h"
#include "waggle/abi/frontend.h"

namespace waggle::cli {
namespace {

// Entries of type T for which `used` holds. Copies each one: the writer may change it meanwhile.
template <typename T, typename Used>
uint64_t count_entries(std::span<const std::byte> content, Used used) {
  uint64_t count = 0;
  for (size_t at = 0; at + sizeof(T) <= content.size(); at += sizeof(T)) {
    T entry{};
    std::memcpy(&entry, content.data() + at, sizeof(T));
    if (used(entry)) ++count;
  }
  return count;
}

struct Count {
  std::optional<uint64_t> used{};
  uint64_t capacity = 0;
};

Count planned(Table table, std::span<const std::byte> content, uint64_t max_entries) {
  switch (table) {
    case Table::kFrontends4:
      return {frontends_used(content, Family::kIpv4), max_entries * WG_FRONTEND_WAYS};
    case Table::kFrontends6:
      return {frontends_used(content, Family::kIpv6), max_entries * WG_FRONTEND_WAYS};
    case Table::kServices:
      return {services_used(content), max_entries};
    case Table::kSlots:
      return {slots_used(content), max_entries};
    case Table::kBackends:
      return {backends_used(content), max_entries};
    case Table::kFrontendGate:
    case Table::kReplyGate:
      return {gate_bits_used(content), max_entries * 64};
    case Table::kServiceNames:
    case Table::kSourceRanges:
      break;
  }
  return {std::nullopt, max_entries};
}

// For tables that are read as a list of used entries.
template <typename Entries>
Result<Count> listed(Result<Entries> entries, const MapInfo& map) {
  if (!entries) return tl::unexpected(std::move(entries.error()));
  return Count{entries->size(), map.max_entries};
}

Result<Count> planned_usage(TableReader& reader, Table table, const MapInfo& map) {
  if (table == Table::kServiceNames) {
    const auto names = reader.service_names();
    if (!names) return tl::unexpected(names.error());
    return Count{names->size(), map.max_entries};
  }
  if (table == Table::kSourceRanges) return listed(reader.source_ranges(), map);
  const auto content = reader.content(table);
  if (!content) return tl::unexpected(content.error());
  return planned(table, *content, map.max_entries);
}

Result<Count> flow_usage(const TableReader& reader, FlowTable table, const MapInfo& map) {
  uint64_t live = 0;
  const auto read = reader.for_each_flow(table, [&](const FlowCopy&) { ++live; });
  if (!read) return tl::unexpected(read.error());
  return Count{live, uint64_t{map.max_entries} * WG_FLOW_WAYS};
}

Result<Count> usage_of(TableReader& reader, const MapInfo& map) {
  if (const auto table = table_by_name(map.name)) return planned_usage(reader, *table, map);
  for (const FlowTable table : {FlowTable::kFlows4, FlowTable::kFlows6, FlowTable::kSnat4, FlowTable::kSnat6})
    if (flow_table_name(table) == map.name) return flow_usage(reader, table, map);
  if (map.name == "flow_spill") return listed(reader.spilled_flows(), map);
  if (map.name == "sock_flows") return listed(reader.sock_flows(), map);
  if (map.name == "affinity") return listed(reader.affinities(), map);
  if (map.name == "fragments") return listed(reader.fragments(), map);
  if (map.name == "nexthops") return listed(reader.nexthops(), map);
  return Count{std::nullopt, map.max_entries};
}

}  // namespace

double percent_of(uint64_t used, uint64_t capacity) {
  if (capacity == 0) return 0;
  return std::round(10'000.0 * static_cast<double>(used) / static_cast<double>(capacity)) / 100;
}

uint64_t FlowCount::live() const {
  uint64_t sum = 0;
  for (uint32_t state = WG_FLOW_HALF_OPEN; state <= WG_FLOW_STATE_MASK; ++state) sum += by_state[state];
  return sum;
}

uint64_t frontends_used(std::span<const std::byte> content, Family family) {
  const auto used = [](const auto& entry) { return (entry.kind & WG_FRONTEND_KIND_MASK) != WG_FRONTEND_EMPTY; };
  return family == Family::kIpv4 ? count_entries<wg_frontend4>(content, used)
                                 : count_entries<wg_frontend6>(content, used);
}

uint64_t services_used(std::span<const std::byte> content) {
  return count_entries<wg_service>(content, [](const auto& entry) { return (entry.flags & WG_SERVICE_LIVE) != 0; });
}

uint64_t slots_used(std::span<const std::byte> content) {
  return count_entries<wg_slot>(content, [](const auto& entry) { return entry.backend != 0; });
}

uint64_t backends_used(std::span<const std::byte> content) {
  return count_entries<wg_backend>(content, [](const auto& entry) { return entry.state != WG_BACKEND_EMPTY; });
}

uint64_t gate_bits_used(std::span<const std::byte> content) {
  uint64_t bits = 0;
  count_entries<uint64_t>(content, [&](uint64_t word) {
    bits += static_cast<uint64_t>(std::popcount(word));
    return true;
  });
  return bits;
}

Result<std::vector<TableUsage>> table_usage(TableReader& reader) {
  auto maps = reader.maps();
  if (!maps) return tl::unexpected(std::move(maps.error()));
  std::vector<TableUsage> all;
  for (MapInfo& map : *maps) {
    const auto count = usage_of(reader, map);
    if (!count) return tl::unexpected(count.error());
    all.push_back({.map = std::move(map), .used = count->used, .capacity = count->capacity});
  }
  return all;
}

Listing usage_listing(std::span<const TableUsage> usage) {
  Listing listing{.columns = {{.key = "name", .title = "NAME"},
                              {.key = "type", .title = "TYPE"},
                              {.key = "used", .title = "USED"},
                              {.key = "capacity", .title = "CAPACITY"},
                              {.key = "fill_percent", .title = "FULL%"},
                              {.key = "memory_bytes", .title = "MEMORY", .unit = Unit::kBytes},
                              {.key = "key_bytes", .title = "KEY", .show = Show::kWide, .unit = Unit::kBytes},
                              {.key = "value_bytes", .title = "VALUE", .show = Show::kWide, .unit = Unit::kBytes},
                              {.key = "max_entries", .title = "MAX-ENTRIES", .show = Show::kWide}},
                  .rows = {}};
  for (const TableUsage& each : usage)
    listing.rows.push_back({each.map.name, each.map.type, each.used ? Value(*each.used) : Value(), each.capacity,
                            each.used ? Value(percent_of(*each.used, each.capacity)) : Value(), each.map.memory_bytes,
                            each.map.key_size, each.map.value_size, each.map.max_entries});
  return listing;
}

Result<std::vector<FlowCount>> count_flows(const TableReader& reader) {
  const DataplaneSizes& sizes = reader.sizes();
  std::vector<FlowCount> counts = {{.table = FlowTable::kFlows4, .slots = sizes.flow_slots4},
                                   {.table = FlowTable::kFlows6, .slots = sizes.flow_slots6},
                                   {.table = FlowTable::kSnat4, .slots = sizes.snat_slots4},
                                   {.table = FlowTable::kSnat6, .slots = sizes.snat_slots6}};
  for (FlowCount& count : counts) {
    const auto visit = [&](const FlowCopy& flow) { ++count.by_state[flow.state()]; };
    if (const auto read = reader.for_each_flow(count.table, visit); !read) return tl::unexpected(read.error());
  }
  return counts;
}

}  // namespace waggle::cli
