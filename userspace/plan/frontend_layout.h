// SPDX-License-Identifier: Apache-2.0
// One way of a frontends table as plain values, for both key layouts. Used by the planner's frontend table and by the
// dump.
#pragma once

#include <arpa/inet.h>

#include <cstddef>
#include <cstring>

#include "model/address.h"
#include "plan/table.h"
#include "waggle/abi/frontend.h"

namespace waggle {

struct FrontendWay {
  IpAddress address;
  uint16_t port = 0;  // host byte order
  uint8_t protocol = 0;
  uint8_t kind = WG_FRONTEND_EMPTY;  // with WG_FRONTEND_OVERFLOW
  uint32_t service = 0;
  uint32_t flags = 0;
};

struct FrontendLayout {
  Table table;
  size_t way_size;
  size_t key_offset;
  size_t value_offset;
};

constexpr FrontendLayout frontend_layout(Family family) {
  return family == Family::kIpv4 ? FrontendLayout{Table::kFrontends4, sizeof(wg_frontend4),
                                                  offsetof(wg_frontend4, address), offsetof(wg_frontend4, service)}
                                 : FrontendLayout{Table::kFrontends6, sizeof(wg_frontend6),
                                                  offsetof(wg_frontend6, port), offsetof(wg_frontend6, service)};
}

template <typename Raw>
FrontendWay read_way_as(Family family, const std::byte* bytes) {
  Raw raw;
  std::memcpy(&raw, bytes, sizeof raw);
  FrontendWay way;
  way.address.family = family;
  std::memcpy(way.address.bytes.data(), &raw.address, sizeof raw.address);
  way.port = ntohs(raw.port);
  way.protocol = raw.protocol;
  way.kind = raw.kind;
  way.service = raw.service;
  way.flags = raw.flags;
  return way;
}

inline FrontendWay read_way(Family family, const std::byte* bytes) {
  return family == Family::kIpv4 ? read_way_as<wg_frontend4>(family, bytes) : read_way_as<wg_frontend6>(family, bytes);
}

template <typename Raw>
uint64_t key_word_as(const FrontendWay& way, size_t key_offset) {
  Raw raw{};
  std::memcpy(&raw.address, way.address.bytes.data(), sizeof raw.address);
  raw.port = htons(way.port);
  raw.protocol = way.protocol;
  raw.kind = way.kind;
  uint64_t word = 0;
  std::memcpy(&word, reinterpret_cast<const std::byte*>(&raw) + key_offset, sizeof word);
  return word;
}

// The 8 bytes whose store makes the way another thing at once.
inline uint64_t frontend_key_word(Family family, const FrontendWay& way) {
  const size_t offset = frontend_layout(family).key_offset;
  return family == Family::kIpv4 ? key_word_as<wg_frontend4>(way, offset) : key_word_as<wg_frontend6>(way, offset);
}

}  // namespace waggle
