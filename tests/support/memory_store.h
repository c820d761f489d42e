// SPDX-License-Identifier: Apache-2.0
// Twins of the pinned tables for tests without root: MemoryStore keeps them in memory, FailingStore is one that dies.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>

#include "plan/table.h"

namespace waggle {

class MemoryStore : public TableStore {
 public:
  explicit MemoryStore(const TableSizes& sizes);

  Result<void> apply(const Write& write) override;
  Result<std::span<const std::byte>> content(Table table) override;
  Result<std::vector<std::pair<uint32_t, wg_service_name>>> service_names() override;
  Result<std::vector<SourceRangeEntry>> source_ranges() override;
  Result<void> wait_for_readers() override;

  void apply_all(std::span<const Write> writes);
  // For tests that damage a table: its bytes, writable.
  std::span<std::byte> bytes(Table table);
  [[nodiscard]] int waits() const { return waits_; }

 private:
  struct Line {
    alignas(64) std::array<std::byte, 64> bytes{};
  };
  struct Content {
    size_t element_size = 0;
    size_t size = 0;
    std::vector<Line> lines;
  };
  Result<void> apply_range(const Write& write);
  Content& content_of(Table table) { return tables_[static_cast<size_t>(table)]; }

  std::array<Content, static_cast<size_t>(Table::kServiceNames)> tables_;  // the array tables come first
  std::map<uint32_t, wg_service_name> names_;
  std::set<SourceRangeEntry> source_ranges_;
  size_t source_ranges_room_;
  int waits_ = 0;
};

// Passes everything to `inner` until `allowed` writes were applied; then every call fails.
class FailingStore : public TableStore {
 public:
  FailingStore(TableStore& inner, size_t allowed) : inner_(inner), allowed_(allowed) {}

  Result<void> apply(const Write& write) override;
  Result<std::span<const std::byte>> content(Table table) override;
  Result<std::vector<std::pair<uint32_t, wg_service_name>>> service_names() override;
  Result<std::vector<SourceRangeEntry>> source_ranges() override;
  Result<void> wait_for_readers() override;

 private:
  [[nodiscard]] bool failed() const { return allowed_ == 0; }

  TableStore& inner_;
  size_t allowed_;
};

}  // namespace waggle
