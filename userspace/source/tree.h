// SPDX-License-Identifier: Apache-2.0
// The content of a manifest as a tree, whichever syntax it came in: made by parse_yaml and parse_json, read by Field.
// The caller owns it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace waggle {

struct Value {
  enum class Kind : uint8_t { kNull, kBoolean, kInteger, kNumber, kString, kList, kMap };

  Kind kind = Kind::kNull;
  int line = 1;                   // first line of the value, from 1
  std::string text;               // scalars, as written; booleans are "true" or "false"
  std::vector<std::string> keys;  // maps: the key of each item
  std::vector<Value> items;       // lists and maps

  // The value of a key; nothing unless this is a map that has it.
  [[nodiscard]] const Value* find(std::string_view key) const;
};

// A map that has a key twice: wrong, as for the API server, or kept as it is for the caller to judge.
enum class RepeatedKeys : uint8_t { kRefused, kKept };

// Every document of a text, empty ones left out. `file` is for messages: "file:line: what is wrong".
Result<std::vector<Value>> parse_yaml(const std::string& text, const std::string& file,
                                      RepeatedKeys repeated = RepeatedKeys::kRefused);
Result<std::vector<Value>> parse_json(const std::string& text, const std::string& file);

// For parsers: "file:line: what".
[[nodiscard]] tl::unexpected<Error> syntax_failure(const std::string& file, int line, std::string_view what);
// For parsers: a key that this map has twice, or nothing; and what to say of it.
[[nodiscard]] const std::string* repeated_key(const Value& map);
[[nodiscard]] std::string repeated_key_words(const std::string& key);
// For parsers: the line of the first byte that is not UTF-8, or 0.
[[nodiscard]] int first_line_not_utf8(std::string_view text);

}  // namespace waggle
