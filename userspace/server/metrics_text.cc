// SPDX-License-Identifier: Apache-2.0
#include "server/metrics_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace waggle {
namespace {

std::string_view type_name(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    default:
      return "histogram";
  }
}

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char character : text) {
    if (character == '\n') {
      out += "\\n";
      continue;
    }
    if (character == '\\' || (quotes && character == '"')) out += '\\';
    out += character;
  }
}

}  // namespace

void Histogram::observe(double value) {
  const auto bucket = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
  ++counts_[static_cast<size_t>(bucket)];
  sum_ += value;
}

void MetricsText::family(std::string_view name, MetricType type, std::string_view help) {
  name_ = name;
  text_.append("# HELP ").append(name).append(" ");
  append_escaped(text_, help, false);
  text_.append("\n# TYPE ").append(name).append(" ").append(type_name(type)).append("\n");
}

void MetricsText::sample(MetricLabels labels, double value) { line("", labels, {}, number_text(value)); }

void MetricsText::histogram(MetricLabels labels, const Histogram& histogram) {
  uint64_t below = 0;
  for (size_t bucket = 0; bucket < histogram.counts().size(); ++bucket) {
    below += histogram.counts()[bucket];
    const bool last = bucket == histogram.bounds().size();
    line("_bucket", labels, last ? "+Inf" : number_text(histogram.bounds()[bucket]), std::to_string(below));
  }
  line("_sum", labels, {}, number_text(histogram.sum()));
  line("_count", labels, {}, std::to_string(below));
}

void MetricsText::line(std::string_view suffix, MetricLabels labels, std::string_view bound, std::string_view value) {
  text_.append(name_).append(suffix);
  bool first = true;
  for (const auto& [name, content] : labels) label(name, content, first);
  if (!bound.empty()) label("le", bound, first);
  if (!first) text_ += '}';
  text_.append(" ").append(value).append("\n");
}

void MetricsText::label(std::string_view name, std::string_view value, bool& first) {
  text_ += first ? '{' : ',';
  first = false;
  text_.append(name).append("=\"");
  append_escaped(text_, value, true);
  text_ += '"';
}

}  // namespace waggle
