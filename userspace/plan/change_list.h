// SPDX-License-Identifier: Apache-2.0
// Collects the writes of one plan by stage, so that the order in which they reach the tables does not depend on the
// order in which services were looked at. Made and emptied by the planner, filled by its tables.
#pragma once

#include <array>
#include <cstring>
#include <iterator>
#include <memory>
#include <type_traits>
#include <vector>

#include "plan/table.h"

namespace waggle {

// In the order of application. What leads to something is stored after it, and taken away before it. Between the stages
// a reader finds every unchanged service whole, and so does the next start after a crash.
enum class Stage : uint8_t {
  kTombstones,  // frontends that are gone
  kBackends,    // gate bits, then the backends that need them
  kSlots,       // new ranges
  kServices,    // new sets and policies of wanted services, and the sources they admit
  kNames,
  kFrontends,         // frontends that are new, back, or lead to another service now
  kNarrowedServices,  // policies lifted, sets emptied and sources shut out: who needed them leads elsewhere by now
  kGoneBackends,
  kLeftovers,  // gate bits and names that nothing stands behind
  kCount,
};

class ChangeList {
 public:
  explicit ChangeList(uint32_t epoch) : epoch_(epoch) {}

  // Counts grace periods: what becomes unreachable by these writes may be freed when a later epoch has begun.
  [[nodiscard]] uint32_t epoch() const { return epoch_; }
  void note_unreachable() { leaves_unreachable_ = true; }
  [[nodiscard]] bool leaves_unreachable() const { return leaves_unreachable_; }

  // `value`: 8 or 16 bytes.
  template <typename T>
  void store(Stage stage, Table table, uint32_t index, size_t offset, const T& value) {
    static_assert(std::is_trivially_copyable_v<T> && (sizeof(T) == 8 || sizeof(T) == 16));
    Write& write = add(stage, table, index);
    write.offset = static_cast<uint16_t>(offset);
    write.size = sizeof(T);
    std::memcpy(write.bytes.data(), &value, sizeof(T));
  }
  // Null deletes the name.
  void store_name(Stage stage, uint32_t index, std::shared_ptr<const wg_service_name> name) {
    add(stage, Table::kServiceNames, index).name = std::move(name);
  }

  // Puts the entry into source_ranges, or takes it away.
  void store_range(Stage stage, const SourceRangeEntry& entry, bool admits) {
    Write& write = add(stage, Table::kSourceRanges, entry.service);
    write.prefix_length = entry.prefix_length;
    write.size = admits ? sizeof entry.address : 0;
    std::memcpy(write.bytes.data(), entry.address.data(), sizeof entry.address);
  }

  // All writes in order of application; the list is empty after.
  std::vector<Write> take() {
    size_t total = 0;
    for (const auto& stage : stages_) total += stage.size();
    std::vector<Write> all;
    all.reserve(total);
    for (auto& stage : stages_) {
      all.insert(all.end(), std::make_move_iterator(stage.begin()), std::make_move_iterator(stage.end()));
      stage.clear();
    }
    return all;
  }

 private:
  Write& add(Stage stage, Table table, uint32_t index) {
    Write& write = stages_[static_cast<size_t>(stage)].emplace_back();
    write.table = table;
    write.index = index;
    return write;
  }

  uint32_t epoch_;
  bool leaves_unreachable_ = false;
  std::array<std::vector<Write>, static_cast<size_t>(Stage::kCount)> stages_;
};

}  // namespace waggle
