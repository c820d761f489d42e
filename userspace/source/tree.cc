// SPDX-License-Identifier: Apache-2.0
#include "source/tree.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <unordered_set>

namespace waggle {

const Value* Value::find(std::string_view key) const {
  const auto found = std::find(keys.begin(), keys.end(), key);
  return found == keys.end() ? nullptr : &items[static_cast<size_t>(found - keys.begin())];
}

tl::unexpected<Error> syntax_failure(const std::string& file, int line, std::string_view what) {
  return failure(fmt::format("{}:{}: {}", file, line, what));
}

const std::string* repeated_key(const Value& map) {
  std::unordered_set<std::string_view> seen;
  for (const std::string& key : map.keys) {
    if (!seen.insert(key).second) return &key;
  }
  return nullptr;
}

std::string repeated_key_words(const std::string& key) {
  return fmt::format("the key \"{}\" stands twice in the map that begins here; keep one", key);
}

int first_line_not_utf8(std::string_view text) {
  if (simdjson::validate_utf8(text)) return 0;
  int line = 1;
  while (true) {
    const size_t end = text.find('\n');
    if (!simdjson::validate_utf8(text.substr(0, end)) || end == std::string_view::npos) return line;
    text.remove_prefix(end + 1);
    ++line;
  }
}

}  // namespace waggle
