// SPDX-License-Identifier: Apache-2.0
#include "daemon/reconciler.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "daemon/some_names.h"

namespace waggle {
namespace {

// Waiting for readers costs some 10 ms, so it is done once for a burst of changes, when none came for this long.
constexpr std::chrono::milliseconds kIdleBeforeGrace{50};
constexpr std::chrono::milliseconds kLongestBeforeGrace{1000};  // changes that never pause must not starve it

std::string kept_words(const std::set<ObjectName>& kept) {
  constexpr size_t kNamed = 5;
  return fmt::format(
      "{} {} kept as the previous run programmed {}, because not all manifests could be read since the start; mend or "
      "remove those named in the other problems",
      some_names(kept, kNamed, [](const ObjectName& name) { return name.text(); }), kept.size() > 1 ? "are" : "is",
      kept.size() > 1 ? "them" : "it");
}

}  // namespace

Result<void> Reconciler::adopt() {
  auto adopted = planner_.adopt(tables_);
  plans_ahead_ = adopted && planner_.empty();
  // The planner's first plan is always one over all there is; made now, it is one over nothing, and those that follow
  // are over what came.
  if (plans_ahead_) std::ranges::move(planner_.plan_all(State{}).writes, std::back_inserter(ahead_));
  return adopted;
}

void Reconciler::take(std::vector<Event> events, bool synced, bool complete, const EventVisitor& told) {
  std::set<ObjectName> just_touched;
  for (Event& event : events) {
    const EventNote note = told ? event_note(event) : EventNote{};
    std::set<ObjectName> touched = state_.apply(std::move(event));
    if (told) told(note, touched);
    just_touched.merge(touched);
  }
  synced_ = synced_ || synced;
  if (complete && !complete_) touched_.insert(planner_.unconfirmed().begin(), planner_.unconfirmed().end());
  complete_ = complete;
  planner_.set_complete(complete);
  if (plans_ahead_ && !synced_)
    plan_ahead(just_touched);
  else
    touched_.merge(just_touched);
}

std::set<ObjectName> Reconciler::set_own_addresses(std::vector<IpAddress> addresses) {
  std::set<ObjectName> touched = state_.set_own_addresses(std::move(addresses));
  touched_.insert(touched.begin(), touched.end());
  return touched;
}

// A service without endpoints waits: they mostly come with the next bytes.
void Reconciler::plan_ahead(const std::set<ObjectName>& touched) {
  std::set<ObjectName> whole;
  for (const ObjectName& name : touched) {
    const bool both = state_.service(name) != nullptr && !state_.slices_of(name).empty();
    (both ? whole : touched_).insert(name);
  }
  if (whole.empty()) return;
  for (const ObjectName& name : whole) touched_.erase(name);
  std::ranges::move(planner_.plan(state_, whole).writes, std::back_inserter(ahead_));
}

void Reconciler::step(TimePoint now) {
  if (!synced_) return;
  if (pending_writes() > 0 && write_backoff_.due(now)) {
    const TimePoint begun = Clock::now();
    apply(now);
    note_round(begun, false);
  }
  if (pending_.empty()) plan(now);
  programmed_ = programmed_ || (planned_all_ && pending_.empty());
  if (pending_.empty() && !waiting_ && grace_at_.has_value() && now >= *grace_at_) begin_grace();
  if (waiting_) end_grace(now);
}

void Reconciler::plan(TimePoint now) {
  if (planned_all_ && touched_.empty() && !planner_.wants_plan()) return;
  const TimePoint begun = Clock::now();
  const bool full = !planned_all_;
  if (full) pending_ = std::exchange(ahead_, {});
  queue(full && !plans_ahead_ ? planner_.plan_all(state_) : planner_.plan(state_, touched_), now);
  touched_.clear();
  planned_all_ = true;
  note_round(begun, full);
}

// Several attempts of one step are one: it took as long as all of them and ended as the last one did.
void Reconciler::note_round(TimePoint begun, bool full) {
  SyncRound round = round_.value_or(SyncRound{});
  round.succeeded = pending_.empty();
  round.full = round.full || full;
  round.took += Clock::now() - begun;
  round_ = round;
}

void Reconciler::queue(Plan plan, TimePoint now) {
  for (Write& write : plan.writes) pending_.push_back(std::move(write));
  apply(now);
  schedule_grace(now);
}

void Reconciler::schedule_grace(TimePoint now) {
  if (waiting_ || !planner_.wants_grace()) return;
  if (!grace_wanted_at_.has_value()) grace_wanted_at_ = now;
  grace_at_ = std::min(now + kIdleBeforeGrace, *grace_wanted_at_ + kLongestBeforeGrace);
}

void Reconciler::apply(TimePoint now) {
  if (pending_writes() == 0) return;
  const TimePoint begun = Clock::now();
  const size_t written = apply_names() + apply_in_order();
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun);
  last_apply_ = ApplyRecord{.writes = written, .took = took, .at = std::chrono::system_clock::now()};
  spdlog::debug("applied {} writes in {} us, {} pending", written, took.count(), pending_writes());
  if (pending_writes() == 0)
    write_backoff_.succeeded();
  else
    write_backoff_.failed(now);
}

