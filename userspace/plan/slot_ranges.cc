// SPDX-License-Identifier: Apache-2.0
#include "plan/slot_ranges.h"

namespace waggle {

SlotRanges::SlotRanges(uint32_t capacity) {
  if (capacity > 1) insert(1, capacity - 1);
}

void SlotRanges::insert(uint32_t base, uint32_t count) {
  by_base_.emplace(base, count);
  by_count_.emplace(count, base);
}

void SlotRanges::erase(uint32_t base, uint32_t count) {
  by_base_.erase(base);
  by_count_.erase({count, base});
}

std::optional<uint32_t> SlotRanges::take(uint32_t count) {
  const auto fit = by_count_.lower_bound({count, 0});
  if (fit == by_count_.end()) return std::nullopt;
  const auto [size, base] = *fit;
  erase(base, size);
  if (size > count) insert(base + count, size - count);
  return base;
}

bool SlotRanges::reserve(uint32_t base, uint32_t count) {
  auto after = by_base_.upper_bound(base);
  if (after == by_base_.begin()) return false;
  const auto [free_base, free_count] = *std::prev(after);
  if (uint64_t{base} + count > uint64_t{free_base} + free_count) return false;
  erase(free_base, free_count);
  if (base > free_base) insert(free_base, base - free_base);
  const uint32_t rest = free_base + free_count - (base + count);
  if (rest > 0) insert(base + count, rest);
  return true;
}

void SlotRanges::give_back(uint32_t base, uint32_t count) {
  const auto after = by_base_.lower_bound(base);
  if (after != by_base_.end() && after->first == base + count) {
    const auto [next_base, next_count] = *after;
    erase(next_base, next_count);
    count += next_count;
  }
  const auto following = by_base_.lower_bound(base);
  if (following != by_base_.begin()) {
    const auto [previous_base, previous_count] = *std::prev(following);
    if (previous_base + previous_count == base) {
      erase(previous_base, previous_count);
      base = previous_base;
      count += previous_count;
    }
  }
  insert(base, count);
}

void SlotRanges::grace_began() {
  leaving_.insert(leaving_.end(), resting_.begin(), resting_.end());
  resting_.clear();
}

bool SlotRanges::grace_passed() {
  const bool any = !leaving_.empty();
  for (const auto& [base, count] : leaving_) give_back(base, count);
  leaving_.clear();
  return any;
}

}  // namespace waggle
