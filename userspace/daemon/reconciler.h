// SPDX-License-Identifier: Apache-2.0
// State in, tables out: applies the source's events, lets the planner plan what they touch, and applies the writes.
// What fails stays pending and is tried again with backoff; meanwhile changes only gather, so that nothing piles up
// (architecture.md, invariant 5). Knows no clock and no sockets. Owned by the agent.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/backoff.h"
#include "model/state.h"
#include "plan/planner.h"
#include "plan/table.h"
#include "server/servers.h"

namespace waggle {

// The last time writes were applied, failed ones included.
struct ApplyRecord {
  size_t writes = 0;
  std::chrono::microseconds took{0};
  std::chrono::system_clock::time_point at;
};

// Told of each event that was taken in, and which services it touched.
using EventVisitor = std::function<void(const EventNote&, const std::set<ObjectName>&)>;

class Reconciler {
 public:
  Reconciler(Planner planner, TableStore& tables) : planner_(std::move(planner)), tables_(tables) {}

  // Reads back what a previous run left. Call once, before anything else.
  Result<void> adopt();

  // Takes events in; writes nothing. synced, complete: see SourceBatch. Before the first synced nothing is planned but
  // for tables that are empty, whose writes wait for it; until it is complete, nothing of a previous run is taken away
  // for want of knowledge.
  void take(std::vector<Event> events, bool synced, bool complete = true, const EventVisitor& told = nullptr);
  // From the next step on; see Planner.
  void set_node_addresses(NodeAddresses addresses) {
    touched_.merge(planner_.set_node_addresses(std::move(addresses)));
  }
  // The same for those of its links; answers the services that this concerns.
  std::set<ObjectName> set_own_addresses(std::vector<IpAddress> addresses);
  // Does what is due: retries, plans, applies, waits for readers.
  void step(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_wake() const;

  // What was done since the last call, as one attempt; nothing if nothing was to be done.
  std::optional<SyncRound> take_round() { return std::exchange(round_, std::nullopt); }

  // The flow sweep can help the planner: something waits for flows to end.
  [[nodiscard]] bool wants_references() const { return planner_.wants_sweep(); }
  // Grows whenever a grace period ends: a sweep after that may release more than the one before.
  [[nodiscard]] uint64_t graces() const { return graces_; }
  // What the sweep found that began after the last call of sweep_began().
  void sweep_began() { sweep_settled_ = planner_.settled(); }
  void swept(const FlowReferences& references, TimePoint now);
  // Compares the next table with what was written there and sets it right; one a call, so that it takes a moment only.
  // Not while something waits.
  void check_drift(TimePoint now);
  [[nodiscard]] uint64_t drift_repairs() const { return drift_repairs_; }  // table entries, since the start

  [[nodiscard]] const State& state() const { return state_; }
  [[nodiscard]] const Planner& planner() const { return planner_; }
  [[nodiscard]] bool synced() const { return synced_; }
  // The tables have held, completely and at least once, what the synced source wants.
  [[nodiscard]] bool programmed() const { return programmed_; }
  [[nodiscard]] size_t pending_writes() const { return pending_.size() + pending_names_.size(); }
  [[nodiscard]] std::vector<std::string> pending() const;  // what waits and why, a sentence each
  [[nodiscard]] const std::optional<ApplyRecord>& last_apply() const { return last_apply_; }
  [[nodiscard]] std::vector<std::string> standing_problems() const;

 private:
  void plan_ahead(const std::set<ObjectName>& touched);
  void plan(TimePoint now);
  void queue(Plan plan, TimePoint now);
  void apply(TimePoint now);
  size_t apply_in_order();
  size_t apply_names();
  void repair(Table table, TimePoint now);
  void note_round(TimePoint begun, bool full);
  void schedule_grace(TimePoint now);
  void begin_grace();
  void end_grace(TimePoint now);

  Planner planner_;
  TableStore& tables_;
  State state_;
  bool synced_ = false;
  bool complete_ = true;
  bool planned_all_ = false;
  bool programmed_ = false;
  std::set<ObjectName> touched_;  // services to plan
  // While the first lists come in and no previous run left anything, what came is planned already: when the last byte
  // is there, the writes are, too.
  bool plans_ahead_ = false;
  std::deque<Write> ahead_;
  std::deque<Write> pending_;  // to apply in this order
  // Writes of service names that failed. Only people read names, so they hold up nothing else; the newest of a service
  // counts.
  std::map<uint32_t, Write> pending_names_;
  std::string write_error_;
  std::string name_error_;
  std::string grace_error_;
  Backoff write_backoff_;
  Backoff grace_backoff_;
  std::optional<TimePoint> grace_at_;         // when to begin a wait for readers
  std::optional<TimePoint> grace_wanted_at_;  // since when something waits for it
  bool waiting_ = false;                      // for readers, beside the loop
  uint32_t sweep_settled_ = 0;                // of the planner, when the sweep began
  uint64_t graces_ = 0;
  std::optional<ApplyRecord> last_apply_;
  std::optional<SyncRound> round_;
  size_t next_check_ = 0;  // a Table
  uint64_t drift_repairs_ = 0;
  std::string drift_error_;
};

}  // namespace waggle
