// SPDX-License-Identifier: Apache-2.0
// The flow table against a slow and obvious one: the same random operations on both, the same answers from both. And
// how full the table may be before live flows make room.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "flow_table.h"
#include "waggle/abi/backend.h"

namespace waggle {
namespace {

constexpr uint32_t kBuckets = 8;

// What a slot of the model holds.
struct ModelEntry {
  bool used = false;
  TestFlow flow = {};
  uint32_t state = 0;
  uint64_t seen = 0;  // jiffies
};

// The rules in plain words: two buckets a client; the emptier one, the first on a tie; in it the entry with the least
// life left, the first on a tie; a flow is there once; flows whose replies look alike exclude each other.
class Model {
 public:
  uint64_t now = kStart;

  native_result insert(const TestFlow& flow, bool may_spill) {
    const auto [first, second] = buckets(flow);
    const uint32_t bucket = choose(first, second);
    const uint32_t victim = weakest(bucket);
    const bool has_room = room(bucket) > 0;
    if (!has_room && may_spill && owned(flow) >= 4) return look(flow, NATIVE_FULL);
    // The claim takes the victim's place before the second look, and gives it back empty.
    slots_[victim] = {};
    const native_result result = look(flow, has_room ? NATIVE_NEW : NATIVE_EVICTED);
    if (result == NATIVE_NEW || result == NATIVE_EVICTED) slots_[victim] = {true, flow, WG_FLOW_HALF_OPEN, now};
    return result;
  }
  ModelEntry* find(const TestFlow& flow, native_direction direction) {
    for (const uint32_t slot : set_of(flow)) {
      if (slots_[slot].used && matches(slots_[slot].flow, flow, direction)) return &slots_[slot];
    }
    return nullptr;
  }

 private:
  static bool matches(const TestFlow& entry, const TestFlow& flow, native_direction direction) {
    if (entry.client != flow.client || entry.client_port != flow.client_port || entry.protocol != flow.protocol) {
      return false;
    }
    return direction == NATIVE_REQUEST ? entry.frontend == flow.frontend : same_reply(entry, flow);
  }
  static bool same_reply(const TestFlow& a, const TestFlow& b) {
    return a.backend == b.backend && a.translated_port == b.translated_port;
  }
  static std::pair<uint32_t, uint32_t> buckets(const TestFlow& flow) {
    const auto slots = set_of(flow);
    return {slots[0] / WG_FLOW_WAYS, slots[WG_FLOW_WAYS] / WG_FLOW_WAYS};
  }
  // Seconds are exact here: the test's clock only ever moves by whole ones.
  [[nodiscard]] int64_t life(const ModelEntry& entry) const {
    if (!entry.used) return INT64_MIN;
    const int64_t lifetime_s = entry.state == WG_FLOW_HALF_OPEN     ? kHalfOpenS
                               : entry.state == WG_FLOW_ESTABLISHED ? kEstablishedS
                               : entry.state == WG_FLOW_CLOSED      ? kClosedS
                                                                    : kFinS;
    return lifetime_s * kHz - static_cast<int64_t>(now - entry.seen);
  }
  [[nodiscard]] uint32_t room(uint32_t bucket) const {
    uint32_t free = 0;
    for (uint32_t way = 0; way < WG_FLOW_WAYS; ++way) free += life(slots_[bucket * WG_FLOW_WAYS + way]) < 0;
    return free;
  }
  [[nodiscard]] uint32_t weakest(uint32_t bucket) const {
    uint32_t best = bucket * WG_FLOW_WAYS;
    for (uint32_t slot = best; slot < (bucket + 1) * WG_FLOW_WAYS; ++slot) {
      if (life(slots_[slot]) < life(slots_[best])) best = slot;
    }
    return best;
  }
  [[nodiscard]] uint32_t choose(uint32_t first, uint32_t second) const {
    if (room(second) > room(first)) return second;
    const uint32_t weakest1 = weakest(first), weakest2 = weakest(second);
    const auto rank = [this](uint32_t slot) { return std::pair{life(slots_[slot]), slot % WG_FLOW_WAYS}; };
    return room(first) == 0 && rank(weakest2) < rank(weakest1) ? second : first;
  }
  [[nodiscard]] uint32_t owned(const TestFlow& flow) const {
    uint32_t count = 0;
    for (const uint32_t slot : set_of(flow)) {
      const TestFlow& entry = slots_[slot].flow;
      count += slots_[slot].used && entry.client == flow.client && entry.client_port == flow.client_port &&
               entry.protocol == flow.protocol;
    }
    return count;
  }
  // The second look: dead entries with the same replies are removed.
  native_result look(const TestFlow& flow, native_result otherwise) {
    bool ambiguous = false;
    for (const uint32_t slot : set_of(flow)) {
      ModelEntry& entry = slots_[slot];
      if (!entry.used) continue;
      if (matches(entry.flow, flow, NATIVE_REQUEST)) return NATIVE_FOUND;
      if (!matches(entry.flow, flow, NATIVE_REPLY)) continue;
      if (life(entry) < 0 || entry.state == WG_FLOW_CLOSED) {
        entry = {};
      } else {
        ambiguous = true;
      }
    }
    return ambiguous ? NATIVE_AMBIGUOUS : otherwise;
  }

