// SPDX-License-Identifier: Apache-2.0
// Every interleaving of the flow table's protocol: it holds, and each of its safeguards is needed, because the walk
// finds the harm when it is taken away.
#include <gtest/gtest.h>

#include "flow_protocol_model.h"

namespace waggle {
namespace {

// Flows A..E. Insertions 1 and 2 were there before; 3 to 5 are the first writer's, 6 to 8 the second's.
constexpr uint8_t A = 1, B = 2, C = 3, D = 4, E = 5;

std::vector<FlowCase> cases() {
  return {
      {.name = "two writers evict; a reader of what goes",
       .flow_of = {0, A, B, C, 0, 0, D},
       .there = {1, 2},
       .writers = {{3}, {6}},
       .read = A},
      {.name = "two writers evict; a reader of what comes",
       .flow_of = {0, A, B, C, 0, 0, D},
       .there = {1, 2},
       .writers = {{3}, {6}},
       .read = C},
      {.name = "two writers of one new flow, both slots taken",
       .flow_of = {0, A, B, C, 0, 0, C},
       .there = {1, 2},
       .writers = {{3}, {6}},
       .read = C},
      {.name = "two writers of one new flow, both slots free; expiry",
       .flow_of = {0, 0, 0, C, 0, 0, C},
       .writers = {{3}, {6}},
       .read = C,
       .expires = true},
      {.name = "two writers of one new flow, one slot free; expiry",
       .flow_of = {0, A, 0, C, 0, 0, C},
       .there = {1, 0},
       .writers = {{3}, {6}},
       .read = C,
       .expires = true},
      {.name = "two writers that missed a flow which is there",
       .flow_of = {0, A, B, A, 0, 0, A},
       .there = {1, 2},
       .writers = {{3}, {6}},
       .read = A},
      {.name = "a flow goes and comes back while it is read",
       .flow_of = {0, A, 0, C, A, 0, D},
       .there = {1, 0},
       .writers = {{3, 4}, {6}},
       .read = A},
      {.name = "its state is followed meanwhile",
       .flow_of = {0, A, B, C, A, 0, D},
       .there = {1, 2},
       .writers = {{3, 4}, {6}},
       .track = A},
      {.name = "it is deleted meanwhile",
       .flow_of = {0, A, B, C, A, 0, A},
       .there = {1, 2},
       .writers = {{3, 4}, {6}},
       .remove = A},
      {.name = "user space expires while slots change hands",
       .flow_of = {0, A, B, C, D, 0, E},
       .there = {1, 2},
       .writers = {{3, 4}, {6}},
       .expires = true},
      {.name = "flows spill while slots change hands",
       .flow_of = {0, A, 0, C, 0, 0, C},
       .there = {1, 0},
       .writers = {{3}, {6}},
       .expires = true,
       .spills = true},
  };
}

// Whether this protocol does this harm in any case.
bool does_harm(const FlowProtocol& protocol, uint64_t FlowVerdict::*harm) {
  for (const FlowCase& flow_case : cases()) {
    if (explore(flow_case, protocol, harm).*harm != 0) return true;
  }
  return false;
}

TEST(Interleavings, TheProtocolHolds) {
  uint64_t accepted = 0, found = 0;
  for (const FlowCase& flow_case : cases()) {
    const FlowVerdict verdict = explore(flow_case, {});
    EXPECT_TRUE(verdict.holds()) << flow_case.name << ": " << verdict.text();
    RecordProperty(flow_case.name, verdict.text());
    accepted += verdict.accepted;
    found += verdict.found;
  }
  EXPECT_GT(accepted, 0u) << "readers never found anything: the walk shows nothing";
  EXPECT_GT(found, 0u) << "the second look never found anything: the walk shows nothing";
}

TEST(Interleavings, TheProtocolHoldsWhenAllTagsAreTheSame) {
  for (const FlowCase& flow_case : cases()) {
    const FlowVerdict verdict = explore(flow_case, {.one_tag = true});
    EXPECT_TRUE(verdict.holds()) << flow_case.name << ": " << verdict.text();
  }
}

TEST(Interleavings, BodiesLoadedBeforeTheControlWordAreMixed) {
  EXPECT_TRUE(does_harm({.body_depends_on_control = false}, &FlowVerdict::mixed));
}

TEST(Interleavings, AControlWordLoadedAgainTooEarlyShowsNoChange) {
  EXPECT_TRUE(does_harm({.control_depends_on_body = false}, &FlowVerdict::mixed));
}

TEST(Interleavings, PublishingBeforeTheBodyIsStoredMixes) {
  EXPECT_TRUE(does_harm({.publish_is_release = false}, &FlowVerdict::mixed));
}

TEST(Interleavings, PublishingByAStoreLosesTheSpillBit) {
  EXPECT_TRUE(does_harm({.publish_keeps_other_bits = false}, &FlowVerdict::lost_bits));
}

TEST(Interleavings, WithoutAGenerationAChangeOfOwnersGoesUnseen) {
  EXPECT_TRUE(does_harm({.generation_is_compared = false}, &FlowVerdict::mixed));
}

TEST(Interleavings, AGenerationOfOneBitIsTooSmall) { EXPECT_TRUE(does_harm({.generations = 2}, &FlowVerdict::mixed)); }

TEST(Interleavings, ClaimingByAStoreGivesASlotToTwo) {
  EXPECT_TRUE(does_harm({.claim_compares = false}, &FlowVerdict::duplicates));
  EXPECT_TRUE(does_harm({.claim_compares = false}, &FlowVerdict::mixed));
}

TEST(Interleavings, ASecondLookBeforeTheClaimIsVisibleMissesTheOther) {
  EXPECT_TRUE(does_harm({.claim_is_full_barrier = false}, &FlowVerdict::duplicates));
}

TEST(Interleavings, WithoutASecondLookFlowsAreThereTwice) {
  EXPECT_TRUE(does_harm({.looks_again = false}, &FlowVerdict::duplicates));
}

TEST(Interleavings, ASecondLookThatIgnoresUnfinishedSlotsMissesTheOther) {
  EXPECT_TRUE(does_harm({.second_look_sees_unfinished = false}, &FlowVerdict::duplicates));
}

TEST(Interleavings, ChangingAStateWithoutComparingHitsOthers) {
  EXPECT_TRUE(does_harm({.change_compares = false}, &FlowVerdict::wrong_changes));
}

}  // namespace
}  // namespace waggle
