// SPDX-License-Identifier: Apache-2.0
// From the planner's decoded text to typed values.
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "cli/map_rows.h"

namespace waggle::cli {
namespace {

// "123" is a legal namespace, and gate bits are hexadecimal.
constexpr std::array<std::string_view, 4> kTextFields = {"namespace", "name", "port_name", "bits"};

std::string title_of(std::string_view key) {
  std::string title(key);
  std::ranges::transform(title, title.begin(),
                         [](unsigned char c) { return c == '_' ? '-' : static_cast<char>(std::toupper(c)); });
  return title;
}

Value typed(std::string_view key, const std::string& text) {
  if (text == "-") return {};
  if (std::ranges::find(kTextFields, key) != kTextFields.end()) return text;
  if (text == "yes" || text == "no") return text == "yes";
  uint64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && stop == text.data() + text.size() && std::to_string(number) == text;
  return whole ? Value(number) : Value(text);
}

}  // namespace

Listing decoded_listing(std::span<const waggle::Row> rows) {
  Listing listing;
  if (rows.empty()) return listing;
  for (const auto& [key, text] : rows.front().fields)
    listing.columns.push_back({.key = std::string(key), .title = title_of(key)});
  for (const waggle::Row& row : rows) {
    Row& values = listing.rows.emplace_back();
    for (const auto& [key, text] : row.fields) values.push_back(typed(key, text));
  }
  return listing;
}

}  // namespace waggle::cli
