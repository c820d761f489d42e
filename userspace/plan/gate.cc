// SPDX-License-Identifier: Apache-2.0
#include "plan/gate.h"

namespace waggle {

void Gate::adopt_user(uint64_t hash) {
  uint64_t& word = wanted_[wg_gate_word(hash, bits_mask_)];
  if ((word & wg_gate_bit(hash)) != 0) ++further_users_[wg_gate_place(hash, bits_mask_)];
  word |= wg_gate_bit(hash);
}

void Gate::store(Stage stage, uint32_t word, ChangeList& changes) {
  if (stored_[word] == wanted_[word]) return;
  stored_[word] = wanted_[word];
  changes.store(stage, table_, word, 0, stored_[word]);
}

void Gate::add(uint64_t hash, ChangeList& changes) {
  adopt_user(hash);
  store(Stage::kBackends, wg_gate_word(hash, bits_mask_), changes);
}

void Gate::remove(uint64_t hash, ChangeList& changes) {
  const auto further = further_users_.find(wg_gate_place(hash, bits_mask_));
  if (further == further_users_.end()) {
    const uint32_t word = wg_gate_word(hash, bits_mask_);
    wanted_[word] &= ~wg_gate_bit(hash);
    store(Stage::kLeftovers, word, changes);
  } else if (--further->second == 0) {
    further_users_.erase(further);
  }
}

void Gate::repair(ChangeList& changes) {
  for (uint32_t word = 0; word < wanted_.size(); ++word) store(Stage::kBackends, word, changes);
}

}  // namespace waggle
