// SPDX-License-Identifier: Apache-2.0
// Flows as `waggle flow list` shows and filters them. Pure: the command reads the tables, tests make the entries up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/catalog.h"
#include "cli/grammar.h"
#include "cli/output.h"
#include "dataplane/flow_sweep.h"
#include "model/address.h"
#include "waggle/abi/settings.h"

namespace waggle::cli {

// One flow, from the flow tables or the spill table. Ports in host byte order.
struct FlowRecord {
  Protocol protocol = Protocol::kTcp;
  IpAddress client{};
  uint16_t client_port = 0;
  std::optional<IpAddress> frontend{};  // none: an IPv6 frontend whose place is empty by now
  uint16_t frontend_port = 0;
  IpAddress backend{};
  uint16_t backend_port = 0;
  uint32_t backend_id = 0;
  std::string_view state{};           // "spilled": in the spill table, which keeps no state
  std::optional<uint32_t> idle_s{};   // since the last packet
  std::optional<IpAddress> snat{};    // node address the backend sees
  uint16_t snat_port = 0;             // 0: the source is not translated
  std::optional<uint32_t> service{};  // index
};

inline constexpr std::string_view kSpilledState = "spilled";

// What turns entries into records.
struct FlowContext {
  const Catalog& catalog;
  const wg_control& control;
  uint32_t now = 0;  // jiffies
  uint32_t hz = 0;
};

FlowRecord flow_record(const FlowCopy& flow, const FlowContext& context);
// Only WG_SPILL_REQUEST entries are flows of their own; the other entry of the pair says the same.
std::optional<FlowRecord> spilled_record(const wg_spill_key& key, const wg_spill_value& value,
                                         const FlowContext& context);

std::vector<Column> flow_columns();
Row flow_row(const FlowRecord& flow, const Catalog& catalog);

// ADDR or ADDR:PORT.
struct AddressFilter {
  IpAddress address{};
  uint16_t port = 0;  // 0: any

  static std::optional<AddressFilter> parse(std::string_view text);
  [[nodiscard]] bool matches(const IpAddress& other, uint16_t other_port) const;
};

struct FlowFilter {
  std::optional<ServiceSelector> service{};
  std::optional<AddressFilter> client{};
  std::optional<AddressFilter> backend{};
  std::optional<AddressFilter> frontend{};
  std::optional<Protocol> protocol{};
  std::optional<std::string> state{};

  static Outcome<FlowFilter> from(const Invocation& invocation);
  [[nodiscard]] bool matches(const FlowRecord& flow, const Catalog& catalog) const;
};

}  // namespace waggle::cli
