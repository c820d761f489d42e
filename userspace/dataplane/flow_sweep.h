// SPDX-License-Identifier: Apache-2.0
// User space's view of the flow tables: verified copies of entries, expiry, and which indexes flows still name. The
// daemon sweeps through Dataplane::sweep, the CLI reads through TableReader::for_each_flow.
//
// User space never claims a slot (it may die half way); it only frees one, by compare-and-exchange from the control
// word it verified, keeping the generation (include/waggle/abi/flow.h, design/flow-table.md section 3).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>

#include "base/result.h"
#include "plan/planner.h"
#include "waggle/abi/flow.h"

namespace waggle {

enum class FlowTable : uint8_t { kFlows4, kFlows6, kSnat4, kSnat6 };
inline constexpr size_t kFlowTables = 4;
std::string_view flow_table_name(FlowTable table);  // "flows4"

// A whole entry as it stood at one moment. Addresses: network byte order, IPv4 in word 0.
struct FlowCopy {
  FlowTable table = FlowTable::kFlows4;
  uint32_t slot = 0;  // bucket * WG_FLOW_WAYS + way
  wg_flow_head head{};
  std::array<uint32_t, WG_ADDRESS_WORDS> client{};  // snat tables: the node's address
  std::array<uint32_t, WG_ADDRESS_WORDS> backend{};
  std::array<uint32_t, WG_ADDRESS_WORDS> behind{};  // snat tables: the client behind the node's address; else zero

  [[nodiscard]] uint8_t protocol() const;  // IP protocol number
  [[nodiscard]] uint32_t state() const { return head.control & WG_FLOW_STATE_MASK; }
  [[nodiscard]] uint32_t backend_id() const;
  // Time since the last packet (a second coarse). now: JiffiesClock::now().
  [[nodiscard]] uint32_t age_s(uint32_t now, uint32_t hz) const;
};

std::string_view flow_state_name(uint32_t state);  // "established"; a WG_FLOW_* state

using FlowVisitor = std::function<void(const FlowCopy&)>;

// What the sweep found in one table.
struct FlowOccupancy {
  uint64_t slots = 0;
  std::array<uint64_t, WG_FLOW_STATE_MASK + 1> by_state{};  // index: control & WG_FLOW_STATE_MASK, after expiry
  uint64_t expired = 0;                                     // freed by this sweep

  [[nodiscard]] uint64_t live() const;
};

struct SweepRequest {
  bool references = false;  // also fill SweepResult::references (costs a frontend lookup per IPv4 flow)
};

struct SweepResult {
  std::array<FlowOccupancy, kFlowTables> tables{};  // index: FlowTable
  uint64_t spilled = 0;                             // flows in flow_spill
  std::chrono::nanoseconds cpu{0};                  // that the sweep took
  uint64_t unspilled = 0;                           // buckets without any, whose spilled bit was cleared
  FlowReferences references;                        // sized as the tables; empty unless asked for
};

}  // namespace waggle
