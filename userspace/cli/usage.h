// SPDX-License-Identifier: Apache-2.0
// How full each table is. Used by `waggle map list` and `waggle status`.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/output.h"
#include "dataplane/table_reader.h"

namespace waggle::cli {

struct TableUsage {
  MapInfo map{};
  std::optional<uint64_t> used{};  // none: the table has no empty entries to tell from used ones
  uint64_t capacity = 0;           // in entries as users count them: flows, frontends, backends, gate bits
};

// Every pinned table, by name.
Result<std::vector<TableUsage>> table_usage(TableReader& reader);

// `waggle map list`
Listing usage_listing(std::span<const TableUsage> usage);

// To a hundredth.
double percent_of(uint64_t used, uint64_t capacity);

// Live flows of one table by state; index: WG_FLOW_* state.
struct FlowCount {
  FlowTable table = FlowTable::kFlows4;
  std::array<uint64_t, WG_FLOW_STATE_MASK + 1> by_state{};
  uint64_t slots = 0;

  [[nodiscard]] uint64_t live() const;  // entries, closed ones included until the sweep frees them
  [[nodiscard]] uint64_t in(uint32_t state) const { return by_state[state & WG_FLOW_STATE_MASK]; }
};

Result<std::vector<FlowCount>> count_flows(const TableReader& reader);

// Entries in use of a planner's array, from its bytes.
uint64_t frontends_used(std::span<const std::byte> content, Family family);
uint64_t services_used(std::span<const std::byte> content);
uint64_t slots_used(std::span<const std::byte> content);
uint64_t backends_used(std::span<const std::byte> content);
uint64_t gate_bits_used(std::span<const std::byte> content);

}  // namespace waggle::cli
