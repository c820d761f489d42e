// SPDX-License-Identifier: Apache-2.0
// The flow table's protocol (bpf/lib/table.h and insert.h) as a small machine whose every interleaving can be walked:
// one set of two slots, a handful of threads. Used by interleavings_test alone.
//
// Memory is multi-copy atomic and threads run out of order, which is what arm64 allows and more than x86 does: a plain
// load or store may happen before an earlier one of its thread unless a full barrier (an atomic with a result), an
// address dependency, or a branch into a store stands between. The model's steps are single loads, stores and atomics.
//
// Flows stand for whatever must not be in the table twice: the same flow, or two flows whose replies look alike.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace waggle {

// The protocol's safeguards; a test takes them away one by one.
struct FlowProtocol {
  bool body_depends_on_control = true;      // a reader loads the body through an address made of the control word
  bool control_depends_on_body = true;      // ... and the control word again through one made of the body
  bool publish_is_release = true;           // the body is stored before the control word says valid
  bool publish_keeps_other_bits = true;     // published by addition, not by storing the word
  bool generation_is_compared = true;       // a reader notices that the slot had another owner in between
  bool claim_compares = true;               // claimed by compare-and-exchange, not by a store
  bool claim_is_full_barrier = true;        // the second look happens after the claim is visible
  bool looks_again = true;                  // the second look
  bool second_look_sees_unfinished = true;  // ... waits for a slot that is being filled for the same tag
  bool change_compares = true;              // expiry and state changes are compare-and-exchange
  bool one_tag = false;                     // not a safeguard: all flows have the same tag
  uint8_t generations = 16;                 // before the number wraps
};

inline constexpr size_t kInsertions = 10;

// Who does what. Insertions are numbered from 1; flow_of says which flow each is of. The body an insertion stores is
// its number, twice: an entry read with two different numbers is a mixture.
struct FlowCase {
  std::string name = {};
  std::array<uint8_t, kInsertions> flow_of = {};
  std::array<uint8_t, 2> there = {};               // the insertion that filled each slot before; 0: empty
  std::vector<std::vector<uint8_t>> writers = {};  // the insertions of each writer, one after the other
  uint8_t read = 0;                                // a reader looks for this flow; 0: none
  uint8_t track = 0;                               // a reader that also changes the state of what it found
  uint8_t remove = 0;                              // a reader that deletes what it found
  bool expires = false;                            // user space frees any valid slot
  bool spills = false;                             // the spill bit of slot 0 is set at any moment
};

struct FlowVerdict {
  uint64_t states = 0;
  uint64_t accepted = 0;       // by readers
  uint64_t found = 0;          // by a second look
  uint64_t mixed = 0;          // entries accepted that are a mixture
  uint64_t duplicates = 0;     // states in which two slots hold one flow
  uint64_t wrong_changes = 0;  // a state change or a deletion that hit another owner's entry
  uint64_t lost_bits = 0;      // ends at which the spill bit is gone
  uint64_t stuck = 0;          // ends at which a slot is still being filled
  bool complete = false;

  [[nodiscard]] bool holds() const { return complete && mixed + duplicates + wrong_changes + lost_bits + stuck == 0; }
  [[nodiscard]] std::string text() const;
};

// Walks every interleaving, or until this harm is found.
FlowVerdict explore(const FlowCase& flow_case, const FlowProtocol& protocol, uint64_t FlowVerdict::*stop_at = nullptr);

}  // namespace waggle
