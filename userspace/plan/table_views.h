// SPDX-License-Identifier: Apache-2.0
// Bytes of tables as entries: for the dump and the views only.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>

#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "plan/dump.h"

namespace waggle {

// Entries of a table, copied out one at a time: the bytes may be anywhere, and may change while they are read.
template <typename Entry>
class TableEntries {
 public:
  explicit TableEntries(std::span<const std::byte> bytes) : bytes_(bytes) {}
  [[nodiscard]] size_t size() const { return bytes_.size() / sizeof(Entry); }
  [[nodiscard]] Entry at(size_t index) const {
    Entry entry;
    std::memcpy(&entry, bytes_.data() + index * sizeof(Entry), sizeof entry);
    return entry;
  }

 private:
  std::span<const std::byte> bytes_;
};

// Valid until the next call of the store.
template <typename Entry>
Result<TableEntries<Entry>> table_entries(TableStore& store, Table table) {
  const auto bytes = store.content(table);
  if (!bytes) return tl::unexpected(Error(bytes.error()).in(fmt::format("table {}", table_name(table))));
  return TableEntries<Entry>(*bytes);
}

template <size_t size>
std::string field_text(const char (&field)[size]) {
  return std::string(field, strnlen(field, size));
}

inline std::string_view family_name(Family family) { return family == Family::kIpv4 ? "IPv4" : "IPv6"; }

}  // namespace waggle
