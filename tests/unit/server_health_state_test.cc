// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "server/health_state.h"
#include "server_objects.h"

namespace waggle {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using enum HealthQuestion;

const SystemTime kWall = *parse_rfc3339("2026-01-02T03:04:05Z");

struct Health : testing::Test {
  HealthState state{seconds(60)};
  Moment now{.steady = TimePoint(hours(5)), .wall = kWall};

  void start() {
    state.loop_started(Family::kIpv4, now);
    state.loop_started(Family::kIpv6, now);
    state.programmed();
    state.node_seen(node_named("n1"));
  }
  void want() {
    state.sync_wanted(Family::kIpv4, now);
    state.sync_wanted(Family::kIpv6, now);
  }
  void sync() {
    state.synced(Family::kIpv4, now);
    state.synced(Family::kIpv6, now);
  }
  [[nodiscard]] bool good(HealthQuestion question) const { return state.answer(question, now).good; }
  [[nodiscard]] std::string body(HealthQuestion question) const { return state.answer(question, now).body; }
};

// Proves: O-32
TEST_F(Health, BodiesAreExactlyThese) {
  start();
  now = now + milliseconds(1500);
  EXPECT_EQ(body(kHealthz),
            R"({"lastUpdated":"2026-01-02T03:04:06.5Z","currentTime":"2026-01-02T03:04:06.5Z","nodeEligible":true,)"
            R"("healthy":true,"status":{"IPv4":{"lastUpdated":"2026-01-02T03:04:05Z","healthy":true},)"
            R"("IPv6":{"lastUpdated":"2026-01-02T03:04:05Z","healthy":true}}})");
  EXPECT_EQ(body(kLivez), R"({"lastUpdated":"2026-01-02T03:04:06.5Z","currentTime":"2026-01-02T03:04:06.5Z",)"
                          R"("healthy":true,"status":{"IPv4":{"lastUpdated":"2026-01-02T03:04:05Z","healthy":true},)"
                          R"("IPv6":{"lastUpdated":"2026-01-02T03:04:05Z","healthy":true}}})");
}

TEST_F(Health, BeforeAnyLoopTheStatusIsLeftOut) {
  EXPECT_EQ(body(kHealthz),
            R"({"lastUpdated":"0001-01-01T00:00:00Z","currentTime":"2026-01-02T03:04:05Z","nodeEligible":false,)"
            R"("healthy":true})");
}

// Proves: X-200
TEST_F(Health, NothingQueuedForHoursIsHealthy) {  // X-200
  start();
  now = now + hours(9);
  EXPECT_TRUE(good(kHealthz));
}

// Proves: O-33, X-201
TEST_F(Health, ARequestUnservedForTheThresholdIsNot) {  // X-201
  start();
  want();
  now = now + seconds(59);
  EXPECT_TRUE(good(kHealthz));
  want();  // a later request does not restart the clock
  now = now + milliseconds(999);
  EXPECT_TRUE(good(kHealthz));
  now = now + milliseconds(1);
  EXPECT_FALSE(good(kHealthz));
  EXPECT_FALSE(good(kLivez));
  sync();
  EXPECT_TRUE(good(kHealthz));
}

// Proves: X-201
TEST_F(Health, ServedInTimeTheClockStartsAnew) {  // X-201
  start();
  want();
  now = now + seconds(50);
  sync();
  want();
  now = now + seconds(50);
  EXPECT_TRUE(good(kHealthz));
}

// Proves: O-34, X-202
TEST_F(Health, OneFamilyDoesNotHideTheOther) {  // X-202
  start();
  state.sync_wanted(Family::kIpv6, now);
  now = now + seconds(60);
  state.synced(Family::kIpv4, now);
  EXPECT_EQ(body(kLivez), R"({"lastUpdated":"2026-01-02T03:05:05Z","currentTime":"2026-01-02T03:05:05Z",)"
                          R"("healthy":false,"status":{"IPv4":{"lastUpdated":"2026-01-02T03:05:05Z","healthy":true},)"
                          R"("IPv6":{"lastUpdated":"2026-01-02T03:04:05Z","healthy":false}}})");
}

// Proves: O-34, X-203
TEST_F(Health, BothLateNeedBothSynced) {  // X-203
  start();
  want();
  now = now + seconds(60);
  EXPECT_FALSE(good(kHealthz));
  state.synced(Family::kIpv6, now);
  EXPECT_FALSE(good(kHealthz));
  state.synced(Family::kIpv4, now);
  EXPECT_TRUE(good(kHealthz));
}

// Proves: O-36, X-204
TEST_F(Health, A503SaysWhenTheNewestRealSyncWas) {  // X-204
  start();
  now = now + seconds(1);
  sync();
  want();
  now = now + seconds(60) + nanoseconds(7);
  EXPECT_TRUE(body(kLivez).starts_with(
      R"({"lastUpdated":"2026-01-02T03:04:06Z","currentTime":"2026-01-02T03:05:06.000000007Z")"));
}

// Proves: I-66, O-35, X-205
TEST_F(Health, OnlyTheAutoscalersTaintMakesTheNodeIneligible) {  // X-205
  start();
  state.node_seen(node_named("n1", {"other"}));
  EXPECT_TRUE(good(kHealthz));
  state.node_seen(node_named("n1", {"other", "ToBeDeletedByClusterAutoscaler"}));
  EXPECT_FALSE(good(kHealthz));
  EXPECT_NE(body(kHealthz).find(R"("nodeEligible":false,"healthy":true)"), std::string::npos);
  EXPECT_TRUE(good(kLivez));
  EXPECT_EQ(body(kLivez).find("nodeEligible"), std::string::npos);
  state.node_seen(node_named("n1"));
  EXPECT_TRUE(good(kHealthz));
}

// Proves: I-66, X-206
TEST_F(Health, ADeletingNodeIsIneligible) {  // X-206
  start();
  state.node_seen(deleting_node("n1"));
  EXPECT_FALSE(good(kHealthz));
  EXPECT_TRUE(good(kLivez));
}

// Proves: I-66, X-207
TEST_F(Health, ANodeNeverSeenIsIneligible) {  // X-207
  state.loop_started(Family::kIpv4, now);
  EXPECT_FALSE(good(kHealthz));
  EXPECT_TRUE(good(kLivez));
}

TEST_F(Health, AFamilyWhoseLoopNeverStartedDoesNotCount) {
  state.loop_started(Family::kIpv4, now);
  state.sync_wanted(Family::kIpv6, now);
  now = now + seconds(100);
  EXPECT_TRUE(good(kLivez));
}

TEST_F(Health, ReadyOnlyOnceProgrammed) {
  state.loop_started(Family::kIpv4, now);
  EXPECT_FALSE(good(kReadyz));
  state.programmed();
  EXPECT_TRUE(good(kReadyz));  // whatever the node
}

TEST(MomentText, TimesRoundTripAsGoWritesThem) {
  for (const std::string_view text :
       {"2026-01-02T03:04:05Z", "2026-12-31T23:59:59.000000001Z", "1999-02-28T00:00:00.5Z"})
    EXPECT_EQ(rfc3339_nano(*parse_rfc3339(text)), text);
  EXPECT_EQ(rfc3339_nano(*parse_rfc3339("2026-01-02T03:04:05.25+01:30")), "2026-01-02T01:34:05.25Z");
  EXPECT_EQ(rfc3339_micro(*parse_rfc3339("2026-01-02T03:04:05.25Z")), "2026-01-02T03:04:05.250000Z");
  for (const std::string_view wrong :
       {"", "yesterday", "2026-13-02T03:04:05Z", "2026-02-30T03:04:05Z", "2026-01-02T24:04:05Z", "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05", "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05Zx", "2026-01-02T03:04:05+1"})
    EXPECT_EQ(parse_rfc3339(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace waggle
