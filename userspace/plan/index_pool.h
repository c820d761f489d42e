// SPDX-License-Identifier: Apache-2.0
// Free indexes of one table. Index 0 is never given out. What is retired rests until every reader that may have seen it
// is through: a grace period that began later has passed. Memory only for what was ever in use.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace waggle {

class IndexPool {
 public:
  explicit IndexPool(uint32_t capacity) : capacity_(capacity) {}

  std::optional<uint32_t> take() {
    if (!free_.empty()) {
      const uint32_t index = free_.back();
      free_.pop_back();
      return index;
    }
    if (next_ >= capacity_) return std::nullopt;
    return next_++;
  }
  // Taken but never published.
  void give_back(uint32_t index) { free_.push_back(index); }
  void retire(uint32_t index) { resting_.push_back(index); }

  [[nodiscard]] size_t available() const { return free_.size() + (capacity_ - next_); }
  [[nodiscard]] bool resting() const { return !resting_.empty(); }
  void grace_began() {
    leaving_.insert(leaving_.end(), resting_.begin(), resting_.end());
    resting_.clear();
  }
  // What was retired since it began goes on resting. False: nothing became free.
  bool grace_passed() {
    const bool any = !leaving_.empty();
    free_.insert(free_.end(), leaving_.begin(), leaving_.end());
    leaving_.clear();
    return any;
  }

  // Adoption: every index from 1 to `last` is in use but those for which `unused` says so.
  template <typename Unused>
  void adopt(uint32_t last, Unused unused) {
    next_ = last + 1;
    for (uint32_t index = last; index > 0; --index) {
      if (unused(index)) free_.push_back(index);
    }
  }

 private:
  uint32_t capacity_;
  uint32_t next_ = 1;
  std::vector<uint32_t> free_;
  std::vector<uint32_t> resting_;
  std::vector<uint32_t> leaving_;  // free when the grace period that has begun passes
};

}  // namespace waggle
