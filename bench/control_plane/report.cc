// SPDX-License-Identifier: Apache-2.0
#include "control_plane/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json_writer.h"

namespace waggle {

std::string table_row(const Measured& measured) {
  const std::string value = fmt::format("{:.3f}", measured.value);
  if (!measured.limit.has_value()) return fmt::format("{:<66} {:>12} {}\n", measured.what, value, measured.unit);
  return fmt::format("{:<66} {:>12} {:<4} <= {:g}: {}\n", measured.what, value, measured.unit, *measured.limit,
                     measured.value <= *measured.limit ? "met" : "missed");
}

std::string json_row(const Measured& measured) {
  const std::string what = JsonWriter().value(measured.what).text();
  const std::string limit = measured.limit.has_value() ? fmt::format(R"(,"limit":{:g},"met":{})", *measured.limit,
                                                                     measured.value <= *measured.limit)
                                                       : "";
  return fmt::format(R"({{"what":{},"value":{:.3f},"unit":"{}"{}}})", what, measured.value, measured.unit, limit) +
         "\n";
}

double quantile(std::vector<int64_t>& values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const auto place = static_cast<size_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  return static_cast<double>(values[place]);
}

}  // namespace waggle
