// SPDX-License-Identifier: Apache-2.0
#include "cli/outcome.h"

#include <fmt/format.h>

namespace waggle::cli {

std::string Trouble::text() const {
  if (status != kExitUsage) return message;
  const std::string_view stop = message.ends_with('?') ? "" : ".";
  if (help_on.empty()) return fmt::format("{}{} See 'waggle help'.", message, stop);
  return fmt::format("{}{} See 'waggle {} --help'.", message, stop, help_on);
}

}  // namespace waggle::cli
