// SPDX-License-Identifier: Apache-2.0
#include "support/memory_store.h"

#include <gtest/gtest.h>

#include <cstring>

#include "waggle/abi/backend.h"
#include "waggle/abi/frontend.h"

namespace waggle {

MemoryStore::MemoryStore(const TableSizes& sizes) : source_ranges_room_(sizes.source_ranges) {
  const auto make = [this](Table table, size_t element_size, size_t elements) {
    const size_t size = element_size * elements;
    content_of(table) = {element_size, size, std::vector<Line>((size + sizeof(Line) - 1) / sizeof(Line))};
  };
  make(Table::kFrontends4, sizeof(wg_frontend_bucket4), sizes.frontend_buckets4);
  make(Table::kFrontends6, sizeof(wg_frontend_bucket6), sizes.frontend_buckets6);
  make(Table::kServices, sizeof(wg_service), sizes.services);
  make(Table::kSlots, sizeof(wg_slot), sizes.slots);
  make(Table::kBackends, sizeof(wg_backend), sizes.backends);
  make(Table::kFrontendGate, sizeof(uint64_t), sizes.frontend_gate_words);
  make(Table::kReplyGate, sizeof(uint64_t), sizes.reply_gate_words);
}

std::span<std::byte> MemoryStore::bytes(Table table) {
  Content& content = content_of(table);
  return {reinterpret_cast<std::byte*>(content.lines.data()), content.size};
}

Result<void> MemoryStore::apply(const Write& write) {
  if (write.table == Table::kServiceNames) {
    if (write.name) {
      names_[write.index] = *write.name;
    } else {
      names_.erase(write.index);
    }
    return {};
  }
  if (write.table == Table::kSourceRanges) return apply_range(write);
  const size_t element = content_of(write.table).element_size;
  const size_t place = write.index * element + write.offset;
  const bool whole = write.size == 8 || write.size == 16;
  if (!whole || write.offset + size_t{write.size} > element || place + write.size > content_of(write.table).size ||
      place % 8 != 0) {
    return failure("a write outside of its element");
  }
  std::memcpy(bytes(write.table).data() + place, write.bytes.data(), write.size);
  return {};
}

Result<void> MemoryStore::apply_range(const Write& write) {
  SourceRangeEntry entry{.service = write.index, .prefix_length = write.prefix_length, .address = {}};
  std::memcpy(entry.address.data(), write.bytes.data(), sizeof entry.address);
  if (write.size == 0) {
    source_ranges_.erase(entry);
    return {};
  }
  source_ranges_.insert(entry);
  if (source_ranges_.size() > source_ranges_room_) return failure("no room for a source range");
  return {};
}

void MemoryStore::apply_all(std::span<const Write> writes) {
  for (const Write& write : writes) EXPECT_TRUE(apply(write)) << table_name(write.table) << " " << write.index;
}

Result<std::span<const std::byte>> MemoryStore::content(Table table) { return bytes(table); }

Result<std::vector<std::pair<uint32_t, wg_service_name>>> MemoryStore::service_names() {
  return std::vector<std::pair<uint32_t, wg_service_name>>(names_.begin(), names_.end());
}

Result<std::vector<SourceRangeEntry>> MemoryStore::source_ranges() {
  return std::vector(source_ranges_.begin(), source_ranges_.end());
}

Result<void> MemoryStore::wait_for_readers() {
  ++waits_;
  return {};
}

Result<void> FailingStore::apply(const Write& write) {
  if (failed()) return failure("the store is gone");
  --allowed_;
  return inner_.apply(write);
}

Result<std::span<const std::byte>> FailingStore::content(Table table) {
  if (failed()) return failure("the store is gone");
  return inner_.content(table);
}

Result<std::vector<std::pair<uint32_t, wg_service_name>>> FailingStore::service_names() {
  if (failed()) return failure("the store is gone");
  return inner_.service_names();
}

Result<std::vector<SourceRangeEntry>> FailingStore::source_ranges() {
  if (failed()) return failure("the store is gone");
  return inner_.source_ranges();
}

Result<void> FailingStore::wait_for_readers() {
  if (failed()) return failure("the store is gone");
  return inner_.wait_for_readers();
}

}  // namespace waggle