size_t Reconciler::apply_in_order() {
  size_t written = 0;
  write_error_.clear();
  for (; !pending_.empty(); pending_.pop_front()) {
    const Write& write = pending_.front();
    const auto done = tables_.apply(write);
    const bool is_name = write.table == Table::kServiceNames;
    if (done) {
      ++written;
      if (is_name) pending_names_.erase(write.index);
    } else if (is_name) {
      name_error_ = done.error().message;
      pending_names_[write.index] = write;
    } else {
      write_error_ = done.error().message;
      break;
    }
  }
  return written;
}

size_t Reconciler::apply_names() {
  const size_t before = pending_names_.size();
  std::erase_if(pending_names_, [this](const auto& entry) {
    const auto done = tables_.apply(entry.second);
    if (!done) name_error_ = done.error().message;
    return done.has_value();
  });
  return before - pending_names_.size();
}

// Everything planned is applied. Changes go on meanwhile; what they free waits for the next time.
void Reconciler::begin_grace() {
  waiting_ = true;
  grace_at_.reset();
  grace_wanted_at_.reset();
  planner_.grace_began();
  tables_.begin_wait();
}

void Reconciler::end_grace(TimePoint now) {
  const auto waited = tables_.wait_over();
  if (!waited.has_value()) return;
  waiting_ = false;
  if (!*waited) {
    grace_error_ = waited->error().message;
    grace_backoff_.failed(now);
    grace_at_ = grace_backoff_.retry_at();
    return;
  }
  grace_error_.clear();
  grace_backoff_.succeeded();
  ++graces_;
  planner_.grace_passed();
  if (pending_.empty()) plan(now);
  schedule_grace(now);
}

void Reconciler::swept(const FlowReferences& references, TimePoint now) {
  if (!pending_.empty()) return;
  queue(planner_.release(references, sweep_settled_), now);
  if (pending_.empty()) plan(now);  // what had no room may have it now
}

void Reconciler::check_drift(TimePoint now) {
  if (!programmed_ || waiting_ || pending_writes() > 0) return;
  const auto table = static_cast<Table>(next_check_);
  next_check_ = (next_check_ + 1) % kTableCount;
  const auto stands = planner_.stands_in(tables_, table);
  drift_error_ = stands ? "" : fmt::format("table {} cannot be checked: {}", table_name(table), stands.error().message);
  if (stands && !*stands) repair(table, now);
}

// As after a restart: the planner takes over what is there, and one plan over all services writes what differs.
void Reconciler::repair(Table table, TimePoint now) {
  if (const auto adopted = planner_.adopt(tables_); !adopted) {
    drift_error_ = fmt::format("table {} was changed by something else and cannot be set right: {}", table_name(table),
                               adopted.error().message);
    return;
  }
  const TimePoint begun = Clock::now();
  Plan plan = planner_.plan_all(state_);
  drift_repairs_ += plan.writes.size();
  spdlog::warn("table {} was changed by something else than this agent: {} writes set it right", table_name(table),
               plan.writes.size());
  queue(std::move(plan), now);
  note_round(begun, true);
}

std::optional<TimePoint> Reconciler::next_wake() const {
  const auto retry = pending_writes() > 0 ? write_backoff_.retry_at() : std::nullopt;
  return earlier(retry, pending_.empty() ? grace_at_ : std::nullopt);
}

std::vector<std::string> Reconciler::pending() const {
  std::vector<std::string> sentences;
  if (!pending_.empty())
    sentences.push_back(
        fmt::format("{} writes wait, tried {} times: {}", pending_.size(), write_backoff_.failures(), write_error_));
  if (!pending_.empty() && !touched_.empty())
    sentences.push_back(fmt::format("{} changed services wait for those writes", touched_.size()));
  if (!pending_names_.empty())
    sentences.push_back(fmt::format("{} names of services wait, tried {} times: {}", pending_names_.size(),
                                    write_backoff_.failures(), name_error_));
  if (!grace_error_.empty())
    sentences.push_back(
        fmt::format("freed table entries wait, tried {} times: {}", grace_backoff_.failures(), grace_error_));
  return sentences;
}

// Without counts, so that an unchanged trouble stays the same complaint.
std::vector<std::string> Reconciler::standing_problems() const {
  std::vector<std::string> problems = planner_.standing_problems();
  if (const auto& kept = planner_.unconfirmed(); planned_all_ && !kept.empty()) problems.push_back(kept_words(kept));
  if (!pending_.empty()) problems.push_back("changes wait because a table cannot be written: " + write_error_);
  if (!pending_names_.empty()) problems.push_back("names of services cannot be written: " + name_error_);
  if (!drift_error_.empty()) problems.push_back(drift_error_);
  if (!grace_error_.empty()) problems.push_back("freed table entries cannot be used again: " + grace_error_);
  return problems;
}

}  // namespace waggle
