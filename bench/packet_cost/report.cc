// SPDX-License-Identifier: Apache-2.0
#include "packet_cost/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json_writer.h"

namespace waggle {
namespace {

double least(const std::vector<double>& values) { return *std::ranges::min_element(values); }

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// Median over rounds of (a + shift) / (b + shift), both of the same round.
double median_ratio(const std::vector<double>& a, const std::vector<double>& b, double shift) {
  std::vector<double> ratios;
  for (size_t round = 0; round < a.size(); ++round) ratios.push_back((a[round] + shift) / (b[round] + shift));
  return median(std::move(ratios));
}

double rounded(double value, double steps) { return std::round(value * steps) / steps; }

}  // namespace

Numbers numbers_of(const Rounds& rounds) {
  const double wrapper = least(rounds.empty);
  const double loop = least(rounds.bare);
  Numbers numbers;
  numbers.ns = least(rounds.product) - wrapper;
  numbers.ns_median = median(rounds.product) - wrapper;
  if (rounds.floor.empty()) return numbers;
  numbers.has_comparisons = true;
  numbers.floor_ns = least(rounds.floor) - wrapper;
  numbers.lru_ns = least(rounds.lru) - wrapper;
  numbers.floor_ratio = median_ratio(rounds.product, rounds.floor, loop - wrapper);
  numbers.lru_ratio = median_ratio(rounds.product, rounds.lru, -wrapper);
  return numbers;
}

Numbers median_of(const std::vector<Numbers>& loads) {
  const auto field = [&loads](double Numbers::*which) {
    std::vector<double> values;
    for (const auto& load : loads) values.push_back(load.*which);
    return median(std::move(values));
  };
  return {field(&Numbers::ns),          field(&Numbers::ns_median),   field(&Numbers::floor_ns),
          field(&Numbers::lru_ns),      field(&Numbers::floor_ratio), field(&Numbers::lru_ratio),
          loads.front().has_comparisons};
}

std::string json_line(const ResultRow& row) {
  JsonWriter json(JsonWriter::Style::kCompact);
  json.begin_object().field("case", row.name).field("hook", test_hook_name(row.hook));
  json.field("family", row.family == WG_IPV4 ? 4 : 6).field("flows", row.flows);
  json.field("ns", rounded(row.numbers.ns, 10)).field("ns_median", rounded(row.numbers.ns_median, 10));
  if (row.numbers.has_comparisons) {
    json.field("floor_ns", rounded(row.numbers.floor_ns, 10)).field("lru_ns", rounded(row.numbers.lru_ns, 10));
    json.field("floor_ratio", rounded(row.numbers.floor_ratio, 100))
        .field("lru_ratio", rounded(row.numbers.lru_ratio, 100));
  }
  json.field("instructions", row.size.instructions).field("verified_instructions", row.size.verified_instructions);
  return json.end_object().text();
}

std::string table_head() {
  return fmt::format("{:<22} {:<4} {:>4} {:>8} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>8}\n", "case", "hook", "IP",
                     "flows", "ns", "median", "floor", "lru", "/floor", "/lru", "insns", "verified");
}

std::string table_line(const ResultRow& row) {
  const Numbers& n = row.numbers;
  const auto compared = [&n](double value, int digits) {
    return n.has_comparisons ? fmt::format("{:.{}f}", value, digits) : std::string("-");
  };
  return fmt::format("{:<22} {:<4} {:>4} {:>8} {:>7.1f} {:>7.1f} {:>7} {:>7} {:>7} {:>7} {:>7} {:>8}\n", row.name,
                     test_hook_name(row.hook), row.family == WG_IPV4 ? "4" : "6", row.flows, n.ns, n.ns_median,
                     compared(n.floor_ns, 1), compared(n.lru_ns, 1), compared(n.floor_ratio, 2),
                     compared(n.lru_ratio, 2), row.size.instructions, row.size.verified_instructions);
}

}  // namespace waggle
