// SPDX-License-Identifier: Apache-2.0
// What the machine of flow_protocol_model.h remembers at one moment: two slots and how far each thread is. Part of that
// model alone. Everything is a byte, so that states can be compared and hashed as bytes.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

namespace waggle {

inline constexpr uint8_t kEmpty = 0;
inline constexpr uint8_t kBusy = 1;
inline constexpr uint8_t kHalfOpen = 2;  // valid, as all above
inline constexpr uint8_t kEstablished = 3;
inline constexpr int kAttempts = 2;  // of an insertion that loses races; then it is given up
inline constexpr size_t kThreads = 4;

struct Control {
  uint8_t state = kEmpty;
  uint8_t tag = 0;
  uint8_t generation = 0;
  uint8_t spilled = 0;

  bool operator==(const Control&) const = default;
  [[nodiscard]] bool valid() const { return state >= kHalfOpen; }
};

struct Slot {
  Control control;
  std::array<uint8_t, 2> body{};  // word 0: what a lookup compares; word 1: what it answers
  uint8_t owner = 0;              // not in memory: the insertion that claimed the slot last
};

enum Role : uint8_t { kNobody, kWriter, kReader, kTracker, kRemover, kExpirer, kSpiller };
enum Phase : uint8_t { kStart, kPick, kClaim, kDecide, kStore, kGiveBack, kScan, kChange, kEnd };
// Bits of Thread.done
inline constexpr uint8_t kControlLoaded = 1;
inline constexpr uint8_t kWord0 = 2;  // loaded or stored
inline constexpr uint8_t kWord1 = 4;
inline constexpr uint8_t kControlAgain = 8;
inline constexpr uint8_t kPublished = 16;
inline constexpr uint8_t kClaimed = 32;
inline constexpr uint8_t kLooked = kControlLoaded | kWord0 | kWord1 | kControlAgain;

struct Thread {
  Role role = kNobody;
  Phase phase = kStart;
  uint8_t done = 0;
  uint8_t slot = 0;  // victim, or the slot looked at
  uint8_t attempts = 0;
  uint8_t next = 0;       // place of the next insertion in the writer's list
  uint8_t insertion = 0;  // the writer's current one
  uint8_t owner = 0;      // expirer: of the slot when it was looked at
  std::array<Control, 2> seen{};
  Control again;
  std::array<uint8_t, 2> body{};

  void forget() {
    done = 0;
    seen = {};
    again = {};
    body = {};
  }
  void end() {
    const Role kept = role;
    *this = {};
    role = kept;
    phase = kEnd;
  }
};

struct State {
  std::array<Slot, 2> slots{};
  std::array<Thread, kThreads> threads{};
  uint8_t spill_wanted = 0;
};
static_assert(std::has_unique_object_representations_v<State>, "compared and hashed as bytes");

}  // namespace waggle
