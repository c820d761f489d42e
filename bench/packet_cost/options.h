// SPDX-License-Identifier: Apache-2.0
// What packet_cost was asked to measure. Filled in by main from the command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace waggle {

struct Options {
  std::vector<uint32_t> flows = {1, 1u << 17, 1u << 20};  // powers of two, ascending
  unsigned rounds = 9;
  unsigned loads = 1;          // how often everything is made and loaded anew
  uint32_t repeats = 200'000;  // packets of one measurement
  unsigned cpu = 1;
  std::string only;  // part of a case's name; empty: all
  bool ipv4 = true;
  bool ipv6 = true;
  bool json = false;
  bool features = false;  // only what features cost, beside the plain cases, as a table in Markdown
};

// Nothing: the help was asked for and printed.
Result<std::optional<Options>> parse_options(int argc, const char* const* argv);

}  // namespace waggle
