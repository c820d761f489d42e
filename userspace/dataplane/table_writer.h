// SPDX-License-Identifier: Apache-2.0
// The TableStore on pinned maps: the planner's writes reach the programs' tables here. Owned by Dataplane; the one
// writer of these tables.
#pragma once

#include <vector>

#include "base/aside.h"
#include "dataplane/grace.h"
#include "dataplane/mapping.h"
#include "dataplane/pinned_maps.h"
#include "plan/table.h"
#include "waggle/abi/counter.h"

namespace waggle {

class TableWriter final : public TableStore {
 public:
  // maps outlives it.
  static Result<TableWriter> open(const PinnedMaps& maps);

  Result<void> apply(const Write& write) override;
  Result<std::span<const std::byte>> content(Table table) override;
  Result<std::vector<std::pair<uint32_t, wg_service_name>>> service_names() override;
  Result<std::vector<SourceRangeEntry>> source_ranges() override;
  // Waiting also lets go of the memory the writes before it mapped.
  Result<void> wait_for_readers() override;
  void begin_wait() override;  // from then on it must stay where it is
  std::optional<Result<void>> wait_over() override;
  [[nodiscard]] int wait_fd() const override { return aside_.fd(); }
  // For other threads: nothing but the wait.
  [[nodiscard]] Result<void> wait_for_programs() const { return grace_.wait(); }

 private:
  struct ArrayTable {
    Table table;
    int fd;
    uint32_t entries;
    uint32_t element;  // bytes
    MapWindow window;
  };

  TableWriter(GracePeriod grace, Aside aside) : grace_(std::move(grace)), aside_(std::move(aside)) {}
  void release_memory();
  ArrayTable* find(Table table);
  Result<void> apply_name(const Write& write);
  Result<void> remove_name(uint32_t service);

  GracePeriod grace_;
  std::vector<ArrayTable> arrays_;
  int names_fd_ = -1;
  uint32_t names_entries_ = 0;
  int source_ranges_fd_ = -1;
  int counters_fd_ = -1;
  std::vector<wg_service_counter> no_counts_;  // one for each CPU, all zero
  Mapping content_;                            // of the last content()
  Result<void> waited_;                        // of the wait beside
  Aside aside_;                                // the last member: its thread uses the others
};

// Every array table of `Table`.
inline constexpr std::array kArrayTables = {Table::kFrontends4, Table::kFrontends6,   Table::kServices, Table::kSlots,
                                            Table::kBackends,   Table::kFrontendGate, Table::kReplyGate};

}  // namespace waggle
