// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "packet_cost/report.h"

namespace waggle {
namespace {

struct Column {
  TestHook hook;
  wg_family family;
};
constexpr std::array kColumns = {Column{TestHook::kTc, WG_IPV4}, Column{TestHook::kTc, WG_IPV6},
                                 Column{TestHook::kXdp, WG_IPV4}, Column{TestHook::kXdp, WG_IPV6}};

const ResultRow* find_row(const std::vector<ResultRow>& rows, std::string_view name, const Column& column) {
  const auto found = std::ranges::find_if(rows, [&](const ResultRow& row) {
    return row.name == name && row.hook == column.hook && row.family == column.family;
  });
  return found == rows.end() ? nullptr : &*found;
}

// The plain case that a feature's is compared with; empty: it is plain itself.
std::string_view plain_case(std::string_view name) {
  if (name.starts_with("affinity") || name.starts_with("ranges") || name.starts_with("amid")) return "new_flow";
  return name.starts_with("fragment") || name.starts_with("sctp") ? "established" : "";
}

std::string cell(const std::vector<ResultRow>& rows, std::string_view name, const Column& column) {
  const ResultRow* row = find_row(rows, name, column);
  if (row == nullptr) return "";
  const ResultRow* plain = find_row(rows, plain_case(name), column);
  if (plain == nullptr) return fmt::format("{:.0f}", row->numbers.ns);
  return fmt::format("{:.0f} ({:.2f} x)", row->numbers.ns, row->numbers.ns / plain->numbers.ns);
}

}  // namespace

std::string features_table(const std::vector<ResultRow>& rows) {
  std::string text = "| case | TC IPv4 | TC IPv6 | XDP IPv4 | XDP IPv6 |\n|---|---|---|---|---|\n";
  std::vector<std::string_view> written;
  for (const auto& row : rows) {
    if (std::ranges::find(written, row.name) != written.end()) continue;
    written.emplace_back(row.name);
    text += fmt::format("| {} |", row.name);
    for (const auto& column : kColumns) text += fmt::format(" {} |", cell(rows, row.name, column));
    text += "\n";
  }
  return text;
}

}  // namespace waggle
