// SPDX-License-Identifier: Apache-2.0
// Reasons in words, from the one list in include/waggle/abi/reason.h.
#include <string>

#include "cli/map_rows.h"
#include "dataplane/reason_words.h"

namespace waggle::cli {

std::string_view reason_name(wg_reason reason) { return kReasonWords[reason].name; }
std::string_view reason_meaning(wg_reason reason) { return kReasonWords[reason].meaning; }

std::string_view reason_effect(wg_reason reason) {
  const std::string_view meaning = reason_meaning(reason);
  for (const std::string_view effect : {"dropped", "rejected", "left alone"})
    if (meaning.starts_with(effect)) return effect;
  return "noted";
}

uint64_t reason_total(std::span<const uint64_t> counts, wg_reason reason) {
  uint64_t sum = 0;
  for (size_t hook = 0; hook < WG_HOOK_COUNT; ++hook) {
    const size_t index = static_cast<size_t>(reason) * WG_HOOK_COUNT + hook;
    if (index < counts.size()) sum += counts[index];
  }
  return sum;
}

Listing reason_table(std::span<const uint64_t> counts) {
  Listing table{.columns = {{.key = "reason", .title = "REASON"},
                            {.key = "hook", .title = "HOOK"},
                            {.key = "count", .title = "COUNT"},
                            {.key = "effect", .title = "EFFECT", .show = Show::kWide},
                            {.key = "meaning", .title = "MEANING"}},
                .rows = {}};
  for (size_t i = 0; i < counts.size() && i / WG_HOOK_COUNT < kReasonWords.size(); ++i) {
    const auto reason = static_cast<wg_reason>(i / WG_HOOK_COUNT);
    if (counts[i] == 0) continue;
    table.rows.push_back({reason_name(reason), kReasonHooks[i % WG_HOOK_COUNT], counts[i], reason_effect(reason),
                          reason_meaning(reason)});
  }
  return table;
}

}  // namespace waggle::cli
