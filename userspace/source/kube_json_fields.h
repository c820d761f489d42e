// SPDX-License-Identifier: Apache-2.0
// How the fields of JSON objects are read. A value of the wrong type is noted in the view and reading goes on; an error
// code means that the text is no JSON, and ends it. null and absent are the same. For kube_json*.cc only.
#pragma once

#include <simdjson.h>

#include <string_view>

#include "source/kube_view.h"

namespace waggle::kube_json {

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;
using simdjson::SUCCESS;

// Where a value is, for messages: "spec.ports[].port" and the number that goes into the brackets.
struct Place {
  std::string_view path;
  size_t index = 0;
};

// The key as written. Keys with escapes, or too long to be one of ours, are "".
inline std::string_view key_of(const char* raw) {
  constexpr size_t kLongestKey = 64;
  for (size_t i = 0; i < kLongestKey; ++i) {
    if (raw[i] == '"') return {raw, i};
    if (raw[i] == '\\') return {};
  }
  return {};
}

// What an error of simdjson means for a value that could not be had as `wanted`: the text is no JSON, or the value is
// of another type, which is noted.
inline error_code not_of_type(error_code error, ondemand::value& in, ondemand::json_type wanted, std::string_view words,
                              ObjectView& out, Place place) {
  ondemand::json_type type{};
  if (const auto broken = in.type().get(type)) return broken;
  if (type == wanted) return error;
  if (type != ondemand::json_type::null) out.note(place.path, place.index, words);
  return SUCCESS;
}

// Calls on_field(key, value) for each field.
template <typename OnField>
error_code read_map(ondemand::value in, ObjectView& out, Place place, OnField on_field) {
  ondemand::object object;
  if (const auto error = in.get_object().get(object))
    return not_of_type(error, in, ondemand::json_type::object, "must be a map", out, place);
  for (auto field : object) {
    ondemand::raw_json_string key;
    if (const auto error = field.key().get(key)) return error;
    ondemand::value value;
    if (const auto error = field.value().get(value)) return error;
    if (const error_code error = on_field(key_of(key.raw()), value)) return error;
  }
  return SUCCESS;
}

// Calls on_item(value, index) for each item.
template <typename OnItem>
error_code read_array(ondemand::value in, ObjectView& out, Place place, OnItem on_item) {
  ondemand::array array;
  if (const auto error = in.get_array().get(array))
    return not_of_type(error, in, ondemand::json_type::array, "must be a list", out, place);
  size_t index = 0;
  for (auto item : array) {
    ondemand::value value;
    if (const auto error = item.get(value)) return error;
    if (const error_code error = on_item(value, index++)) return error;
  }
  return SUCCESS;
}

template <typename Text>
error_code read_text(ondemand::value in, ObjectView& out, Place place, Text& to) {
  std::string_view text;
  if (const auto error = in.get_string().get(text))
    return not_of_type(error, in, ondemand::json_type::string, "must be text", out, place);
  to = text;
  return SUCCESS;
}

template <typename Number>
error_code read_integer(ondemand::value in, ObjectView& out, Place place, Number& to) {
  constexpr std::string_view kWords = "must be a whole number";
  int64_t number = 0;
  if (const auto error = in.get_int64().get(number)) {
    const auto meaning = not_of_type(error, in, ondemand::json_type::number, kWords, out, place);
    if (meaning == error) out.note(place.path, place.index, kWords);  // a fraction, or too large
    return meaning == error ? SUCCESS : meaning;
  }
  to = number;
  return SUCCESS;
}

template <typename Boolean>
error_code read_boolean(ondemand::value in, ObjectView& out, Place place, Boolean& to) {
  bool value = false;
  if (const auto error = in.get_bool().get(value))
    return not_of_type(error, in, ondemand::json_type::boolean, "must be true or false", out, place);
  to = value;
  return SUCCESS;
}

inline error_code read_texts(ondemand::value in, ObjectView& out, std::string_view path,
                             std::vector<std::string_view>& list) {
  return read_array(in, out, {path}, [&](ondemand::value item, size_t index) -> error_code {
    auto* entry = out.add(list, path);
    return entry == nullptr ? SUCCESS : read_text(item, out, {path, index}, *entry);
  });
}

// One object of a kind, into a cleared view.
error_code read_object(ObjectKind kind, ondemand::value in, ObjectView& out);

}  // namespace waggle::kube_json
