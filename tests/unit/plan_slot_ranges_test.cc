// SPDX-License-Identifier: Apache-2.0
// Free ranges of slots: never two at one place, nothing lost, nothing used again before its time.
#include <gtest/gtest.h>

#include <random>

#include "plan/slot_ranges.h"

namespace waggle {
namespace {

TEST(SlotRanges, NeverGiveOutSlotZero) {
  SlotRanges ranges(4);
  EXPECT_EQ(ranges.take(3), 1u);
  EXPECT_EQ(ranges.take(1), std::nullopt);
}

TEST(SlotRanges, AreJoinedAgainWithBothNeighbours) {
  SlotRanges ranges(10);
  const uint32_t a = *ranges.take(3), b = *ranges.take(3), c = *ranges.take(3);
  ranges.give_back(a, 3);
  ranges.give_back(c, 3);
  EXPECT_EQ(ranges.take(9), std::nullopt);
  ranges.give_back(b, 3);
  EXPECT_EQ(ranges.take(9), 1u);
}

TEST(SlotRanges, RestUntilTheGracePeriodIsOver) {
  SlotRanges ranges(4);
  ranges.retire(*ranges.take(3), 3);
  EXPECT_TRUE(ranges.resting());
  EXPECT_EQ(ranges.take(1), std::nullopt);
  ranges.grace_began();
  ranges.grace_passed();
  EXPECT_FALSE(ranges.resting());
  EXPECT_EQ(ranges.take(3), 1u);
}

TEST(SlotRanges, TakeTheSmallestHoleThatFits) {
  SlotRanges ranges(100);
  const uint32_t small = *ranges.take(2);
  ranges.take(1);
  const uint32_t large = *ranges.take(5);
  ranges.take(1);
  ranges.give_back(large, 5);
  ranges.give_back(small, 2);
  EXPECT_EQ(ranges.take(2), small);
}

TEST(SlotRanges, CanBeReservedOnceAndOnlyWhereTheyAreFree) {
  SlotRanges ranges(16);
  EXPECT_TRUE(ranges.reserve(4, 4));
  EXPECT_FALSE(ranges.reserve(7, 1));
  EXPECT_FALSE(ranges.reserve(2, 4));
  EXPECT_FALSE(ranges.reserve(0, 1));
  EXPECT_FALSE(ranges.reserve(15, 2));
  EXPECT_TRUE(ranges.reserve(8, 8));
  EXPECT_TRUE(ranges.reserve(1, 3));
  EXPECT_EQ(ranges.take(1), std::nullopt);
}

TEST(SlotRanges, NeverOverlapUnderRandomUse) {
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  SlotRanges ranges(256);
  std::vector<int> owner(256);
  std::vector<std::pair<uint32_t, uint32_t>> held;
  for (int step = 0; step < 5000; ++step) {
    const uint32_t count = 1 + static_cast<uint32_t>(random() % 20);
    if (random() % 2 == 0) {
      if (const auto base = ranges.take(count)) {
        for (uint32_t slot = *base; slot < *base + count; ++slot) ASSERT_EQ(owner.at(slot)++, 0);
        held.emplace_back(*base, count);
      }
    } else if (!held.empty()) {
      std::swap(held[random() % held.size()], held.back());
      const auto [base, size] = held.back();
      held.pop_back();
      for (uint32_t slot = base; slot < base + size; ++slot) --owner[slot];
      ranges.give_back(base, size);
    }
  }
  for (const auto& [base, size] : held) ranges.give_back(base, size);
  EXPECT_EQ(ranges.take(255), 1u) << "something was lost";
}

}  // namespace
}  // namespace waggle
