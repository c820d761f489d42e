// SPDX-License-Identifier: Apache-2.0
// The wire format of protobuf, read in place: no copy, no allocation. Used by the readers of messages and streams; the
// bytes are their caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace waggle {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct WireField {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  uint64_t value = 0;  // of a varint; of everything else: how many bytes the content has
  size_t head = 0;     // bytes before the content
  size_t content_size() const { return type == WireType::kVarint ? 0 : value; }
};

enum class WireRead : uint8_t { kField, kMore, kMalformed };  // kMore: the bytes end in the middle

// A varint of at most 10 bytes at the beginning of `bytes`; adds its length to `used`.
inline WireRead read_varint(std::string_view bytes, size_t& used, uint64_t& out) {
  out = 0;
  for (size_t i = 0; i < 10; ++i) {
    if (used + i >= bytes.size()) return WireRead::kMore;
    const auto byte = static_cast<uint8_t>(bytes[used + i]);
    out |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      used += i + 1;
      return WireRead::kField;
    }
  }
  return WireRead::kMalformed;
}

// The head of the field at the beginning of `bytes`; its content need not be there.
inline WireRead read_field_head(std::string_view bytes, WireField& out) {
  uint64_t tag = 0;
  size_t used = 0;
  if (const auto read = read_varint(bytes, used, tag); read != WireRead::kField) return read;
  if ((tag >> 3) == 0 || (tag >> 3) > 0x1fff'ffff) return WireRead::kMalformed;
  out.number = static_cast<uint32_t>(tag >> 3);
  out.type = static_cast<WireType>(tag & 7);
  WireRead read = WireRead::kField;
  switch (out.type) {
    case WireType::kVarint:
    case WireType::kBytes:
      read = read_varint(bytes, used, out.value);
      break;
    case WireType::kFixed64:
      out.value = 8;
      break;
    case WireType::kFixed32:
      out.value = 4;
      break;
    default:
      return WireRead::kMalformed;  // groups: Kubernetes has none
  }
  out.head = used;
  return read;
}

// The fields of a whole message, one after another.
class WireReader {
 public:
  explicit WireReader(std::string_view message) : rest_(message) {}

  // Goes to the next field. False at the end, and where the bytes are no message.
  bool next() {
    if (rest_.empty() || bad_) return false;
    if (read_field_head(rest_, field_) != WireRead::kField) return fail();
    const size_t size = field_.content_size();
    if (size > rest_.size() - field_.head) return fail();
    content_ = rest_.substr(field_.head, size);
    rest_.remove_prefix(field_.head + size);
    return true;
  }
  [[nodiscard]] uint32_t number() const { return field_.number; }
  [[nodiscard]] bool bad() const { return bad_; }

  // The value of the current field, as what the caller knows it to be.
  std::string_view bytes() {
    if (field_.type == WireType::kBytes) return content_;
    bad_ = true;
    return {};
  }
  int64_t integer() {
    if (field_.type == WireType::kVarint) return static_cast<int64_t>(field_.value);
    bad_ = true;
    return 0;
  }
  bool boolean() { return integer() != 0; }

 private:
  bool fail() {
    bad_ = true;
    return false;
  }

  std::string_view rest_;
  std::string_view content_;
  WireField field_;
  bool bad_ = false;
};

}  // namespace waggle
