// SPDX-License-Identifier: Apache-2.0
#include "cli/value.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <span>

namespace waggle::cli {
namespace {

constexpr std::string_view kNothing = "-";

std::string two_units(uint64_t whole, char whole_unit, uint64_t part, char part_unit) {
  return part == 0 ? fmt::format("{}{}", whole, whole_unit)
                   : fmt::format("{}{}{}{}", whole, whole_unit, part, part_unit);
}

std::string number_text(uint64_t number, Unit unit) {
  switch (unit) {
    case Unit::kSeconds:
      return duration_text(number);
    case Unit::kBytes:
      return bytes_text(number);
    case Unit::kNone:
      break;
  }
  return std::to_string(number);
}

std::string list_text(const Value::List& list, size_t limit) {
  if (list.empty()) return std::string(kNothing);
  if (limit == 0 || list.size() <= limit) return fmt::format("{}", fmt::join(list, ","));
  const auto shown = std::span(list).first(limit);
  return fmt::format("{} +{} more", fmt::join(shown, ","), list.size() - limit);
}

// A name from outside must not move the cursor or break a row of a table.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return text;
}

struct ToText {
  Unit unit;
  size_t list_limit;

  std::string operator()(std::monostate) const { return std::string(kNothing); }
  std::string operator()(bool truth) const { return truth ? "yes" : "no"; }
  std::string operator()(uint64_t number) const { return number_text(number, unit); }
  std::string operator()(double number) const { return fmt::format("{:.1f}", number); }
  std::string operator()(const std::string& text) const { return text.empty() ? std::string(kNothing) : text; }
  std::string operator()(const Value::List& list) const { return list_text(list, list_limit); }
};

}  // namespace

bool Value::empty() const {
  if (const auto* text = std::get_if<std::string>(&content_)) return text->empty();
  if (const auto* list = std::get_if<List>(&content_)) return list->empty();
  return std::holds_alternative<std::monostate>(content_);
}

bool Value::is_number() const {
  return std::holds_alternative<uint64_t>(content_) || std::holds_alternative<double>(content_);
}

std::string Value::text(Unit unit, size_t list_limit) const {
  return printable(std::visit(ToText{unit, list_limit}, content_));
}

std::string duration_text(uint64_t seconds) {
  const uint64_t minutes = seconds / 60;
  const uint64_t hours = minutes / 60;
  if (minutes == 0) return fmt::format("{}s", seconds);
  if (hours == 0) return two_units(minutes, 'm', seconds % 60, 's');
  if (hours < 24) return two_units(hours, 'h', minutes % 60, 'm');
  return two_units(hours / 24, 'd', hours % 24, 'h');
}

std::string bytes_text(uint64_t bytes) {
  static constexpr std::array<std::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  auto amount = static_cast<double>(bytes);
  for (; amount >= 1024 && unit + 1 < kUnits.size(); ++unit) amount /= 1024;
  const bool whole = amount == static_cast<double>(static_cast<uint64_t>(amount));
  return whole ? fmt::format("{:.0f} {}", amount, kUnits[unit]) : fmt::format("{:.1f} {}", amount, kUnits[unit]);
}

}  // namespace waggle::cli
