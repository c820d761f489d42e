// SPDX-License-Identifier: Apache-2.0
// The planner's copy of `frontends4` or `frontends6`: who claims an address:port/protocol, where it stands and what the
// table says there. Owned by the planner, one per family, which also decides which claim wins. Memory for what is used
// only.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "plan/change_list.h"
#include "plan/claim_kind.h"
#include "plan/frontend_layout.h"
#include "plan/gate.h"

namespace waggle {

struct FrontendKey {
  IpAddress address;
  uint16_t port = 0;  // host byte order
  Protocol protocol = Protocol::kTcp;

  // The entry that stands for a whole ClusterIP, whatever the port (contract K-85).
  static FrontendKey any_port_of(const IpAddress& address) {
    return {address, WG_FRONTEND_ANY_PORT, static_cast<Protocol>(WG_FRONTEND_ANY_PROTOCOL)};
  }
  [[nodiscard]] bool is_any_port() const { return static_cast<uint32_t>(protocol) == WG_FRONTEND_ANY_PROTOCOL; }

  auto operator<=>(const FrontendKey&) const = default;
  [[nodiscard]] std::string text() const;  // "10.0.0.1:80/TCP", "10.0.0.1:*"
};

struct FrontendClaim {
  uint32_t service = 0;  // index
  uint32_t flags = 0;    // WG_FRONTEND_*
  ClaimKind kind = ClaimKind::kClusterIp;
};

// Who claims one frontend, in any order. Nearly always one service does, so the first needs no memory of its own.
class ClaimList {
 public:
  [[nodiscard]] bool empty() const { return first_.service == 0; }
  void add(const FrontendClaim& claim) {
    if (empty()) {
      first_ = claim;
    } else {
      if (!others_) others_ = std::make_unique<std::vector<FrontendClaim>>();
      others_->push_back(claim);
    }
  }
  void remove(uint32_t service) {
    if (others_) std::erase_if(*others_, [service](const FrontendClaim& one) { return one.service == service; });
    if (first_.service != service) return;
    first_ = {};
    if (!others_) return;
    if (!others_->empty()) {
      first_ = others_->back();
      others_->pop_back();
    }
    if (others_->empty()) others_ = nullptr;
  }
  template <typename Visit>
  void for_each(Visit visit) const {
    if (empty()) return;
    visit(first_);
    if (others_) std::for_each(others_->begin(), others_->end(), visit);
  }

 private:
  FrontendClaim first_;  // service 0: none
  std::unique_ptr<std::vector<FrontendClaim>> others_;
};

struct FrontendEntry {
  static constexpr uint32_t kNowhere = 0xffffffff;

  FrontendKey key;
  ClaimList claims;
  bool dirty = false;  // claims changed since the winner was last chosen
  // What the table says.
  uint32_t position = kNowhere;
  bool live = false;  // else a tombstone, if it stands anywhere
  uint32_t service = 0;
  uint32_t flags = 0;
  uint32_t buried = 0;  // epoch in which it became a tombstone

  [[nodiscard]] bool placed() const { return position != kNowhere; }
};

class FrontendTable {
 public:
  // gate: both families share it; borrowed.
  FrontendTable(Family family, const wg_hash_key& key, uint32_t buckets, uint32_t services, Gate& gate)
      : family_(family), key_(key), mask_(buckets - 1), services_(services), gate_(gate), entries_(0, Hash{&key_}) {}
  FrontendTable(const FrontendTable&) = delete;  // the hash points at the key
  FrontendTable& operator=(const FrontendTable&) = delete;

  FrontendEntry& entry(const FrontendKey& key);
  // Forgets an entry that nobody claims and that stands nowhere.
  void forget(FrontendEntry& entry) { entries_.erase(entry.key); }

  // Makes it LIVE and leading to `claim`. False: no free way within reach, nothing was changed.
  bool lead(FrontendEntry& entry, const FrontendClaim& claim, ChangeList& changes);
  // LIVE -> TOMBSTONE.
  void bury(FrontendEntry& entry, ChangeList& changes);
  // TOMBSTONE -> EMPTY; the way rests until a grace period that began later has passed.
  void release(FrontendEntry& entry, ChangeList& changes);

  [[nodiscard]] bool stands_in(std::span<const std::byte> content) const;
  // Live ones and tombstones.
  [[nodiscard]] size_t placed() const;
  // By position.
  [[nodiscard]] const std::map<uint32_t, FrontendEntry*>& tombstones() const { return tombstones_; }
  [[nodiscard]] bool resting() const { return !resting_.empty(); }
  void grace_began();
  bool grace_passed();  // false: nothing became free

  // Takes over the table. Answers the entries found, by position.
  std::vector<FrontendEntry*> adopt(std::span<const std::byte> content);
  // Clears what adopt() found unreachable or double.
  void repair(ChangeList& changes);

 private:
  struct Hash {
    const wg_hash_key* key;
    size_t operator()(const FrontendKey& frontend) const;
  };
  struct Bucket {
    std::array<FrontendEntry*, WG_FRONTEND_WAYS> way{};
    std::array<bool, WG_FRONTEND_WAYS> resting{};
    uint32_t passing = 0;   // entries that had to go past this bucket
    bool overflow = false;  // the table has WG_FRONTEND_OVERFLOW here

    [[nodiscard]] int free_way() const;
  };

  [[nodiscard]] uint32_t home(const FrontendKey& key) const { return static_cast<uint32_t>(Hash{&key_}(key)) & mask_; }
  [[nodiscard]] uint64_t gate_hash(const FrontendKey& key) const;
  [[nodiscard]] uint32_t distance(const FrontendEntry& entry) const;
  [[nodiscard]] uint32_t find_place(const FrontendKey& key);
  void place(FrontendEntry& entry, uint32_t position, ChangeList& changes);
  void adopt_way(uint32_t position, const FrontendWay& way, std::vector<FrontendEntry*>& found);
  void settle(FrontendEntry& entry, uint32_t position);
  void store_value(FrontendEntry& entry, const FrontendClaim& claim, ChangeList& changes);
  void store_key(uint32_t position, Stage stage, ChangeList& changes);
  void store_overflow(uint32_t bucket, Stage stage, ChangeList& changes);
  void rest(uint32_t position);

  Family family_;
  wg_hash_key key_;
  uint32_t mask_;
  uint32_t services_;  // capacity of `services`
  Gate& gate_;
  std::unordered_map<FrontendKey, FrontendEntry, Hash> entries_;
  std::unordered_map<uint32_t, Bucket> buckets_;
  std::map<uint32_t, FrontendEntry*> tombstones_;
  std::vector<uint32_t> resting_;
  std::vector<uint32_t> leaving_;           // free when the grace period that has begun passes
  std::vector<uint32_t> broken_;            // positions with an entry nobody can find
  std::vector<uint32_t> broken_overflows_;  // buckets whose overflow bit is wrong
};

}  // namespace waggle
