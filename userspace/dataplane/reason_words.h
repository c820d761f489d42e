// SPDX-License-Identifier: Apache-2.0
// Reasons and hooks in words, from the one list in include/waggle/abi/reason.h: for the CLI and the metrics.
#pragma once

#include <array>
#include <string_view>

#include "waggle/abi/counter.h"

namespace waggle {

struct ReasonWords {
  std::string_view name;     // "no-endpoints"
  std::string_view meaning;  // "rejected: ..."
};

#define WG_REASON_WORDS(name, text, meaning) ReasonWords{text, meaning},
inline constexpr std::array<ReasonWords, WG_REASON_COUNT> kReasonWords = {WG_REASONS(WG_REASON_WORDS)};
#undef WG_REASON_WORDS

inline constexpr std::array<std::string_view, WG_HOOK_COUNT> kReasonHooks = {"tc", "xdp", "socket"};

}  // namespace waggle
