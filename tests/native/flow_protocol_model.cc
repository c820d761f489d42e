// SPDX-License-Identifier: Apache-2.0
#include "flow_protocol_model.h"

#include <fmt/format.h>

#include "flow_protocol_state.h"
#include "state_set.h"

namespace waggle {
namespace {

constexpr size_t kMostStates = 12'000'000;

class Explorer {
 public:
  Explorer(const FlowCase& flow_case, const FlowProtocol& protocol) : case_(flow_case), protocol_(protocol) {}

  FlowVerdict run(uint64_t FlowVerdict::*stop_at) {
    emit(first());
    size_t next = 0;
    for (; next < states_.size() && states_.size() < kMostStates; ++next) {
      visit(State(states_[next]));
      if (stop_at != nullptr && verdict_.*stop_at != 0) break;
    }
    verdict_.states = states_.size();
    verdict_.complete = next == states_.size();
    return verdict_;
  }

 private:
  [[nodiscard]] State first() const;
  void visit(const State& state);
  void check(const State& state);
  void check_end(const State& state);
  void emit(const State& state) { states_.insert(state); }

  void writer(const State& state, size_t i);
  void pick(const State& state, size_t i);
  void claim(const State& state, size_t i);
  void look(const State& state, size_t i, size_t slot);
  void decide(const State& state, size_t i);
  void store(const State& state, size_t i);
  void give_back(const State& state, size_t i);
  void reader(const State& state, size_t i);
  void change(const State& state, size_t i);
  void expirer(const State& state, size_t i);

  void try_again(Thread& thread);
  void next_insertion(const State& state, Thread& thread, size_t i);
  [[nodiscard]] uint8_t flow(uint8_t insertion) const { return case_.flow_of[insertion]; }
  [[nodiscard]] uint8_t tag(uint8_t of_flow) const { return protocol_.one_tag ? 1 : of_flow; }
  [[nodiscard]] bool same_owner(const Control& a, const Control& b) const;
  [[nodiscard]] uint8_t wanted(const Thread& thread) const;
  [[nodiscard]] bool look_is_over(const Thread& thread, size_t slot, uint8_t of_flow) const;
  [[nodiscard]] bool may_load(const Thread& thread, uint8_t what) const;

