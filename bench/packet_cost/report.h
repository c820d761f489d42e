// SPDX-License-Identifier: Apache-2.0
// From rounds to the numbers that are shown, and how they are shown. Definitions: bench/README.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "packet_cost/measure.h"

namespace waggle {

struct Numbers {
  double ns = 0;         // net of wrapper and test loop, best round
  double ns_median = 0;  // the same, median round
  double floor_ns = 0;
  double lru_ns = 0;
  double floor_ratio = 0;
  double lru_ratio = 0;
};

Numbers numbers_of(const Rounds& rounds);
// Field by field, over loads.
Numbers median_of(const std::vector<Numbers>& loads);

struct ResultRow {
  std::string name;
  std::string hook;
  wg_family family;
  uint32_t flows;
  Numbers numbers;
  ProgramSize size;
};

std::string json_line(const ResultRow& row);
std::string table_head();
std::string table_line(const ResultRow& row);

}  // namespace waggle