  std::vector<ModelEntry> slots_ = std::vector<ModelEntry>(size_t{kBuckets} * WG_FLOW_WAYS);
};

class FlowModel : public testing::Test {
 protected:
  void SetUp() override { start_tables(kBuckets, static_cast<uint32_t>(seed_)); }

  // Few clients with many frontends and few backends: full sets, ambiguous replies, repeated flows.
  TestFlow random_flow() {
    const auto client = static_cast<uint32_t>(random_() % 24);
    return {.client = client / 2,
            .client_port = static_cast<uint16_t>(1000 + client % 2),
            .frontend = static_cast<uint32_t>(random_() % 20),
            .backend = static_cast<uint32_t>(random_() % 30),
            .protocol = static_cast<uint8_t>(random_() % 4 == 0 ? WG_PROTOCOL_UDP : WG_PROTOCOL_TCP),
            .translated_port = static_cast<uint16_t>(random_() % 8 == 0 ? 60000 + random_() % 3 : 0)};
  }
  void check_find(const TestFlow& flow);
  void step();

  const uint64_t seed_ = std::random_device{}();
  std::mt19937_64 random_{seed_};
  Model model_;
};

// Both find the flow, or neither; it says the same; then, at random, it is used, its state changes, or it goes.
void FlowModel::check_find(const TestFlow& flow) {
  const native_direction direction = random_() % 2 == 0 ? NATIVE_REQUEST : NATIVE_REPLY;
  const auto found = find(flow, direction);
  ModelEntry* expected = model_.find(flow, direction);
  ASSERT_EQ(found.has_value(), expected != nullptr);
  if (!found) return;
  ASSERT_EQ(found->hit.backend & WG_BACKEND_ID_MASK, expected->flow.backend);
  ASSERT_EQ(found->hit.frontend, key_of(expected->flow).frontend);
  ASSERT_EQ(state_of(found->hit.control), expected->state);
  constexpr uint32_t kStates[] = {WG_FLOW_ESTABLISHED, WG_FLOW_CLIENT_FIN, WG_FLOW_BACKEND_FIN, WG_FLOW_CLOSED};
  switch (random_() % 8) {
    case 0:
      ASSERT_TRUE(native_delete(NATIVE_FLOWS4, found->slot, found->hit.control));
      *expected = {};
      break;
    case 1:
    case 2:
      expected->state = kStates[random_() % 4];
      native_set_state(NATIVE_FLOWS4, found->slot, found->hit.control, expected->state);
      break;
    default:
      ASSERT_EQ(native_touch(NATIVE_FLOWS4, found->slot) != 0, model_.now - expected->seen >= kHz);
      expected->seen = model_.now - expected->seen >= kHz ? model_.now : expected->seen;
  }
}

void FlowModel::step() {
  if (random_() % 16 == 0) native_set_jiffies(model_.now += kHz * (1 + random_() % 20));
  const TestFlow flow = random_flow();
  if (random_() % 2 == 0) return check_find(flow);
  const bool may_spill = random_() % 3 == 0 && flow.translated_port == 0;
  const native_result expected = model_.insert(flow, may_spill);
  ASSERT_EQ(insert(flow, NATIVE_FLOWS4, WG_FLOW_HALF_OPEN, may_spill), expected);
}

TEST_F(FlowModel, AnswersAsTheObviousTableDoes) {
  for (int i = 0; i < 400'000; ++i) {
    step();
    if (HasFatalFailure()) FAIL() << "step " << i << ", seed " << seed_;
  }
}

// Flows that come and go at random while half of the slots are live.
TEST(FlowGeometry, AtHalfLoadLiveFlowsAreNeverEvicted) {
  constexpr uint32_t kGeometryBuckets = 4096;
  constexpr uint32_t kLive = kGeometryBuckets * WG_FLOW_WAYS / 2;
  constexpr uint32_t kInserts = 600'000;
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  start_tables(kGeometryBuckets, static_cast<uint32_t>(seed));
  std::vector<TestFlow> live;
  uint32_t next = 0, evicted = 0;
  const auto open = [&] {
    live.push_back({.client = next / 60000, .client_port = static_cast<uint16_t>(next % 60000)});
    ++next;
    evicted += insert(live.back()) != NATIVE_NEW;
  };
  while (live.size() < kLive) open();
  for (uint32_t i = 0; i < kInserts; ++i) {
    std::swap(live[random() % live.size()], live.back());
    if (const auto found = find(live.back())) native_delete(NATIVE_FLOWS4, found->slot, found->hit.control);
    live.pop_back();
    open();
  }
  EXPECT_LT(evicted, kInserts / 10'000) << "the target is 1e-4 of the inserts; 8 ways and 2 choices took none";
}

// And that the test above can fail: an overfull table evicts.
TEST(FlowGeometry, AFullTableEvicts) {
  start_tables(64, 1);
  uint32_t evicted = 0;
  for (uint32_t i = 0; i < 64 * WG_FLOW_WAYS; ++i) evicted += insert({.client = i}) == NATIVE_EVICTED;
  EXPECT_GT(evicted, 0u);
}

}  // namespace
}  // namespace waggle
