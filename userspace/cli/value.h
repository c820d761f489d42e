// SPDX-License-Identifier: Apache-2.0
// One typed value of a command's answer. Commands make values, renderers show them: people see text with units,
// programs see numbers as numbers. Every output format is given the same values.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace waggle::cli {

// How text shows a number. Keys of values in seconds and bytes end with _s and _bytes.
enum class Unit : uint8_t { kNone, kSeconds, kBytes };

class Value {
 public:
  using List = std::vector<std::string>;
  using Content = std::variant<std::monostate, bool, uint64_t, double, std::string, List>;

  Value() = default;  // nothing known: "-" or null
  // Not explicit: rows are written as plain lists of values. NOLINTBEGIN(google-explicit-constructor)
  Value(bool truth) : content_(truth) {}
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) Value(T number) : content_(uint64_t{number}) {}
  Value(double number) : content_(number) {}
  Value(const char* text) : content_(std::string(text)) {}
  Value(std::string_view text) : content_(std::string(text)) {}
  Value(std::string text) : content_(std::move(text)) {}
  Value(List list) : content_(std::move(list)) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] const Content& content() const { return content_; }
  // Nothing, an empty text or an empty list.
  [[nodiscard]] bool empty() const;
  [[nodiscard]] bool is_number() const;
  // For people. `list_limit`: so many items of a list, then "+N more"; 0: all.
  [[nodiscard]] std::string text(Unit unit, size_t list_limit) const;

  bool operator==(const Value&) const = default;

 private:
  Content content_;
};

std::string duration_text(uint64_t seconds);  // "45s", "12m5s", "3h2m", "4d6h"
std::string bytes_text(uint64_t bytes);       // "512 B", "1.5 KiB", "64 MiB"

}  // namespace waggle::cli
