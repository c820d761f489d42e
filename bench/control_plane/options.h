// SPDX-License-Identifier: Apache-2.0
// What control_plane is asked for on its command line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/result.h"

namespace waggle {

struct Options {
  uint32_t services = 10'000;
  uint32_t endpoints = 10;         // of each service
  uint32_t single_changes = 1000;  // one at a time
  uint32_t single_rate = 100;      // a second
  uint32_t load_changes = 10'000;
  uint32_t load_rate = 1000;  // a second
  std::filesystem::path waggle;
  bool json = false;
};

// Nothing: the help was asked for and printed.
Result<std::optional<Options>> parse_options(int argc, const char* const* argv);

}  // namespace waggle
