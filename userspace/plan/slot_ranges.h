// SPDX-License-Identifier: Apache-2.0
// Free ranges of `slots`. Best fit, lowest place first, neighbours joined again. A retired range rests until every
// reader that may still walk it is through: a grace period that began later has passed. Owned by the planner's service
// table.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace waggle {

class SlotRanges {
 public:
  explicit SlotRanges(uint32_t capacity);  // slot 0 is never given out

  // First slot of a range of `count` (> 0).
  std::optional<uint32_t> take(uint32_t count);
  // Adoption: this very range is in use. False if part of it is in use already or outside the table.
  bool reserve(uint32_t base, uint32_t count);
  // Taken but never published.
  void give_back(uint32_t base, uint32_t count);
  void retire(uint32_t base, uint32_t count) { resting_.emplace_back(base, count); }

  [[nodiscard]] bool resting() const { return !resting_.empty(); }
  void grace_began();
  bool grace_passed();  // false: nothing became free

 private:
  void insert(uint32_t base, uint32_t count);
  void erase(uint32_t base, uint32_t count);

  std::map<uint32_t, uint32_t> by_base_;              // base -> count
  std::set<std::pair<uint32_t, uint32_t>> by_count_;  // (count, base)
  std::vector<std::pair<uint32_t, uint32_t>> resting_;
  std::vector<std::pair<uint32_t, uint32_t>> leaving_;  // free when the grace period that has begun passes
};

}  // namespace waggle
