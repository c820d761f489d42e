// SPDX-License-Identifier: Apache-2.0
// Prometheus' text format, written piece by piece, and the histogram it writes. (docs/adr/0006 says why not
// prometheus-cpp.) Used by the metrics page only.
//
//   MetricsText text;
//   text.family("waggle_flows_live", MetricType::kGauge, "Live flows.");
//   text.sample({{"ip_family", "IPv4"}}, 12);
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace waggle {

// bounds: upper ends of the buckets, ascending, without +Inf; must outlive the histogram.
class Histogram {
 public:
  explicit Histogram(std::span<const double> bounds) : bounds_(bounds), counts_(bounds.size() + 1) {}

  void observe(double value);
  [[nodiscard]] std::span<const double> bounds() const { return bounds_; }
  [[nodiscard]] const std::vector<uint64_t>& counts() const { return counts_; }  // of each bucket alone; +Inf last
  [[nodiscard]] double sum() const { return sum_; }

 private:
  std::span<const double> bounds_;
  std::vector<uint64_t> counts_;
  double sum_ = 0;
};

enum class MetricType : uint8_t { kCounter, kGauge, kHistogram };

using MetricLabel = std::pair<std::string_view, std::string_view>;
using MetricLabels = std::initializer_list<MetricLabel>;

class MetricsText {
 public:
  // Every sample until the next family() belongs to it.
  void family(std::string_view name, MetricType type, std::string_view help);
  void sample(MetricLabels labels, double value);
  template <std::integral T>
  void sample(MetricLabels labels, T value) {
    line("", labels, {}, std::to_string(value));
  }
  void histogram(MetricLabels labels, const Histogram& histogram);

  [[nodiscard]] const std::string& text() const { return text_; }
  std::string take() { return std::exchange(text_, {}); }

 private:
  void line(std::string_view suffix, MetricLabels labels, std::string_view bound, std::string_view value);
  void label(std::string_view name, std::string_view value, bool& first);

  std::string name_;
  std::string text_;
};

}  // namespace waggle
