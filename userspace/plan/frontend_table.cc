// SPDX-License-Identifier: Apache-2.0
#include "plan/frontend_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace waggle {

std::string FrontendKey::text() const {
  if (is_any_port()) return any_port_text(address);
  return fmt::format("{}/{}", address_port_text(address, port), protocol_name(protocol));
}

size_t FrontendTable::Hash::operator()(const FrontendKey& frontend) const {
  const auto words = frontend.address.words();
  const uint32_t count = frontend.address.family == Family::kIpv4 ? 1 : WG_ADDRESS_WORDS;
  return wg_frontend_hash(key, words.data(), count, htons(frontend.port), static_cast<uint8_t>(frontend.protocol));
}

uint64_t FrontendTable::gate_hash(const FrontendKey& key) const {
  const auto words = key.address.words();
  return wg_frontend_gate_hash(&key_, words.data(), family_ == Family::kIpv4 ? 1 : WG_ADDRESS_WORDS);
}

int FrontendTable::Bucket::free_way() const {
  for (uint32_t index = 0; index < WG_FRONTEND_WAYS; ++index) {
    if (way[index] == nullptr && !resting[index]) return static_cast<int>(index);
  }
  return -1;
}

FrontendEntry& FrontendTable::entry(const FrontendKey& key) {
  FrontendEntry& found = entries_[key];
  found.key = key;
  return found;
}

// How many buckets the entry had to go past.
uint32_t FrontendTable::distance(const FrontendEntry& entry) const {
  return (entry.position / WG_FRONTEND_WAYS - home(entry.key)) & mask_;
}

uint32_t FrontendTable::find_place(const FrontendKey& key) {
  const uint32_t probes = std::min(WG_FRONTEND_PROBES, mask_ + 1);
  for (uint32_t step = 0; step < probes; ++step) {
    const uint32_t bucket = (home(key) + step) & mask_;
    const int way = buckets_[bucket].free_way();
    if (way >= 0) return bucket * WG_FRONTEND_WAYS + static_cast<uint32_t>(way);
  }
  return FrontendEntry::kNowhere;
}

void FrontendTable::settle(FrontendEntry& entry, uint32_t position) {
  entry.position = position;
  buckets_[position / WG_FRONTEND_WAYS].way[position % WG_FRONTEND_WAYS] = &entry;
  for (uint32_t step = distance(entry); step > 0; --step) ++buckets_[(home(entry.key) + step - 1) & mask_].passing;
}

// The way is empty, so whatever is stored before its key word is not seen by anyone.
void FrontendTable::place(FrontendEntry& entry, uint32_t position, ChangeList& changes) {
  settle(entry, position);
  gate_.add(gate_hash(entry.key), changes);
  for (uint32_t step = 0; step < distance(entry); ++step) {
    store_overflow((home(entry.key) + step) & mask_, Stage::kFrontends, changes);
  }
  if (family_ == Family::kIpv4) return;
  changes.store(Stage::kFrontends, Table::kFrontends6, position / WG_FRONTEND_WAYS,
                position % WG_FRONTEND_WAYS * sizeof(wg_frontend6), entry.key.address.bytes);
}

bool FrontendTable::lead(FrontendEntry& entry, const FrontendClaim& claim, ChangeList& changes) {
  const bool is_new = !entry.placed();
  if (is_new) {
    const uint32_t position = find_place(entry.key);
    if (position == FrontendEntry::kNowhere) return false;
    place(entry, position, changes);
  }
  if (is_new || entry.service != claim.service || entry.flags != claim.flags) store_value(entry, claim, changes);
  if (!entry.live) {
    entry.live = true;
    tombstones_.erase(entry.position);
    store_key(entry.position, Stage::kFrontends, changes);
  }
  return true;
}

void FrontendTable::bury(FrontendEntry& entry, ChangeList& changes) {
  entry.live = false;
  entry.buried = changes.epoch();
  tombstones_.emplace(entry.position, &entry);
  changes.note_unreachable();
  store_key(entry.position, Stage::kTombstones, changes);
}

void FrontendTable::release(FrontendEntry& entry, ChangeList& changes) {
  const uint32_t position = entry.position;
  const uint32_t passed = distance(entry);
  gate_.remove(gate_hash(entry.key), changes);
  tombstones_.erase(position);
  entry.position = FrontendEntry::kNowhere;
  rest(position);
  store_key(position, Stage::kTombstones, changes);
  for (uint32_t step = 0; step < passed; ++step) {
    const uint32_t bucket = (home(entry.key) + step) & mask_;
    --buckets_[bucket].passing;
    store_overflow(bucket, Stage::kTombstones, changes);
  }
}

void FrontendTable::rest(uint32_t position) {
  Bucket& bucket = buckets_[position / WG_FRONTEND_WAYS];
  bucket.way[position % WG_FRONTEND_WAYS] = nullptr;
  bucket.resting[position % WG_FRONTEND_WAYS] = true;
  resting_.push_back(position);
}

void FrontendTable::grace_began() {
  leaving_.insert(leaving_.end(), resting_.begin(), resting_.end());
  resting_.clear();
}

