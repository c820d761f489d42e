// SPDX-License-Identifier: Apache-2.0
// The planner's copy of a gate (abi/gate.h): how many users stand behind each bit, so that a bit two of them share is
// cleared with the second one. Owned by the backend table and the frontend tables. Memory: the words, and one count for
// each bit that is shared.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "plan/change_list.h"
#include "waggle/abi/gate.h"

namespace waggle {

class Gate {
 public:
  Gate(Table table, uint32_t words) : table_(table), bits_mask_(words * 64 - 1), wanted_(words), stored_(words) {}

  // hash: wg_frontend_gate_hash() or wg_reply_gate_hash().
  void add(uint64_t hash, ChangeList& changes);
  void remove(uint64_t hash, ChangeList& changes);

  // Adoption: what the table says, then every user; repair() stores what differs.
  void adopt_words(std::span<const uint64_t> words) { stored_.assign(words.begin(), words.end()); }
  void adopt_user(uint64_t hash);
  void repair(ChangeList& changes);

  [[nodiscard]] bool stands_in(std::span<const std::byte> content) const;

 private:
  void store(Stage stage, uint32_t word, ChangeList& changes);

  Table table_;
  uint32_t bits_mask_;
  std::vector<uint64_t> wanted_;
  std::vector<uint64_t> stored_;
  std::unordered_map<uint32_t, uint32_t> further_users_;  // place of a bit -> users beside the first
};

}  // namespace waggle
