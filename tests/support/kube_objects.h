// SPDX-License-Identifier: Apache-2.0
// Objects of the model as an API server sends them, in JSON and protobuf: for tests and benchmarks of the decoders and
// the reflectors. What is written beside the fields that Waggle reads (uid, managedFields, selectors ...) is what a
// real server writes, in amount and place.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "model/state.h"

namespace waggle {

ObjectKind kind_of(const Event& object);
ObjectName name_of(const Event& object);
std::string version_of(const Event& object);
void set_version(Event& object, const std::string& version);

// One object without envelope: the item of a list.
std::string json_item(const Event& object);
std::string protobuf_item(const Event& object);

enum class WireForm : uint8_t { kJson, kProtobuf };

// A list of them (all of one kind).
std::string list_body(ObjectKind kind, const std::vector<Event>& objects, const std::string& version,
                      const std::string& next_page, WireForm form);
// One event of a watch: type is ADDED, MODIFIED or DELETED.
std::string watch_frame(std::string_view type, const Event& object, WireForm form);
std::string bookmark_frame(ObjectKind kind, const std::string& version, bool initial_events_end, WireForm form);
std::string status_body(int code, std::string_view reason, std::string_view message, WireForm form,
                        bool version_too_large = false);
std::string error_frame(int code, std::string_view reason, std::string_view message, WireForm form);
std::string_view content_type_of(WireForm form);

// An object as the decoders of manifests take it without a complaint.
Event random_object(ObjectKind kind, const ObjectName& name, std::mt19937& random);

// Protobuf, field by field.
class WireWriter {
 public:
  WireWriter& text(uint32_t number, std::string_view value);
  WireWriter& integer(uint32_t number, int64_t value);
  WireWriter& message(uint32_t number, const WireWriter& value) { return text(number, value.bytes()); }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  void varint(uint64_t value);
  std::string bytes_;
};

std::string enveloped(std::string_view api_version, std::string_view kind, std::string_view message);

}  // namespace waggle