  const FlowCase& case_;
  const FlowProtocol& protocol_;
  FlowVerdict verdict_;
  StateSet<State> states_;
};

State Explorer::first() const {
  State state;
  for (size_t k = 0; k < 2; ++k) {
    const uint8_t there = case_.there[k];
    if (there == 0) continue;
    state.slots[k] = {{kHalfOpen, tag(flow(there)), 0, 0}, {there, there}, there};
  }
  size_t n = 0;
  for (const auto& insertions : case_.writers) {
    Thread& thread = state.threads[n++];
    thread.role = kWriter;
    thread.phase = kPick;
    thread.insertion = insertions[0];
  }
  for (const auto& [role, present] : {std::pair{kReader, case_.read != 0}, std::pair{kTracker, case_.track != 0},
                                      std::pair{kRemover, case_.remove != 0}, std::pair{kExpirer, case_.expires},
                                      std::pair{kSpiller, case_.spills}}) {
    if (present) state.threads.at(n++).role = role;
  }
  return state;
}

void Explorer::visit(const State& state) {
  check(state);
  bool ended = true;
  for (size_t i = 0; i < kThreads; ++i) {
    const Thread& thread = state.threads[i];
    if (thread.role == kNobody || thread.phase == kEnd) continue;
    ended = false;
    if (thread.role == kWriter) {
      writer(state, i);
    } else if (thread.role == kExpirer) {
      expirer(state, i);
    } else if (thread.role == kSpiller) {
      State next = state;
      next.slots[0].control.spilled = next.spill_wanted = 1;
      next.threads[i].end();
      emit(next);
    } else {
      reader(state, i);
    }
  }
  if (ended) check_end(state);
}

void Explorer::check(const State& state) {
  const Slot& a = state.slots[0];
  const Slot& b = state.slots[1];
  if (a.control.valid() && b.control.valid() && flow(a.owner) == flow(b.owner)) ++verdict_.duplicates;
}

void Explorer::check_end(const State& state) {
  for (const Slot& slot : state.slots) verdict_.stuck += slot.control.state == kBusy;
  verdict_.lost_bits += state.spill_wanted != 0 && state.slots[0].control.spilled == 0;
}

bool Explorer::same_owner(const Control& a, const Control& b) const {
  if (a.valid() != b.valid() || a.tag != b.tag) return false;
  return !protocol_.generation_is_compared || a.generation == b.generation;
}

uint8_t Explorer::wanted(const Thread& thread) const {
  switch (thread.role) {
    case kTracker:
      return case_.track;
    case kRemover:
      return case_.remove;
    case kWriter:
      return flow(thread.insertion);
    default:
      return case_.read;
  }
}

void Explorer::writer(const State& state, size_t i) {
  switch (state.threads[i].phase) {
    case kPick:
      return pick(state, i);
    case kClaim:
      return claim(state, i);
    case kDecide:
      return decide(state, i);
    case kStore:
      return store(state, i);
    default:
      return give_back(state, i);
  }
}

// Loads both control words in any order, then settles for any slot that is not being filled: which one has the least
// life left is not the protocol's business.
void Explorer::pick(const State& state, size_t i) {
  for (uint8_t k = 0; k < 2; ++k) {
    if (state.threads[i].done >> k & 1) continue;
    State next = state;
    Thread& thread = next.threads[i];
    thread.seen[k] = state.slots[k].control;
    thread.done |= static_cast<uint8_t>(1 << k);
    if (thread.done != 3) {
      emit(next);
      continue;
    }
    bool any = false;
    for (uint8_t victim = 0; victim < 2; ++victim) {
      if (thread.seen[victim].state == kBusy) continue;
      any = true;
      State chosen = next;
      chosen.threads[i].phase = kClaim;
      chosen.threads[i].slot = victim;
      chosen.threads[i].done = 0;
      chosen.threads[i].seen[1 - victim] = {};
      emit(chosen);
    }
    if (any) continue;
    try_again(thread);
    if (thread.phase == kEnd) next_insertion(state, thread, i);
    emit(next);
  }
}

void Explorer::claim(const State& state, size_t i) {
  const Thread& thread = state.threads[i];
  const bool claimed = (thread.done & kClaimed) != 0;
  if (!claimed) {
    State next = state;
    Thread& mine = next.threads[i];
    Slot& slot = next.slots[thread.slot];
    const Control& expected = thread.seen[thread.slot];
    if (protocol_.claim_compares && slot.control != expected) {
      try_again(mine);
      if (mine.phase == kEnd) next_insertion(state, mine, i);
    } else {
      const auto generation = static_cast<uint8_t>((expected.generation + 1) % protocol_.generations);
      slot.control = {kBusy, tag(flow(thread.insertion)), generation, expected.spilled};
      slot.owner = thread.insertion;
      mine.done |= kClaimed;
      if (!protocol_.looks_again) {
        mine.phase = kStore;
        mine.forget();
      }
    }
    emit(next);
  }
  if (claimed || !protocol_.claim_is_full_barrier) look(state, i, size_t{1} - thread.slot);
}

bool Explorer::may_load(const Thread& thread, uint8_t what) const {
  if (thread.done & what) return false;
  if ((what == kWord0 || what == kWord1) && protocol_.body_depends_on_control) return thread.done & kControlLoaded;
  const uint8_t before = kControlLoaded | kWord0 | kWord1;
  if (what == kControlAgain && protocol_.control_depends_on_body) return (thread.done & before) == before;
  return true;
}

// Nothing more to load: everything was, or the control word alone says that it is not worth it.
bool Explorer::look_is_over(const Thread& thread, size_t slot, uint8_t of_flow) const {
  if ((thread.done & kLooked) == kLooked) return true;
  const Control& seen = thread.seen[slot];
  return (thread.done & kControlLoaded) && (seen.tag != tag(of_flow) || !seen.valid());
}

// One load of a look at `slot`, by a reader or as a writer's second look.
void Explorer::look(const State& state, size_t i, size_t slot) {
  const Thread& thread = state.threads[i];
  if ((thread.done & kClaimed) && look_is_over(thread, slot, wanted(thread))) {
    State next = state;
    next.threads[i].phase = kDecide;
    return emit(next);
  }
  for (const uint8_t what : {kControlLoaded, kWord0, kWord1, kControlAgain}) {
    if (!may_load(thread, what)) continue;
    State next = state;
    Thread& mine = next.threads[i];
    if (what == kControlLoaded) mine.seen[slot] = state.slots[slot].control;
    if (what == kWord0) mine.body[0] = state.slots[slot].body[0];
    if (what == kWord1) mine.body[1] = state.slots[slot].body[1];
    if (what == kControlAgain) mine.again = state.slots[slot].control;
    mine.done |= what;
    emit(next);
  }
}

void Explorer::decide(const State& state, size_t i) {
  const Thread& thread = state.threads[i];
  const Control& seen = thread.seen[1 - thread.slot];
  const uint8_t mine = flow(thread.insertion);
  State next = state;
  Thread& then = next.threads[i];
  then.phase = kStore;
  const bool same_tag = seen.tag == tag(mine);
  if (same_tag && seen.state == kBusy && protocol_.second_look_sees_unfinished) {
    then.phase = kGiveBack;
  } else if (same_tag && seen.valid() && flow(thread.body[0]) == mine) {
    then.phase = kGiveBack;
    if (same_owner(seen, thread.again)) {
      ++verdict_.found;
      verdict_.mixed += thread.body[0] != thread.body[1];
      then.attempts = kAttempts;  // there is an entry: no further try
    }
  }
  then.forget();
  emit(next);
}

void Explorer::store(const State& state, size_t i) {
  const Thread& thread = state.threads[i];
  for (const uint8_t what : {kWord0, kWord1, kPublished}) {
    const bool ready = what != kPublished || !protocol_.publish_is_release || thread.done == (kWord0 | kWord1);
    if ((thread.done & what) || !ready) continue;
    State next = state;
    Slot& slot = next.slots[thread.slot];
    if (what == kWord0) slot.body[0] = thread.insertion;
    if (what == kWord1) slot.body[1] = thread.insertion;
    if (what == kPublished) {
      slot.control.state = kHalfOpen;
      if (!protocol_.publish_keeps_other_bits) slot.control.spilled = 0;
    }
    Thread& mine = next.threads[i];
    mine.done |= what;
    if (mine.done == (kWord0 | kWord1 | kPublished)) next_insertion(state, mine, i);
    emit(next);
  }
}

void Explorer::give_back(const State& state, size_t i) {
  State next = state;
  Thread& thread = next.threads[i];
  next.slots[thread.slot].control.state = kEmpty;
  next.slots[thread.slot].control.tag = 0;
  try_again(thread);
  if (thread.phase == kEnd) next_insertion(state, thread, i);
  emit(next);
}

void Explorer::try_again(Thread& thread) {
  thread.forget();
  thread.slot = 0;
  thread.phase = ++thread.attempts < kAttempts ? kPick : kEnd;
}

void Explorer::next_insertion(const State& state, Thread& thread, size_t i) {
  const auto& insertions = case_.writers[i];
  const auto next = static_cast<uint8_t>(state.threads[i].next + 1);
  thread.end();
  if (next >= insertions.size()) return;
  thread.phase = kPick;
  thread.next = next;
  thread.insertion = insertions[next];
}

// What is accepted depends on the loads of one slot alone, so a reader looks at either, but at one only.
void Explorer::reader(const State& state, size_t i) {
  const Thread& thread = state.threads[i];
  if (thread.phase == kStart) {
    for (uint8_t slot = 0; slot < 2; ++slot) {
      State next = state;
      next.threads[i].slot = slot;
      next.threads[i].phase = kScan;
      emit(next);
    }
    return;
  }
  if (thread.phase == kChange) return change(state, i);
  const uint8_t of_flow = wanted(thread);
  if (!look_is_over(thread, thread.slot, of_flow)) return look(state, i, thread.slot);
  State next = state;
  const Control& seen = thread.seen[thread.slot];
  const bool is_mine = seen.valid() && seen.tag == tag(of_flow) && flow(thread.body[0]) == of_flow;
  const bool accepted = is_mine && same_owner(seen, thread.again);
  verdict_.accepted += accepted;
  verdict_.mixed += accepted && thread.body[0] != thread.body[1];
  if (accepted && thread.role != kReader) {
    next.threads[i].phase = kChange;
  } else {
    next.threads[i].end();
  }
  emit(next);
}

// A state change, or a deletion, of the entry that was read.
void Explorer::change(const State& state, size_t i) {
  const Thread& thread = state.threads[i];
  State next = state;
  Slot& slot = next.slots[thread.slot];
  if (slot.control == thread.again || !protocol_.change_compares) {
    verdict_.wrong_changes += flow(slot.owner) != wanted(thread);
    slot.control = thread.again;
    slot.control.state = thread.role == kTracker ? kEstablished : kEmpty;
    if (thread.role == kRemover) slot.control.tag = 0;
  }
  next.threads[i].end();
  emit(next);
}

void Explorer::expirer(const State& state, size_t i) {
  const Thread& thread = state.threads[i];
  if (thread.phase == kStart) {
    for (uint8_t slot = 0; slot < 2; ++slot) {
      State next = state;
      Thread& mine = next.threads[i];
      mine.slot = slot;
      mine.again = state.slots[slot].control;
      mine.owner = state.slots[slot].owner;
      mine.phase = kChange;
      if (!mine.again.valid()) mine.end();
      emit(next);
    }
    return;
  }
  State next = state;
  Slot& slot = next.slots[thread.slot];
  if (slot.control == thread.again || !protocol_.change_compares) {
    verdict_.wrong_changes += slot.owner != thread.owner;
    slot.control = {kEmpty, 0, thread.again.generation, thread.again.spilled};
  }
  next.threads[i].end();
  emit(next);
}

}  // namespace

std::string FlowVerdict::text() const {
  return fmt::format(
      "{} states{}, {} accepted, {} found; mixed {}, duplicates {}, wrong changes {}, lost bits {}, stuck {}", states,
      complete ? "" : " (not all)", accepted, found, mixed, duplicates, wrong_changes, lost_bits, stuck);
}

FlowVerdict explore(const FlowCase& flow_case, const FlowProtocol& protocol, uint64_t FlowVerdict::*stop_at) {
  return Explorer(flow_case, protocol).run(stop_at);
}

}  // namespace waggle
