// SPDX-License-Identifier: Apache-2.0
#include "daemon/config_duration.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace waggle {
namespace {

struct Unit {
  std::string_view name;
  int64_t nanoseconds;
};

// "ms" stands before "m", so that it is found first.
constexpr std::array<Unit, 8> kUnits{{{"ns", 1},
                                      {"us", 1'000},
                                      {"\u00b5s", 1'000},
                                      {"\u03bcs", 1'000},
                                      {"ms", 1'000'000},
                                      {"s", 1'000'000'000},
                                      {"m", 60'000'000'000},
                                      {"h", 3'600'000'000'000}}};

const Unit* take_unit(std::string_view& text) {
  for (const Unit& unit : kUnits) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    return &unit;
  }
  return nullptr;
}

std::string_view take_digits(std::string_view& text) {
  const size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  return digits;
}

// Digits behind the point; what is below a nanosecond is cut off.
int64_t fraction_of(std::string_view digits, int64_t nanoseconds) {
  int64_t sum = 0;
  int64_t place = nanoseconds;
  for (const char digit : digits) {
    place /= 10;
    sum += (digit - '0') * place;
  }
  return sum;
}

// One number with its unit, as "1.5h".
std::optional<int64_t> take_part(std::string_view& text) {
  const std::string_view whole = take_digits(text);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits(text);
  }
  if (whole.empty() && fraction.empty()) return std::nullopt;
  const Unit* unit = take_unit(text);
  if (unit == nullptr) return std::nullopt;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), value);
  if (!whole.empty() && error != std::errc{}) return std::nullopt;
  if (__builtin_mul_overflow(value, unit->nanoseconds, &value)) return std::nullopt;
  if (__builtin_add_overflow(value, fraction_of(fraction, unit->nanoseconds), &value)) return std::nullopt;
  return value;
}

// "1.5" out of 1500 thousandths.
std::string decimal(uint64_t value, uint64_t unit) {
  std::string text = fmt::format("{}", value / unit);
  uint64_t rest = value % unit;
  if (rest == 0) return text;
  text += '.';
  for (uint64_t place = unit / 10; rest != 0; place /= 10) {
    text += static_cast<char>('0' + rest / place);
    rest %= place;
  }
  return text;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return Duration(0);
  if (text.empty()) return std::nullopt;
  int64_t sum = 0;
  while (!text.empty()) {
    const auto part = take_part(text);
    if (!part.has_value() || __builtin_add_overflow(sum, *part, &sum)) return std::nullopt;
  }
  return Duration(negative ? -sum : sum);
}

std::string duration_text(Duration duration) {
  const int64_t count = duration.count();
  if (count == 0) return "0s";
  const std::string sign = count < 0 ? "-" : "";
  const uint64_t value = count < 0 ? uint64_t{0} - static_cast<uint64_t>(count) : static_cast<uint64_t>(count);
  if (value < 1'000) return fmt::format("{}{}ns", sign, value);
  if (value < 1'000'000) return fmt::format("{}{}\u00b5s", sign, decimal(value, 1'000));
  if (value < 1'000'000'000) return fmt::format("{}{}ms", sign, decimal(value, 1'000'000));
  constexpr uint64_t kMinute = 60'000'000'000;
  const std::string seconds = decimal(value % kMinute, 1'000'000'000) + "s";
  const uint64_t minutes = value / kMinute;
  if (minutes == 0) return sign + seconds;
  if (minutes < 60) return fmt::format("{}{}m{}", sign, minutes, seconds);
  return fmt::format("{}{}h{}m{}", sign, minutes / 60, minutes % 60, seconds);
}

}  // namespace waggle
