// SPDX-License-Identifier: Apache-2.0
// The flow table of bpf/lib, natively: where entries go, which ones make room, and what the second look finds.
#include "flow_table.h"

#include <gtest/gtest.h>

#include <functional>

#include "support/packet_builder.h"

namespace waggle {
namespace {

// Flows of one client socket: all in one set of 16 slots.
TestFlow numbered(uint32_t i) { return {.frontend = i, .backend = i}; }

// What two entries of a full set look like: the first makes room before the second.
struct Order {
  const char* name;
  uint32_t first_state, first_age_s, second_state, second_age_s;
};

class FlowTable : public testing::Test {
 protected:
  void SetUp() override { start_tables(8, 1); }

  // Fills the set of the one client; entry i is in its set's slot order wherever it landed.
  void fill(uint32_t flows = 16) {
    for (uint32_t i = 0; i < flows; ++i) ASSERT_EQ(insert(numbered(i)), NATIVE_NEW) << i;
  }
  // Two entries of a full set as `order` says; then another flow comes.
  void expect_order(const Order& order, uint32_t first, uint32_t second) {
    start_tables(8, 1 + first);
    fill();
    for (uint32_t i = 0; i < 16; ++i) set(numbered(i), WG_FLOW_ESTABLISHED, 0);
    set(numbered(first), order.first_state, order.first_age_s);
    set(numbered(second), order.second_state, order.second_age_s);
    const native_result result = insert(numbered(100));
    EXPECT_TRUE(result == NATIVE_EVICTED || result == NATIVE_NEW) << result;
    EXPECT_FALSE(find(numbered(first))) << first;
    EXPECT_TRUE(find(numbered(second))) << second;
    EXPECT_TRUE(find(numbered(100)));
  }
  static wg_flow_head& head(const TestFlow& flow) { return *native_head(NATIVE_FLOWS4, find(flow)->slot); }
  static void set(const TestFlow& flow, uint32_t state, uint32_t age_s) {
    wg_flow_head& entry = head(flow);
    entry.control = (entry.control & ~WG_FLOW_STATE_MASK) | state;
    entry.seen = static_cast<uint32_t>(kStart) - age_s * kHz;
  }
};

TEST_F(FlowTable, FindsAFlowFromBothDirectionsInAllFamilies) {
  for (const native_table table : {NATIVE_FLOWS4, NATIVE_FLOWS6}) {
    const TestFlow flow{.client = 7, .frontend = 3, .backend = 5};
    EXPECT_EQ(insert(flow, table), NATIVE_NEW);
    for (const native_direction direction : {NATIVE_REQUEST, NATIVE_REPLY}) {
      const auto found = find(flow, direction, table);
      ASSERT_TRUE(found);
      const native_key key = key_of(flow, table == NATIVE_FLOWS6);
      EXPECT_EQ(found->hit.backend_address[0], key.backend[0]);
      EXPECT_EQ(found->hit.backend_port, key.backend_port);
      EXPECT_EQ(found->hit.frontend, key.frontend);
      EXPECT_EQ(found->hit.frontend_port, key.frontend_port);
      EXPECT_EQ(found->hit.backend, flow.backend);
    }
  }
}

TEST_F(FlowTable, EveryPartOfTheKeyCounts) {
  const TestFlow flow{};
  insert(flow);
  const auto expect_missing = [&](native_direction direction, const std::function<void(TestFlow&)>& change) {
    TestFlow other = flow;
    change(other);
    EXPECT_FALSE(find(other, direction));
  };
  for (const native_direction direction : {NATIVE_REQUEST, NATIVE_REPLY}) {
    expect_missing(direction, [](TestFlow& f) { f.client += 1; });
    expect_missing(direction, [](TestFlow& f) { f.client_port += 1; });
    expect_missing(direction, [](TestFlow& f) { f.protocol = WG_PROTOCOL_UDP; });
  }
  expect_missing(NATIVE_REQUEST, [](TestFlow& f) { f.frontend += 1; });
  expect_missing(NATIVE_REPLY, [](TestFlow& f) { f.backend += 1; });
  expect_missing(NATIVE_REPLY, [](TestFlow& f) { f.translated_port = 60000; });
}

TEST_F(FlowTable, TakesTheEmptierBucketAndTheFirstOnATie) {
  const auto slots = set_of(numbered(0));
  for (uint32_t i = 0; i < 16; ++i) {
    insert(numbered(i));
    uint32_t first = 0, second = 0;
    for (uint32_t k = 0; k < 16; ++k) {
      const bool valid = is_valid(native_head(NATIVE_FLOWS4, slots[k])->control);
      (k < WG_FLOW_WAYS ? first : second) += valid;
    }
    EXPECT_EQ(first, i / 2 + 1) << i;
    EXPECT_EQ(second, (i + 1) / 2) << i;
  }
}

TEST_F(FlowTable, TheEntryWithTheLeastLifeLeftMakesRoom) {
  const Order orders[] = {
      {"expired before young half-open", WG_FLOW_ESTABLISHED, kEstablishedS + 1, WG_FLOW_HALF_OPEN, 0},
      {"longer expired before just expired", WG_FLOW_HALF_OPEN, kHalfOpenS + 9, WG_FLOW_HALF_OPEN, kHalfOpenS + 1},
      {"closed before half-open", WG_FLOW_CLOSED, 0, WG_FLOW_HALF_OPEN, 1},
      {"half-open before closing", WG_FLOW_HALF_OPEN, 0, WG_FLOW_CLIENT_FIN, 1},
      {"half-open before established", WG_FLOW_HALF_OPEN, 0, WG_FLOW_ESTABLISHED, 1000},
      {"closing before established", WG_FLOW_BACKEND_FIN, 0, WG_FLOW_ESTABLISHED, 1000},
      {"the oldest of a kind", WG_FLOW_ESTABLISHED, 1001, WG_FLOW_ESTABLISHED, 1000},
  };
  for (const Order& order : orders) {
    SCOPED_TRACE(order.name);
    for (uint32_t place = 0; place < 14; ++place) {
      expect_order(order, place, place + 2);  // the same bucket
      const bool both_expired = order.second_state == WG_FLOW_HALF_OPEN && order.second_age_s > kHalfOpenS;
      if (!both_expired) expect_order(order, place, place + 1);  // of two buckets with equal room the first is taken
    }
  }
}

TEST_F(FlowTable, OnlyLiveEntriesCountAsEvicted) {
  fill();
  set(numbered(3), WG_FLOW_HALF_OPEN, kHalfOpenS + 1);
  EXPECT_EQ(insert(numbered(100)), NATIVE_NEW);
  EXPECT_EQ(insert(numbered(101)), NATIVE_EVICTED);
}

TEST_F(FlowTable, MayBeForbiddenToEvict) {
  fill();
  const native_key key = key_of(numbered(100));
  native_entry entry = entry_of(numbered(100));
  entry.may_evict = 0;
  native_hit hit{};
  EXPECT_EQ(native_insert(NATIVE_FLOWS4, &key, WG_PROTOCOL_TCP, &entry, &hit), NATIVE_FULL);
  for (uint32_t i = 0; i < 16; ++i) EXPECT_TRUE(find(numbered(i)));
}

TEST_F(FlowTable, AClientWithManyFlowsInAFullSetSpillsOthersEvict) {
  fill();
  EXPECT_EQ(insert(numbered(100), NATIVE_FLOWS4, WG_FLOW_HALF_OPEN, true), NATIVE_FULL);
  EXPECT_EQ(insert(numbered(3), NATIVE_FLOWS4, WG_FLOW_HALF_OPEN, true), NATIVE_FOUND) << "it is there already";
  TestFlow ambiguous = numbered(100);
  ambiguous.backend = 3;
  EXPECT_EQ(insert(ambiguous, NATIVE_FLOWS4, WG_FLOW_HALF_OPEN, true), NATIVE_AMBIGUOUS);
  // Another client with the same set of buckets owns nothing there.
  TestFlow stranger{.client = 2, .frontend = 1, .backend = 100};
  const auto slots = set_of(numbered(0));
  while (set_of(stranger) != slots) ++stranger.client;
  EXPECT_EQ(insert(stranger, NATIVE_FLOWS4, WG_FLOW_HALF_OPEN, true), NATIVE_EVICTED);
}

TEST_F(FlowTable, AnEntryThatIsThereIsFoundAndTheClaimGivenBack) {
  insert({.backend = 1});
  const auto before = set_of({});
  TestFlow again{.backend = 2};
  const native_key key = key_of(again);
  const native_entry entry = entry_of(again);
  native_hit hit{};
  EXPECT_EQ(native_insert(NATIVE_FLOWS4, &key, WG_PROTOCOL_TCP, &entry, &hit), NATIVE_FOUND);
  EXPECT_EQ(hit.backend, 1u);
  uint32_t valid = 0, generations = 0;
  for (const uint32_t slot : before) {
    const uint32_t control = native_head(NATIVE_FLOWS4, slot)->control;
    valid += is_valid(control);
    generations += generation_of(control);
    EXPECT_NE(state_of(control), WG_FLOW_BUSY);
    if (!is_valid(control)) {
      EXPECT_EQ(control & ~WG_FLOW_GENERATION_MASK, 0u) << "nothing but the generation is left";
    }
  }
  EXPECT_EQ(valid, 1u);
  EXPECT_EQ(generations, 2u) << "each claim grew one";
}

TEST_F(FlowTable, FlowsWhoseRepliesLookAlikeAreRefused) {
  insert({.frontend = 1, .backend = 1});
  EXPECT_EQ(insert({.frontend = 2, .backend = 1}), NATIVE_AMBIGUOUS);
  EXPECT_EQ(insert({.frontend = 2, .backend = 2}), NATIVE_NEW);
  EXPECT_EQ(insert({.frontend = 3, .backend = 1, .translated_port = 60000}), NATIVE_NEW);
  EXPECT_EQ(insert({.frontend = 4, .backend = 1, .translated_port = 60000}), NATIVE_AMBIGUOUS);
  EXPECT_EQ(insert({.frontend = 4, .backend = 1, .translated_port = 60001}), NATIVE_NEW);
  EXPECT_EQ(find({.frontend = 3, .backend = 1, .translated_port = 60000}, NATIVE_REPLY)->hit.frontend,
            key_of({.frontend = 3}).frontend);
  EXPECT_EQ(insert({.frontend = 1, .backend = 1, .protocol = WG_PROTOCOL_UDP}), NATIVE_NEW);
}

TEST_F(FlowTable, DeadFlowsThatLookAlikeAreTakenOutOfTheWay) {
  for (const auto& [state, age_s] : {std::pair{WG_FLOW_CLOSED, 0u}, std::pair{WG_FLOW_HALF_OPEN, kHalfOpenS + 1}}) {
    start_tables(8, 1);
    insert({.frontend = 1, .backend = 1});
    set({.frontend = 1, .backend = 1}, state, age_s);
    EXPECT_EQ(insert({.frontend = 2, .backend = 1}), NATIVE_NEW);
    EXPECT_FALSE(find({.frontend = 1, .backend = 1}));
    EXPECT_EQ(find({.frontend = 2, .backend = 1}, NATIVE_REPLY)->hit.frontend, key_of({.frontend = 2}).frontend);
  }
}

TEST_F(FlowTable, GenerationGrowsWithEveryClaimAndWrapsWithoutHarm) {
  const TestFlow flow{};
  insert(flow);
  const uint32_t slot = find(flow)->slot;
  wg_flow_head& entry = *native_head(NATIVE_FLOWS4, slot);
  entry.control |= WG_FLOW_GENERATION_MASK;
  const uint32_t rest = entry.control & ~WG_FLOW_GENERATION_MASK;
  EXPECT_TRUE(native_delete(NATIVE_FLOWS4, slot, entry.control));
  EXPECT_EQ(generation_of(entry.control), 0xffffu) << "kept when freed";
  insert(flow);
  EXPECT_EQ(entry.control, rest) << "wrapped to nought; tag, protocol and state as before";
}

TEST_F(FlowTable, DeletingNeedsTheVerifiedControlWord) {
  const TestFlow flow{};
  insert(flow);
  const auto found = find(flow);
  EXPECT_FALSE(native_delete(NATIVE_FLOWS4, found->slot, found->hit.control + WG_FLOW_GENERATION_ONE));
  EXPECT_TRUE(find(flow));
  EXPECT_TRUE(native_delete(NATIVE_FLOWS4, found->slot, found->hit.control));
  EXPECT_FALSE(find(flow));
}

TEST_F(FlowTable, TheSpillBitOutlivesEveryChangeOfItsSlot) {
  fill();
  const uint32_t way0 = set_of({})[0];
  wg_flow_head& entry = *native_head(NATIVE_FLOWS4, way0);
  entry.control |= WG_FLOW_SPILLED;
  entry.seen -= 7 * kHz;  // the oldest
  EXPECT_EQ(insert(numbered(100)), NATIVE_EVICTED);
  EXPECT_EQ(find(numbered(100))->slot, way0);
  EXPECT_TRUE(entry.control & WG_FLOW_SPILLED);
  native_delete(NATIVE_FLOWS4, way0, entry.control);
  EXPECT_TRUE(entry.control & WG_FLOW_SPILLED);
  insert(numbered(101));
  EXPECT_EQ(find(numbered(101))->slot, way0);
  EXPECT_TRUE(entry.control & WG_FLOW_SPILLED);
}

TEST_F(FlowTable, TheClockIsWrittenOnceASecond) {
  insert({});
  const uint32_t slot = find(TestFlow{})->slot;
  native_set_jiffies(kStart + kHz - 1);
  EXPECT_FALSE(native_touch(NATIVE_FLOWS4, slot));
  native_set_jiffies(kStart + kHz);
  EXPECT_TRUE(native_touch(NATIVE_FLOWS4, slot));
  EXPECT_EQ(native_head(NATIVE_FLOWS4, slot)->seen, kStart + kHz);
}

TEST_F(FlowTable, AgesAreRightWhenJiffiesWrapAround) {
  const uint32_t control = WG_FLOW_ESTABLISHED | WG_FLOW_TCP << WG_FLOW_PROTOCOL_SHIFT;
  EXPECT_EQ(native_life(NATIVE_FLOWS4, control, 0xffffff00, 0x100), int64_t{kEstablishedS} * kHz - 0x200);
  EXPECT_GT(native_life(NATIVE_FLOWS4, control, 0x100, 0xffffff00), int64_t{kEstablishedS} * kHz)
      << "seen by another CPU a tick later than now";
  EXPECT_EQ(native_life(NATIVE_SNAT4, control, 0, 0), int64_t{kEstablishedS + WG_SNAT_LINGER_S} * kHz);
  EXPECT_LT(native_life(NATIVE_FLOWS4, WG_FLOW_EMPTY, 0, 0), -(1ll << 39));
  EXPECT_GT(native_life(NATIVE_FLOWS4, WG_FLOW_BUSY, 0, 0), 1ll << 39);
}

TEST_F(FlowTable, SnatReservationsAreUniquePerBackend) {
  for (const native_table table : {NATIVE_SNAT4, NATIVE_SNAT6}) {
    const TestFlow first{.client = 1, .client_port = 60000, .frontend = 1, .backend = 1};
    TestFlow second = first;
    second.frontend = 2;  // another client behind the same node port
    EXPECT_EQ(insert(first, table), NATIVE_NEW);
    EXPECT_EQ(insert(second, table), NATIVE_AMBIGUOUS);
    EXPECT_EQ(insert(first, table), NATIVE_AMBIGUOUS) << "even for the same client";
    second.backend = 2;
    EXPECT_EQ(insert(second, table), NATIVE_NEW) << "toward another backend";
    second = first;
    second.client = 2;
    EXPECT_EQ(insert(second, table), NATIVE_NEW) << "with another node address";
  }
}

TEST(FlowStates, FollowTcpFlagsAndDirections) {
  struct Row {
    uint32_t state;
    native_direction direction;
    uint8_t flags;
    uint32_t next;
  };
  const Row rows[] = {
      {WG_FLOW_HALF_OPEN, NATIVE_REQUEST, kSyn, WG_FLOW_HALF_OPEN},
      {WG_FLOW_HALF_OPEN, NATIVE_REPLY, kSyn | kAck, WG_FLOW_ESTABLISHED},
      {WG_FLOW_HALF_OPEN, NATIVE_REPLY, kRst | kAck, WG_FLOW_CLOSED},
      {WG_FLOW_HALF_OPEN, NATIVE_REPLY, kFin | kAck, WG_FLOW_BACKEND_FIN},
      {WG_FLOW_ESTABLISHED, NATIVE_REQUEST, kAck, WG_FLOW_ESTABLISHED},
      {WG_FLOW_ESTABLISHED, NATIVE_REQUEST, kFin, WG_FLOW_CLIENT_FIN},
      {WG_FLOW_ESTABLISHED, NATIVE_REQUEST, kFin | kRst, WG_FLOW_CLOSED},
      {WG_FLOW_CLIENT_FIN, NATIVE_REQUEST, kFin, WG_FLOW_CLIENT_FIN},
      {WG_FLOW_CLIENT_FIN, NATIVE_REPLY, kAck, WG_FLOW_CLIENT_FIN},
      {WG_FLOW_CLIENT_FIN, NATIVE_REPLY, kFin, WG_FLOW_CLOSED},
      {WG_FLOW_BACKEND_FIN, NATIVE_REQUEST, kFin, WG_FLOW_CLOSED},
      {WG_FLOW_CLOSED, NATIVE_REPLY, kFin, WG_FLOW_CLOSED},
      {WG_FLOW_CLOSED, NATIVE_REPLY, kAck, WG_FLOW_CLOSED},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(native_next_state(row.state, row.direction, WG_PROTOCOL_TCP, row.flags), row.next)
        << "state " << row.state << " direction " << row.direction << " flags " << int{row.flags};
  }
  EXPECT_EQ(native_next_state(WG_FLOW_HALF_OPEN, NATIVE_REPLY, WG_PROTOCOL_UDP, 0), WG_FLOW_ESTABLISHED);
  EXPECT_EQ(native_next_state(WG_FLOW_ESTABLISHED, NATIVE_REQUEST, WG_PROTOCOL_UDP, 0xff), WG_FLOW_ESTABLISHED);
}

}  // namespace
}  // namespace waggle
