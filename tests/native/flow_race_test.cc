// SPDX-License-Identifier: Apache-2.0
// Another CPU comes in between the steps of an insert, at each place where the real code looks a bucket up: the flow
// must end up in the table exactly once, and nobody else's entry may suffer.
#include <gtest/gtest.h>

#include <functional>

#include "flow_table.h"

namespace waggle {
namespace {

// Runs `intruder` before the nth lookup of a bucket.
class Intrusion {
 public:
  Intrusion(int nth, std::function<void()> intruder) : left_(nth), intruder_(std::move(intruder)) {
    native_on_lookup(&Intrusion::visit, this);
  }
  ~Intrusion() { native_on_lookup(nullptr, nullptr); }
  Intrusion(const Intrusion&) = delete;
  Intrusion& operator=(const Intrusion&) = delete;
  [[nodiscard]] bool happened() const { return left_ < 0; }

 private:
  static void visit(void* context) {
    auto* self = static_cast<Intrusion*>(context);
    if (self->left_-- == 0) self->intruder_();
  }
  int left_;
  std::function<void()> intruder_;
};

int copies(const TestFlow& flow) {
  const native_key key = key_of(flow);
  int count = 0;
  for (const uint32_t slot : set_of(flow)) {
    const auto* entry = reinterpret_cast<const wg_flow4*>(native_head(NATIVE_FLOWS4, slot));
    EXPECT_NE(state_of(entry->head.control), WG_FLOW_BUSY);
    count += is_valid(entry->head.control) && entry->client[0] == key.client[0] &&
             entry->head.client_port == key.client_port && entry->head.frontend == key.frontend;
  }
  return count;
}

native_result insert_with_tries(const TestFlow& flow) {
  native_result result = NATIVE_BUSY;
  for (int tries = 0; tries < 3 && result == NATIVE_BUSY; ++tries) result = insert(flow);
  return result;
}

// Lets the intruder in at every place, one after the other; `prepare` makes the table before.
void at_every_place(const std::function<void()>& prepare, const std::function<void()>& intruder,
                    const std::function<void(native_result)>& check) {
  int places = 0;
  for (;; ++places) {
    start_tables(8, 3);
    prepare();
    native_result result = NATIVE_BUSY;
    {
      const Intrusion intrusion(places, intruder);
      result = insert_with_tries({});
      if (!intrusion.happened()) break;
    }
    SCOPED_TRACE("place " + std::to_string(places));
    check(result);
  }
  EXPECT_GE(places, 4) << "an insert looks at least four buckets up";
}

void fill_set() {
  for (uint32_t i = 10; i < 26; ++i) insert({.frontend = i, .backend = i});
}

TEST(FlowRace, TheSameFlowFromAnotherCpu) {
  for (const bool full : {false, true}) {
    at_every_place(
        [full] {
          if (full) fill_set();
        },
        [] { insert({.backend = 2}); },
        [](native_result) {
          EXPECT_EQ(copies({}), 1);
          EXPECT_TRUE(find(TestFlow{.backend = 1}, NATIVE_REPLY) || find(TestFlow{.backend = 2}, NATIVE_REPLY));
        });
  }
}

TEST(FlowRace, AFlowWithTheSameReplies) {
  const TestFlow other{.frontend = 2, .backend = 1};
  at_every_place([] {}, [&] { insert(other); },
                 [&](native_result result) {
                   EXPECT_EQ(copies({}) + copies(other), 1);
                   EXPECT_EQ(result, copies({}) == 1 ? NATIVE_NEW : NATIVE_AMBIGUOUS);
                 });
}

TEST(FlowRace, AnotherFlowTakesTheSameSlot) {
  const TestFlow other{.frontend = 2, .backend = 2};
  for (const bool full : {false, true}) {
    at_every_place(
        [full] {
          if (full) fill_set();
        },
        [&] { insert(other); },
        [&](native_result result) {
          EXPECT_TRUE(result == NATIVE_NEW || result == NATIVE_EVICTED) << result;
          EXPECT_EQ(copies({}), 1);
          // In a full set of equals either may have made room for the other.
          EXPECT_TRUE(copies(other) == 1 || copies(other) == 0);
        });
  }
}

TEST(FlowRace, TheVictimIsDeletedOrComesAlive) {
  at_every_place(
      fill_set,
      [] {
        for (const uint32_t slot : set_of({})) {
          const uint32_t control = native_head(NATIVE_FLOWS4, slot)->control;
          if (is_valid(control)) native_delete(NATIVE_FLOWS4, slot, control);
        }
      },
      [](native_result result) {
        EXPECT_TRUE(result == NATIVE_NEW || result == NATIVE_EVICTED) << result;
        EXPECT_LE(copies({}), 1);
      });
}

TEST(FlowRace, AStoppedCpuHoldsItsSlotAndItsFlowIsRefusedOthersAreNot) {
  start_tables(8, 3);
  insert({});
  wg_flow_head& stopped = *native_head(NATIVE_FLOWS4, find(TestFlow{})->slot);
  stopped.control = (stopped.control & ~WG_FLOW_STATE_MASK) | WG_FLOW_BUSY;
  EXPECT_FALSE(find(TestFlow{}));
  EXPECT_EQ(insert_with_tries({}), NATIVE_BUSY);
  EXPECT_EQ(insert_with_tries({.client = 2}), NATIVE_NEW);
  EXPECT_EQ(state_of(stopped.control), WG_FLOW_BUSY) << "never stolen";
}

}  // namespace
}  // namespace waggle
