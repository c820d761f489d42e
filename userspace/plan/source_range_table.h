// SPDX-License-Identifier: Apache-2.0
// The planner's copy of `source_ranges`: which sources each service admits at its filtered frontends (contract
// K-75..K-82). Owned by the service table. Memory for what is used.
//
// What comes is stored before the frontends become filtered, and what goes is taken away after they are filtered no
// more: at every moment each source is treated as before the plan or as after it.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "model/address.h"
#include "plan/change_list.h"

namespace waggle {

class SourceRangeTable {
 public:
  explicit SourceRangeTable(uint32_t capacity) : capacity_(capacity) {}

  // What earlier plans took away is out of the table when the writes of the plan that begins are applied.
  void plan_began() { leaving_ = 0; }
  // The last plan took something away.
  [[nodiscard]] bool makes_room() const { return leaving_ > 0; }

  // Whether those of them that the service does not admit yet find room.
  [[nodiscard]] bool has_room(uint32_t service, const std::vector<Cidr>& ranges) const;
  // The service admits these from now on; none: nothing of it is filtered.
  void replace(uint32_t service, const std::vector<Cidr>& ranges, ChangeList& changes);
  // No service has the index, so that the next one to get it must find nothing.
  void clear(uint32_t unused, ChangeList& changes);

  [[nodiscard]] size_t used() const { return entries_.size(); }
  [[nodiscard]] const std::set<SourceRangeEntry>& entries() const { return entries_; }

  void adopt(const std::vector<SourceRangeEntry>& entries) { entries_ = {entries.begin(), entries.end()}; }
  [[nodiscard]] bool stands_in(const std::vector<SourceRangeEntry>& entries) const {
    return entries_ == std::set(entries.begin(), entries.end());
  }

 private:
  [[nodiscard]] std::set<SourceRangeEntry> of(uint32_t service) const;
  void remove(const SourceRangeEntry& entry, Stage stage, ChangeList& changes);

  uint32_t capacity_;
  std::set<SourceRangeEntry> entries_;  // by service
  size_t leaving_ = 0;                  // still in the table while the writes of this plan are applied
};

}  // namespace waggle
