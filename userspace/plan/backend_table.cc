// SPDX-License-Identifier: Apache-2.0
#include "plan/backend_table.h"

#include <arpa/inet.h>

#include <cstddef>
#include <cstring>

namespace waggle {
namespace {

constexpr size_t kKeyOffset = offsetof(wg_backend, port);
constexpr size_t kTailOffset = offsetof(wg_backend, generation);

uint64_t word_at(const wg_backend& backend, size_t offset) {
  uint64_t word = 0;
  std::memcpy(&word, reinterpret_cast<const std::byte*>(&backend) + offset, sizeof word);
  return word;
}

// Session affinity takes a remembered backend only if its bit for the set in use is there, and else chooses anew. So
// the bits come before the set that has the backend and go after it: a member of a set always has its bit, and nobody
// who keeps their backend across a change loses it on the way. A bit without a set lasts from one write to the next,
// while the backend was usable just before or will be just after.
constexpr uint32_t kSetBits = WG_BACKEND_IN_CLUSTER | WG_BACKEND_IN_LOCAL;

uint32_t flags_of(const WantedEndpoint& endpoint) {
  return (endpoint.local ? WG_BACKEND_LOCAL : 0) | (endpoint.in_cluster ? WG_BACKEND_IN_CLUSTER : 0) |
         (endpoint.in_local ? WG_BACKEND_IN_LOCAL : 0);
}

uint8_t state_of(const WantedEndpoint& endpoint) {
  return endpoint.terminating ? WG_BACKEND_TERMINATING : WG_BACKEND_ACTIVE;
}

}  // namespace

int compare_places(const wg_backend& backend, const IpAddress& address, uint16_t port) {
  const int order = std::memcmp(backend.address, address.bytes.data(), sizeof backend.address);
  return order != 0 ? order : int{ntohs(backend.port)} - int{port};
}

bool BackendTable::is_before(uint32_t a, uint32_t b) const {
  const int order = std::memcmp(entries_[a].address, entries_[b].address, sizeof entries_[a].address);
  return order != 0 ? order < 0 : ntohs(entries_[a].port) < ntohs(entries_[b].port);
}

std::optional<std::vector<uint32_t>> BackendTable::take(size_t count) {
  if (pool_.available() < count) return std::nullopt;
  std::vector<uint32_t> indexes(count);
  for (uint32_t& index : indexes) index = *pool_.take();
  return indexes;
}

void BackendTable::give_back(const std::vector<uint32_t>& indexes) {
  std::for_each(indexes.rbegin(), indexes.rend(), [this](uint32_t index) { pool_.give_back(index); });
}

void BackendTable::set_place(uint32_t index, const WantedEndpoint& endpoint, ChangeList& changes) {
  wg_backend& entry = entries_[index];
  if (std::memcmp(entry.address, endpoint.address.bytes.data(), sizeof entry.address) == 0) return;
  std::memcpy(entry.address, endpoint.address.bytes.data(), sizeof entry.address);
  changes.store(Stage::kBackends, Table::kBackends, index, 0, endpoint.address.bytes);
}

void BackendTable::set_flags(uint32_t index, uint32_t generation, uint32_t flags, Stage stage, ChangeList& changes) {
  wg_backend& entry = entries_[index];
  if (entry.generation == generation && entry.flags == flags) return;
  entry.generation = generation;
  entry.flags = flags;
  changes.store(stage, Table::kBackends, index, kTailOffset, word_at(entry, kTailOffset));
}

uint64_t BackendTable::gate_hash(const wg_backend& backend, Family family) const {
  const uint32_t words = family == Family::kIpv4 ? 1 : WG_ADDRESS_WORDS;
  return wg_reply_gate_hash(&key_, backend.address, words, backend.port, backend.protocol);
}

void BackendTable::set_key(uint32_t index, const wg_backend& wanted, Stage stage, ChangeList& changes) {
  const uint64_t word = word_at(wanted, kKeyOffset);
  if (word_at(entries_[index], kKeyOffset) == word) return;
  entries_[index] = wanted;
  changes.store(stage, Table::kBackends, index, kKeyOffset, word);
}

void BackendTable::publish(uint32_t index, const BackendOwner& owner, const WantedEndpoint& endpoint,
                           ChangeList& changes) {
  if (index >= entries_.size()) {
    entries_.resize(index + 1);
    gone_since_.resize(index + 1);
  }
  wg_backend wanted = entries_[index];
  std::memcpy(wanted.address, endpoint.address.bytes.data(), sizeof wanted.address);
  wanted.port = htons(endpoint.port);
  wanted.protocol = static_cast<uint8_t>(owner.protocol);
  wanted.service = owner.service;
  gate_.add(gate_hash(wanted, owner.family), changes);
  set_place(index, endpoint, changes);
  set_flags(index, entries_[index].generation + 1, flags_of(endpoint), Stage::kBackends, changes);
  wanted.generation = entries_[index].generation;
  wanted.flags = entries_[index].flags;
  wanted.state = state_of(endpoint);
  set_key(index, wanted, Stage::kBackends, changes);
}

void BackendTable::refresh(uint32_t index, const WantedEndpoint& endpoint, ChangeList& changes) {
  const uint32_t generation = entries_[index].generation;
  set_flags(index, generation, flags_of(endpoint) | (entries_[index].flags & kSetBits), Stage::kBackends, changes);
  set_flags(index, generation, flags_of(endpoint), Stage::kGoneBackends, changes);
  wg_backend wanted = entries_[index];
  wanted.state = state_of(endpoint);
  set_key(index, wanted, Stage::kBackends, changes);
  gone_.erase(index);
}

void BackendTable::leave(uint32_t index, ChangeList& changes) {
  if (is_gone(index)) return;
  set_flags(index, entries_[index].generation, entries_[index].flags & ~kSetBits, Stage::kGoneBackends, changes);
  wg_backend wanted = entries_[index];
  wanted.state = WG_BACKEND_GONE;
  set_key(index, wanted, Stage::kGoneBackends, changes);
  gone_since_[index] = changes.epoch();
  gone_.insert(index);
  changes.note_unreachable();
}

void BackendTable::release(uint32_t index, Family family, ChangeList& changes) {
  wg_backend wanted = entries_[index];
  gate_.remove(gate_hash(wanted, family), changes);
  wanted.port = 0;
  wanted.protocol = 0;
  wanted.service = 0;
  wanted.state = WG_BACKEND_EMPTY;
  set_key(index, wanted, Stage::kGoneBackends, changes);
  gone_.erase(index);
  pool_.retire(index);
}

void BackendTable::repair(ChangeList& changes) {
  for (const uint32_t index : broken_) {
    changes.store(Stage::kBackends, Table::kBackends, index, kKeyOffset, uint64_t{0});
  }
  broken_.clear();
  gate_.repair(changes);
}

void BackendTable::adopt(std::span<const wg_backend> entries) {
  size_t used = entries.size();
  const wg_backend empty{};
  while (used > 0 && std::memcmp(&entries[used - 1], &empty, sizeof empty) == 0) --used;
  entries_.assign(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(used));
  gone_since_.assign(used, 0);
  for (uint32_t index = 0; index < used; ++index) {
    wg_backend& entry = entries_[index];
    if (entry.state == WG_BACKEND_EMPTY) continue;
    if (index == 0 || entry.state > WG_BACKEND_GONE || entry.service == 0 || entry.service >= services_) {
      entry = wg_backend{};
      broken_.push_back(index);
    } else if (is_gone(index)) {
      gone_.insert(index);
    }
  }
  pool_.adopt(static_cast<uint32_t>(std::max<size_t>(used, 1) - 1),
              [this](uint32_t index) { return entries_[index].state == WG_BACKEND_EMPTY; });
}

}  // namespace waggle
