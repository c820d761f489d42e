// SPDX-License-Identifier: Apache-2.0
// Real planner, tables in memory that fail on demand: whatever fails, repeating converges to what no failure would have
// given.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "daemon/reconciler.h"
#include "daemon_fakes.h"
#include "plan/dump.h"
#include "support/plan_rig.h"

namespace waggle {
namespace {

using std::chrono::milliseconds;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

// Freed slots keep their old content, so they are not compared; services name those they use.
constexpr Table kTables[] = {Table::kFrontends4, Table::kServices, Table::kBackends, Table::kReplyGate,
                             Table::kServiceNames};

PlannerConfig planner_config() { return {.sizes = small_sizes(), .hash_key = {1, 2}, .node_name = "n1"}; }

std::vector<std::string> dump(TableStore& store) {
  std::vector<std::string> lines;
  for (const Table table : kTables) {
    const auto rows = dump_table(store, table, DumpIds::kMasked);
    if (!rows) return {rows.error().message};
    for (const Row& row : *rows) lines.push_back(std::string(table_name(table)) + " " + row_text(row));
  }
  return lines;
}

struct Reconciling : testing::Test {
  MoodyStore store{small_sizes()};
  Reconciler reconciler{Planner(planner_config()), store};
  TimePoint now{};

  void SetUp() override { ASSERT_TRUE(reconciler.adopt()); }
  void say(std::vector<Event> events, bool synced = true) {
    reconciler.take(std::move(events), synced);
    reconciler.step(now);
  }
  // Lets time pass until nothing is due any more.
  void settle() {
    for (int round = 0; round < 100; ++round) {
      const auto wake = reconciler.next_wake();
      if (!wake.has_value()) return;
      now = std::max(now, *wake);
      reconciler.step(now);
    }
    FAIL() << "it never comes to rest";
  }
  // A sweep over flows that name all backends or none.
  void release(bool in_use = false) {
    FlowReferences references;
    references.backends.assign(small_sizes().backends, in_use);
    references.frontends4.assign(small_sizes().frontend_buckets4 * WG_FRONTEND_WAYS, false);
    references.frontends6.assign(small_sizes().frontend_buckets6 * WG_FRONTEND_WAYS, false);
    reconciler.sweep_began();
    reconciler.swept(references, now);
    settle();
  }
  static std::vector<Event> web() {
    return {service_event("web", "10.96.0.10"), slice_event("web", {"10.1.0.1", "10.1.0.2"})};
  }
  static std::vector<std::string> expected(std::vector<Event> events) {
    MoodyStore calm(small_sizes());
    Reconciler other(Planner(planner_config()), calm);
    EXPECT_TRUE(other.adopt());
    other.take(std::move(events), true);
    other.step(TimePoint{});
    return dump(calm);
  }
};

// Proves: I-11, O-52, X-247
TEST_F(Reconciling, WritesNothingBeforeTheSourceIsSynced) {
  say(web(), false);
  EXPECT_EQ(store.attempts, 0);
  EXPECT_FALSE(reconciler.programmed());
  say({}, true);
  EXPECT_GT(store.attempts, 0);
  EXPECT_TRUE(reconciler.programmed());
  EXPECT_EQ(dump(store), expected(web()));
}

// What is planned while the first lists come in must not bring a frontend before its service's endpoints.
TEST_F(Reconciling, NoFrontendOfTheFirstListsComesBeforeItsBackends) {
  std::vector<Event> objects;
  for (int i = 1; i <= 20; ++i)
    objects.push_back(service_event("web" + std::to_string(i), "10.96.0." + std::to_string(i)));
  say(objects, false);
  for (int i = 1; i <= 20; ++i) {
    objects.push_back(slice_event("web" + std::to_string(i), {"10.1.0." + std::to_string(i)}));
    say({objects.back()}, false);
  }
  EXPECT_EQ(store.attempts, 0);
  std::set<uint32_t> with_backends, led_to;
  store.refuses = [&](const Write& write) {
    if (write.table == Table::kServices && write.offset == offsetof(wg_service, cluster_set))
      with_backends.insert(write.index);
    if (write.table != Table::kFrontends4 || write.offset % sizeof(wg_frontend4) != offsetof(wg_frontend4, service))
      return false;
    uint32_t service = 0;
    std::memcpy(&service, write.bytes.data(), sizeof service);
    led_to.insert(service);
    EXPECT_TRUE(with_backends.contains(service)) << service;
    return false;
  };
  say({}, true);
  EXPECT_EQ(led_to.size(), 20u);
  EXPECT_TRUE(reconciler.programmed());
  EXPECT_EQ(dump(store), expected(objects));
}

TEST_F(Reconciling, AnEmptySourceIsProgrammedToo) {
  say({});
  EXPECT_TRUE(reconciler.programmed());
}

// Proves: O-53, X-242, X-245
TEST_F(Reconciling, AFailedWriteStaysPendingAndConverges) {
  store.refuses = [](const Write& write) { return write.table == Table::kSlots; };
  say(web());
  EXPECT_FALSE(reconciler.programmed());
  EXPECT_GT(reconciler.pending_writes(), 0u);
  EXPECT_THAT(reconciler.pending(), Contains(HasSubstr("the fake store is full")));
  EXPECT_THAT(reconciler.standing_problems(), Contains(HasSubstr("the fake store is full")));
  store.refuses = nullptr;
  settle();
  EXPECT_TRUE(reconciler.programmed());
  EXPECT_EQ(reconciler.pending_writes(), 0u);
  EXPECT_THAT(reconciler.pending(), IsEmpty());
  EXPECT_THAT(reconciler.standing_problems(), IsEmpty());
  EXPECT_EQ(dump(store), expected(web()));
}

// Proves: O-50
TEST_F(Reconciling, RetriesWaitLongerEachTime) {
  store.refuses = [](const Write&) { return true; };
  say(web());
  std::vector<milliseconds> waits;
  for (int round = 0; round < 12; ++round) {
    ASSERT_TRUE(reconciler.next_wake().has_value());
    const TimePoint wake = *reconciler.next_wake();
    waits.push_back(std::chrono::duration_cast<milliseconds>(wake - now));
    const int attempts = store.attempts;
    reconciler.step(now);
    EXPECT_EQ(store.attempts, attempts) << "tried before its time";
    now = wake;
    reconciler.step(now);
    EXPECT_GT(store.attempts, attempts);
  }
  EXPECT_GE(waits.front(), Backoff::kFirst / 2);
  EXPECT_LE(waits.front(), Backoff::kFirst);
  EXPECT_GE(waits.back(), Backoff::kLongest / 2);
  EXPECT_LE(waits.back(), Backoff::kLongest);
}

// Proves: X-240
TEST_F(Reconciling, ChangesGatherWhileWritesAreStuck) {
  store.refuses = [](const Write&) { return true; };
  say(web());
  const size_t stuck = reconciler.pending_writes();
  for (int i = 1; i < 50; ++i) say({slice_event("web", {"10.1.0.1", "10.1.1." + std::to_string(i)})});
  EXPECT_EQ(reconciler.pending_writes(), stuck);
  store.refuses = nullptr;
  settle();
  release();
  EXPECT_EQ(dump(store), expected({service_event("web", "10.96.0.10"), slice_event("web", {"10.1.0.1", "10.1.1.49"})}));
}

// Every single write of a history fails once, each at its own run.
TEST_F(Reconciling, AnyWriteMayFailOnce) {
  const auto history = [](const std::function<void(std::vector<Event>)>& tell) {
    tell(web());
    tell({slice_event("web", {"10.1.0.2", "10.1.0.3"})});
    tell({service_event("api", "10.96.0.11"), slice_event("api", {"10.1.0.9"})});
    tell({Deletion{ObjectKind::kService, {"default", "web"}}});
  };
  for (int victim = 1;; ++victim) {
    MoodyStore moody(small_sizes());
    Reconciler other(Planner(planner_config()), moody);
    ASSERT_TRUE(other.adopt());
    int count = 0;
    moody.refuses = [&](const Write&) { return ++count == victim; };
    TimePoint time{};
    history([&](std::vector<Event> events) {
      other.take(std::move(events), true);
      for (other.step(time); other.next_wake().has_value(); other.step(time)) time = std::max(time, *other.next_wake());
    });
    MoodyStore calm(small_sizes());
    Reconciler reference(Planner(planner_config()), calm);
    ASSERT_TRUE(reference.adopt());
    TimePoint reference_time{};
    history([&](std::vector<Event> events) {
      reference.take(std::move(events), true);
      for (reference.step(reference_time); reference.next_wake().has_value(); reference.step(reference_time))
        reference_time = std::max(reference_time, *reference.next_wake());
    });
    ASSERT_EQ(dump(moody), dump(calm)) << "after write " << victim << " failed";
    if (count < victim) break;
  }
}

TEST_F(Reconciling, NamesThatCannotBeWrittenHoldUpNothingElse) {
  store.refuses = [](const Write& write) { return write.table == Table::kServiceNames; };
  say(web());
  EXPECT_TRUE(reconciler.programmed());
  EXPECT_THAT(reconciler.standing_problems(), Contains(HasSubstr("names of services cannot be written")));
  say({service_event("api", "10.96.0.11")});
  store.refuses = nullptr;
  settle();
  std::vector<Event> all = web();
  all.emplace_back(service_event("api", "10.96.0.11"));
  EXPECT_EQ(dump(store), expected(all));
  EXPECT_THAT(reconciler.standing_problems(), IsEmpty());
}

TEST_F(Reconciling, GraceFollowsAPauseInTheChanges) {
  say(web());
  settle();
  const int waits = store.memory.waits();
  say({slice_event("web", {"10.1.0.1"})});
  EXPECT_EQ(store.memory.waits(), waits);
  now += milliseconds(30);
  say({slice_event("web", {"10.1.0.2"})});
  now += milliseconds(30);
  reconciler.step(now);
  EXPECT_EQ(store.memory.waits(), waits) << "a change came 30 ms ago";
  settle();
  EXPECT_EQ(store.memory.waits(), waits + 1);
}

TEST_F(Reconciling, ChangesThatNeverPauseDoNotStarveTheGracePeriod) {
  say(web());
  settle();
  const int waits = store.memory.waits();
  for (int i = 0; i < 200; ++i) {
    now += milliseconds(20);
    say({slice_event("web", {"10.1.0.1", "10.1.1." + std::to_string(i + 1)})});
  }
  EXPECT_GE(store.memory.waits(), waits + 2);
}

TEST_F(Reconciling, ChangesDoNotWaitForReadersAndWhatTheyFreeWaitsForTheNextTime) {
  say(web());
  settle();
  say({slice_event("web", {"10.1.0.1"})});
  const uint64_t graces = reconciler.graces();
  store.readers_stay = true;
  now += milliseconds(100);
  reconciler.step(now);
  say({slice_event("web", {"10.1.0.3"})});
  EXPECT_THAT(dump(store), Contains(HasSubstr("cluster_set=10.1.0.3:8080 ")));
  EXPECT_EQ(reconciler.graces(), graces);
  EXPECT_FALSE(reconciler.next_wake().has_value()) << "it would spin until the readers are gone";
  store.readers_stay = false;
  reconciler.step(now);
  EXPECT_EQ(reconciler.graces(), graces + 1);
  release();
  EXPECT_THAT(dump(store), Contains(HasSubstr("address=10.1.0.1:8080 protocol=TCP state=gone"))) << "it went meanwhile";
  EXPECT_EQ(reconciler.graces(), graces + 2);
  release();
  EXPECT_EQ(dump(store), expected({web()[0], slice_event("web", {"10.1.0.3"})}));
}

TEST_F(Reconciling, AGracePeriodThatFailsIsTriedAgain) {
  store.can_wait = false;
  say(web());
  say({slice_event("web", {"10.1.0.1"})});
  now += milliseconds(100);
  reconciler.step(now);
  EXPECT_THAT(reconciler.standing_problems(), Contains(HasSubstr("the fake readers never end")));
  const uint64_t graces = reconciler.graces();
  store.can_wait = true;
  settle();
  EXPECT_EQ(reconciler.graces(), graces + 1);
  EXPECT_THAT(reconciler.standing_problems(), IsEmpty());
}

TEST_F(Reconciling, GoneBackendsAreReleasedWhenNoFlowNamesThem) {
  say(web());
  settle();
  say({slice_event("web", {"10.1.0.1"})});
  settle();
  ASSERT_TRUE(reconciler.wants_references());
  release(true);
  EXPECT_TRUE(reconciler.wants_references()) << "a flow still names it";
  release(false);
  EXPECT_FALSE(reconciler.wants_references());
  EXPECT_EQ(dump(store), expected({service_event("web", "10.96.0.10"), slice_event("web", {"10.1.0.1"})}));
}

// Proves: O-56, X-244
TEST_F(Reconciling, ARestartWritesOnlyTheDifference) {
  say(web());
  settle();
  const int first = store.attempts;
  Reconciler next(Planner(planner_config()), store);
  ASSERT_TRUE(next.adopt());
  next.take(web(), true);
  next.step(now);
  EXPECT_TRUE(next.programmed());
  EXPECT_EQ(store.attempts, first);
}

TEST_F(Reconciling, TakesNothingFromThePreviousRunUntilTheSourceIsComplete) {
  say({service_object("default/web", {"10.96.0.1"}, {tcp_port("", 80)}), web_slice("default/web", {"10.0.0.1"})});
  const auto programmed = dump(store);
  Reconciler next{Planner(planner_config()), store};
  ASSERT_TRUE(next.adopt());
  next.take({}, true, false);
  next.step(now);
  EXPECT_TRUE(next.programmed());
  EXPECT_EQ(dump(store), programmed);
  EXPECT_THAT(next.standing_problems(), Contains(HasSubstr("default/web is kept as the previous run programmed it")));
  next.take({}, true, true);
  next.step(now);
  EXPECT_THAT(next.standing_problems(), IsEmpty());
  EXPECT_NE(dump(store), programmed);
}

// Bytes that something else than the agent writes, in every table and at places that matter.
// Proves: K-133, O-55, X-241
TEST_F(Reconciling, SetsRightWhatOthersChangedAndCountsIt) {
  say({service_event("web", "10.96.0.10"), slice_event("web", {"10.1.0.1", "10.1.0.2"})});
  settle();
  const auto programmed = dump(store);
  for (const Table table : {Table::kFrontends4, Table::kServices, Table::kSlots, Table::kBackends, Table::kReplyGate,
                            Table::kFrontendGate}) {
    const auto content = store.content(table).value();
    size_t place = 0;
    while (place < content.size() && content[place] == std::byte{0}) ++place;
    ASSERT_LT(place, content.size()) << table_name(table);
    const uint64_t before = reconciler.drift_repairs();
    store.memory.bytes(table)[place] ^= std::byte{0x11};
    for (size_t round = 0; round < kTableCount; ++round) reconciler.check_drift(now);
    settle();
    release();  // what the change made of an entry is a leftover now
    settle();
    EXPECT_EQ(dump(store), programmed) << table_name(table);
    EXPECT_GT(reconciler.drift_repairs(), before) << table_name(table);
  }
  const uint64_t repaired = reconciler.drift_repairs();
  for (size_t round = 0; round < kTableCount; ++round) reconciler.check_drift(now);
  EXPECT_EQ(reconciler.drift_repairs(), repaired) << "nothing is left to set right";
}

}  // namespace
}  // namespace waggle
