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
  bool has_comparisons = false;  // the floor and the LRU variant were measured, too
};

Numbers numbers_of(const Rounds& rounds);
// Field by field, over loads.
Numbers median_of(const std::vector<Numbers>& loads);

struct ResultRow {
  std::string name;
  TestHook hook;
  wg_family family;
  uint32_t flows;
  Numbers numbers;
  ProgramSize size;
};

std::string json_line(const ResultRow& row);
std::string table_head();
std::string table_line(const ResultRow& row);
// What features cost beside plain services: a Markdown table with a line a case and a column a hook and family. ns, and
// for features how many times the plain case of the same column.
std::string features_table(const std::vector<ResultRow>& rows);

}  // namespace waggle
