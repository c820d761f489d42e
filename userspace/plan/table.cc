// SPDX-License-Identifier: Apache-2.0
#include "plan/table.h"

namespace waggle {

std::string_view table_name(Table table) {
  static constexpr std::array<std::string_view, kTableCount> kNames = {"frontends4", "frontends6",    "services",
                                                                       "slots",      "backends",      "frontend_gate",
                                                                       "reply_gate", "service_names", "source_ranges"};
  return kNames[static_cast<size_t>(table)];
}

}  // namespace waggle
