// SPDX-License-Identifier: Apache-2.0
#include "daemon/config_value.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>

namespace waggle {
namespace {

using Texts = std::vector<std::string>;

template <typename... T>
struct Overloaded : T... {
  using T::operator()...;
};
template <typename... T>
Overloaded(T...) -> Overloaded<T...>;

// Decimal or, for unsigned ones, hexadecimal with 0x.
template <typename T>
Result<void> read_number(T& target, std::string_view text) {
  std::string_view digits = text;
  const bool hex = std::is_unsigned_v<T> && digits.starts_with("0x");
  if (hex) digits.remove_prefix(2);
  T value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
    return failure(fmt::format("'{}' is no 32-bit number", text));
  target = value;
  return {};
}

Result<void> read_decimal(double& target, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size())
    return failure(fmt::format("'{}' is no number", text));
  target = value;
  return {};
}

Result<void> read_duration(Duration& target, std::string_view text) {
  const auto duration = parse_duration(text);
  if (!duration.has_value()) return failure(fmt::format("'{}' is no duration; write it as 30s, 15m or 1h30m", text));
  target = *duration;
  return {};
}

Result<bool> read_truth(std::string_view text) {
  for (const std::string_view yes : {"true", "True", "TRUE", "t", "T", "1"})
    if (text == yes) return true;
  for (const std::string_view no : {"false", "False", "FALSE", "f", "F", "0"})
    if (text == no) return false;
  return failure(fmt::format("'{}' is neither true nor false", text));
}

Result<void> add_names(Texts& target, std::string_view text) {
  std::istringstream parts(std::string(text) + ",");
  for (std::string part; std::getline(parts, part, ',');) {
    if (part.empty() && !text.empty()) return failure(fmt::format("has an empty name in '{}'", text));
    if (!part.empty()) target.push_back(part);
  }
  return {};
}

Result<void> add_gates(Gates& target, std::string_view text) {
  Texts names;
  if (auto added = add_names(names, text); !added) return added;
  for (const std::string& name : names) {
    const size_t equals = name.find('=');
    if (equals == std::string::npos || equals == 0)
      return failure(fmt::format("'{}' is no feature gate; write it as Name=true", name));
    const auto truth = read_truth(std::string_view(name).substr(equals + 1));
    if (!truth) return tl::unexpected(truth.error());
    target[name.substr(0, equals)] = *truth;
  }
  return {};
}

template <typename T>
void read_integer(T& target, const Value& value, const Field& field) {
  if (!field.number().has_value()) return;
  if (auto read = read_number(target, value.text); !read) field.error(read.error().message);
}

// 0x4000 is no whole number to YAML's readers, so the text counts.
void read_bits(Bits& target, const Value& value, const Field& field) {
  const bool scalar = value.kind != Value::Kind::kList && value.kind != Value::Kind::kMap;
  const auto read = read_number(target.value, scalar ? value.text : "a list or map");
  if (!read) field.error(read.error().message + "; write it as 0x4000");
}

void read_decimal(double& target, const Value& value, const Field& field) {
  const bool number = value.kind == Value::Kind::kInteger || value.kind == Value::Kind::kNumber;
  const auto read = read_decimal(target, number ? value.text : "");
  if (!read) field.error("must be a number");
}

void read_duration(Duration& target, const Value& value, const Field& field) {
  if (value.kind == Value::Kind::kInteger && value.text != "0")
    return field.error(fmt::format("the number {} has no unit; write it as {}s", value.text, value.text));
  const auto text = value.text == "0" ? value.text : field.text();
  if (!text.has_value()) return;
  if (auto read = read_duration(target, *text); !read) field.error(read.error().message);
}

void read_list(Texts& target, const Field& field) {
  Texts items;
  for (const Field& item : field.items()) {
    if (auto text = item.text(); text.has_value()) items.push_back(std::move(*text));
  }
  target = std::move(items);
}

void read_gates(Gates& target, const Value& value, const Field& field) {
  if (value.kind != Value::Kind::kMap) return field.error("must be a map of names to true or false");
  for (const std::string& key : value.keys) target[key] = field.at(key).boolean().value_or(false);
}

}  // namespace

Result<void> read_text(ConfigPlace place, std::string_view text) {
  return std::visit(Overloaded{[](Anything*) { return Result<void>{}; },
                               [&](std::string* target) {
                                 *target = text;
                                 return Result<void>{};
                               },
                               [&](bool* target) {
                                 const auto truth = read_truth(text);
                                 if (!truth) return Result<void>(tl::unexpected(truth.error()));
                                 *target = *truth;
                                 return Result<void>{};
                               },
                               [&](int32_t* target) { return read_number(*target, text); },
                               [&](uint32_t* target) { return read_number(*target, text); },
                               [&](Bits* target) { return read_number(target->value, text); },
                               [&](double* target) { return read_decimal(*target, text); },
                               [&](Duration* target) { return read_duration(*target, text); },
                               [&](Texts* target) { return add_names(*target, text); },
                               [&](Gates* target) { return add_gates(*target, text); }},
                    place);
}

void read_value(ConfigPlace place, const Value& value, const Field& field) {
  std::visit(Overloaded{[](Anything*) {}, [&](std::string* target) { *target = field.text().value_or(*target); },
                        [&](bool* target) { *target = field.boolean().value_or(*target); },
                        [&](int32_t* target) { read_integer(*target, value, field); },
                        [&](uint32_t* target) { read_integer(*target, value, field); },
                        [&](Bits* target) { read_bits(*target, value, field); },
                        [&](double* target) { read_decimal(*target, value, field); },
                        [&](Duration* target) { read_duration(*target, value, field); },
                        [&](Texts* target) { read_list(*target, field); },
                        [&](Gates* target) { read_gates(*target, value, field); }},
             place);
}

bool is_zero(ConfigPlace place) {
  return std::visit(
      Overloaded{[](Anything*) { return true; }, [](std::string* target) { return target->empty(); },
                 [](bool* target) { return !*target; }, [](int32_t* target) { return *target == 0; },
                 [](uint32_t* target) { return *target == 0; }, [](Bits* target) { return target->value == 0; },
                 [](double* target) { return *target == 0; }, [](Duration* target) { return target->count() == 0; },
                 [](Texts* target) { return target->empty(); }, [](Gates* target) { return target->empty(); }},
      place);
}

void write_value(JsonWriter& json, ConfigPlace place) {
  std::visit(Overloaded{[&](Anything*) { json.null(); }, [&](std::string* target) { json.value(*target); },
                        [&](bool* target) { json.value(*target); }, [&](int32_t* target) { json.value(*target); },
                        [&](uint32_t* target) { json.value(*target); },
                        [&](Bits* target) { json.value(fmt::format("{:#x}", target->value)); },
                        [&](double* target) { json.value(*target); },
                        [&](Duration* target) { json.value(duration_text(*target)); },
                        [&](Texts* target) {
                          json.begin_array();
                          for (const std::string& text : *target) json.value(text);
                          json.end_array();
                        },
                        [&](Gates* target) {
                          json.begin_object();
                          for (const auto& [name, on] : *target) json.field(name, on);
                          json.end_object();
                        }},
             place);
}

std::string value_text(ConfigPlace place) {
  JsonWriter json(JsonWriter::Style::kCompact);
  write_value(json, place);
  return json.text();
}

}  // namespace waggle
