// SPDX-License-Identifier: Apache-2.0
// Writes JSON text piece by piece. Used by the agent's status file and by the CLI's `-o json`; owned by whoever prints.
//
//   JsonWriter json;
//   json.begin_object().field("pid", 12).key("links").begin_array().value("eth0").end_array().end_object();
//   puts(json.text().c_str());
//
// Calls must nest as JSON does: inside an object every value follows key() (or use field()). Text that is not UTF-8 is
// written with U+FFFD in place of each wrong byte, so that the output always parses.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace waggle {

class JsonWriter {
 public:
  enum class Style : uint8_t { kPretty, kCompact };  // two spaces a level, or one line

  explicit JsonWriter(Style style = Style::kPretty) : style_(style) {}

  JsonWriter& begin_object() { return begin('{'); }
  JsonWriter& end_object() { return end('}'); }
  JsonWriter& begin_array() { return begin('['); }
  JsonWriter& end_array() { return end(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(bool truth) { return raw(truth ? "true" : "false"); }
  JsonWriter& value(double number);  // not finite: null
  JsonWriter& null() { return raw("null"); }
  // A value that is JSON already, on one line.
  JsonWriter& json(std::string_view whole) { return raw(whole); }
  template <std::integral T>
  JsonWriter& value(T number) {
    return raw(std::to_string(number));
  }

  template <typename T>
  JsonWriter& field(std::string_view name, const T& content) {
    return key(name).value(content);
  }

  // Everything written so far, without a newline at the end.
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  JsonWriter& begin(char bracket);
  JsonWriter& end(char bracket);
  JsonWriter& raw(std::string_view token);
  void separate();
  void new_line();

  Style style_;
  std::string text_;
  std::vector<bool> level_has_items_;  // one entry an open object or array
  bool after_key_ = false;
};

}  // namespace waggle