bool FrontendTable::grace_passed() {
  const bool any = !leaving_.empty();
  for (const uint32_t position : leaving_) {
    const auto found = buckets_.find(position / WG_FRONTEND_WAYS);
    Bucket& bucket = found->second;
    bucket.resting[position % WG_FRONTEND_WAYS] = false;
    const bool used = std::any_of(bucket.way.begin(), bucket.way.end(), [](const auto* entry) { return entry; }) ||
                      std::find(bucket.resting.begin(), bucket.resting.end(), true) != bucket.resting.end();
    if (!used && bucket.passing == 0 && !bucket.overflow) buckets_.erase(found);
  }
  leaving_.clear();
  return any;
}

size_t FrontendTable::placed() const {
  return static_cast<size_t>(std::ranges::count_if(entries_, [](const auto& entry) { return entry.second.placed(); }));
}

void FrontendTable::store_value(FrontendEntry& entry, const FrontendClaim& claim, ChangeList& changes) {
  const FrontendLayout layout = frontend_layout(family_);
  entry.service = claim.service;
  entry.flags = claim.flags;
  const std::array<uint32_t, 2> value{claim.service, claim.flags};
  changes.store(Stage::kFrontends, layout.table, entry.position / WG_FRONTEND_WAYS,
                entry.position % WG_FRONTEND_WAYS * layout.way_size + layout.value_offset, value);
}

// Stores the key word as the entry in that way, if any, and the bucket's overflow bit say it.
void FrontendTable::store_key(uint32_t position, Stage stage, ChangeList& changes) {
  const Bucket& bucket = buckets_[position / WG_FRONTEND_WAYS];
  const uint32_t index = position % WG_FRONTEND_WAYS;
  FrontendWay way;
  if (const FrontendEntry* entry = bucket.way[index]) {
    way.address = entry->key.address;
    way.port = entry->key.port;
    way.protocol = static_cast<uint8_t>(entry->key.protocol);
    way.kind = entry->live ? WG_FRONTEND_LIVE : WG_FRONTEND_TOMBSTONE;
  }
  if (index == 0 && bucket.overflow) way.kind |= WG_FRONTEND_OVERFLOW;
  const FrontendLayout layout = frontend_layout(family_);
  changes.store(stage, layout.table, position / WG_FRONTEND_WAYS, index * layout.way_size + layout.key_offset,
                frontend_key_word(family_, way));
}

void FrontendTable::store_overflow(uint32_t bucket, Stage stage, ChangeList& changes) {
  Bucket& entry = buckets_[bucket];
  const bool wanted = entry.passing > 0;
  if (entry.overflow == wanted) return;
  entry.overflow = wanted;
  store_key(bucket * WG_FRONTEND_WAYS, stage, changes);
}

void FrontendTable::adopt_way(uint32_t position, const FrontendWay& way, std::vector<FrontendEntry*>& found) {
  const uint8_t kind = way.kind & WG_FRONTEND_KIND_MASK;
  const FrontendKey key{way.address, way.port, static_cast<Protocol>(way.protocol)};
  const uint32_t passed = (position / WG_FRONTEND_WAYS - home(key)) & mask_;
  const bool is_known = kind == WG_FRONTEND_LIVE || kind == WG_FRONTEND_TOMBSTONE;
  const bool leads = way.service > 0 && way.service < services_;
  if (!is_known || !leads || passed >= WG_FRONTEND_PROBES || entries_.contains(key)) {
    broken_.push_back(position);
    return;
  }
  FrontendEntry& entry = this->entry(key);
  settle(entry, position);
  gate_.adopt_user(gate_hash(key));
  entry.live = kind == WG_FRONTEND_LIVE;
  entry.service = way.service;
  entry.flags = way.flags;
  if (!entry.live) tombstones_.emplace(position, &entry);
  found.push_back(&entry);
}

std::vector<FrontendEntry*> FrontendTable::adopt(std::span<const std::byte> content) {
  const size_t way_size = frontend_layout(family_).way_size;
  std::vector<FrontendEntry*> found;
  for (uint32_t position = 0; position < (mask_ + 1) * WG_FRONTEND_WAYS; ++position) {
    const FrontendWay way = read_way(family_, content.data() + position * way_size);
    if (way.kind == 0) continue;
    if (way.kind & WG_FRONTEND_OVERFLOW && position % WG_FRONTEND_WAYS == 0) {
      buckets_[position / WG_FRONTEND_WAYS].overflow = true;
    }
    if ((way.kind & WG_FRONTEND_KIND_MASK) != 0) adopt_way(position, way, found);
  }
  for (const auto& [index, bucket] : buckets_) {
    if (bucket.overflow != (bucket.passing > 0)) broken_overflows_.push_back(index);
  }
  return found;
}

void FrontendTable::repair(ChangeList& changes) {
  for (const uint32_t position : broken_) {
    rest(position);
    store_key(position, Stage::kTombstones, changes);
  }
  for (const uint32_t bucket : broken_overflows_) store_overflow(bucket, Stage::kTombstones, changes);
  broken_.clear();
  broken_overflows_.clear();
}

}  // namespace waggle
