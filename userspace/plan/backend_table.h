// SPDX-License-Identifier: Apache-2.0
// The planner's copy of `backends`, with its free indexes and the reply gate. Owned by the planner; which service has
// which backends is the service table's knowledge. Memory for indexes that were ever in use.
#pragma once

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "plan/endpoint_sets.h"
#include "plan/gate.h"
#include "plan/index_pool.h"
#include "waggle/abi/backend.h"

namespace waggle {

struct BackendOwner {
  uint32_t service = 0;
  Protocol protocol = Protocol::kTcp;
  Family family = Family::kIpv4;
};

class BackendTable {
 public:
  BackendTable(const wg_hash_key& key, const TableSizes& sizes)
      : services_(sizes.services),
        pool_(std::min(sizes.backends, WG_BACKEND_ID_MASK)),
        key_(key),
        gate_(Table::kReplyGate, sizes.reply_gate_words) {}

  [[nodiscard]] const wg_backend& at(uint32_t index) const { return entries_[index]; }
  [[nodiscard]] bool is_gone(uint32_t index) const { return entries_[index].state == WG_BACKEND_GONE; }

  // By address, then port.
  [[nodiscard]] bool is_before(uint32_t a, uint32_t b) const;

  // `count` indexes for new backends, or nothing at all.
  std::optional<std::vector<uint32_t>> take(size_t count);
  void give_back(const std::vector<uint32_t>& indexes);

  void publish(uint32_t index, const BackendOwner& owner, const WantedEndpoint& endpoint, ChangeList& changes);
  // An endpoint that is there already, or there again.
  void refresh(uint32_t index, const WantedEndpoint& endpoint, ChangeList& changes);
  // It serves no more.
  void leave(uint32_t index, ChangeList& changes);

  // Gone backends in order of index.
  [[nodiscard]] const std::set<uint32_t>& gone() const { return gone_; }
  [[nodiscard]] uint32_t gone_since(uint32_t index) const { return gone_since_[index]; }
  void release(uint32_t index, Family family, ChangeList& changes);

  [[nodiscard]] bool resting() const { return pool_.resting(); }
  void grace_began() { pool_.grace_began(); }
  bool grace_passed() { return pool_.grace_passed(); }  // false: nothing became free

  // Adoption: the whole table, then the gate, then each backend's family as its service says it.
  void adopt(std::span<const wg_backend> entries);
  void adopt_gate(std::span<const uint64_t> words) { gate_.adopt_words(words); }
  void adopt_family(uint32_t index, Family family) { gate_.adopt_user(gate_hash(entries_[index], family)); }
  // Clears what cannot belong to any service, and makes the gate fit the backends.
  void repair(ChangeList& changes);
  [[nodiscard]] size_t size() const { return entries_.size(); }

  [[nodiscard]] bool stands_in(std::span<const std::byte> content) const;
  [[nodiscard]] bool gate_stands_in(std::span<const std::byte> content) const { return gate_.stands_in(content); }

 private:
  [[nodiscard]] uint64_t gate_hash(const wg_backend& backend, Family family) const;
  void set_place(uint32_t index, const WantedEndpoint& endpoint, ChangeList& changes);
  void set_flags(uint32_t index, uint32_t generation, uint32_t flags, Stage stage, ChangeList& changes);
  void set_key(uint32_t index, const wg_backend& wanted, Stage stage, ChangeList& changes);

  uint32_t services_;  // capacity of `services`
  IndexPool pool_;
  wg_hash_key key_;
  Gate gate_;
  std::vector<wg_backend> entries_;
  std::vector<uint32_t> gone_since_;
  std::set<uint32_t> gone_;
  std::vector<uint32_t> broken_;  // the mirror says EMPTY, the table something impossible
};

// Order of a backend beside an endpoint of the same family: by address, then port.
int compare_places(const wg_backend& backend, const IpAddress& address, uint16_t port);

}  // namespace waggle
