// SPDX-License-Identifier: Apache-2.0
// One measured number beside its target, as a row for people or as a line of JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace waggle {

struct Measured {
  std::string what;
  double value = 0;
  std::string unit;
  std::optional<double> limit;  // what is asked for: this or less
};

std::string table_row(const Measured& measured);
std::string json_row(const Measured& measured);

// Sorts them. `share`: 0.5 is the median.
double quantile(std::vector<int64_t>& values, double share);

}  // namespace waggle
