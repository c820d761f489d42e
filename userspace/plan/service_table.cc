// SPDX-License-Identifier: Apache-2.0
#include "plan/service_table.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

#include "plan/service_object.h"

namespace waggle {
namespace {

constexpr uint32_t kGenerationMask = (1u << WG_SET_GENERATION_BITS) - 1;

constexpr uint32_t kPolicies = WG_SERVICE_INTERNAL_LOCAL | WG_SERVICE_EXTERNAL_LOCAL;

// The flags while frontends move. A local policy that has no local backend serves nobody: where it ends it must not
// wait until the frontends have moved, or one that comes to this service would find it dropping; where it begins it
// must wait, or one that leaves this service would.
uint32_t flags_while_frontends_move(const wg_service& raw, uint32_t wanted, bool cluster_will_serve) {
  if (wg_set_count(raw.local_set) != 0) return raw.flags | wanted;
  const uint32_t ending = cluster_will_serve ? raw.flags & ~wanted & kPolicies : 0;
  const bool waits = raw.flags != 0 && wg_set_count(raw.cluster_set) != 0;
  const uint32_t beginning = waits ? wanted & ~raw.flags & kPolicies : 0;
  return (raw.flags & ~ending) | (wanted & ~beginning);
}

}  // namespace

// What happens to one set word. Nothing (`changed` false), or another word over `members` in a range of its own.
struct ServiceTable::SetChange {
  bool changed = false;
  uint64_t word = 0;
  std::vector<uint32_t> members;
};

std::optional<uint32_t> ServiceTable::take() {
  const auto index = pool_.take();
  if (!index) return std::nullopt;
  if (*index >= entries_.size()) entries_.resize(*index + 1);
  entries_[*index].in_use = true;
  return index;
}

void ServiceTable::give_back(uint32_t index) {
  const wg_service raw = entries_[index].raw;
  entries_[index] = ServiceEntry{};
  entries_[index].raw = raw;
  pool_.give_back(index);
}

// The backend each endpoint has already, 0 for those that need a new one.
std::vector<uint32_t> ServiceTable::match(const ServiceEntry& entry,
                                          const std::vector<WantedEndpoint>& endpoints) const {
  std::vector<uint32_t> ids(endpoints.size());
  auto known = entry.backends.begin();
  for (size_t place = 0; place < endpoints.size(); ++place) {
    const WantedEndpoint& endpoint = endpoints[place];
    const auto order = [&](uint32_t id) { return compare_places(backends_.at(id), endpoint.address, endpoint.port); };
    while (known != entry.backends.end() && order(*known) < 0) ++known;
    if (known != entry.backends.end() && order(*known) == 0) ids[place] = *known++;
  }
  return ids;
}

// Nothing if there is no room for the new range.
std::optional<ServiceTable::SetChange> ServiceTable::prepare(uint64_t word, bool held,
                                                             const std::vector<uint32_t>& places,
                                                             const std::vector<uint32_t>& ids) {
  SetChange change;
  change.members.reserve(places.size());
  for (const uint32_t place : places) change.members.push_back(ids[place]);
  const uint32_t count = static_cast<uint32_t>(change.members.size());
  const bool same =
      wg_set_count(word) == count && (count == 0 || (held && std::equal(change.members.begin(), change.members.end(),
                                                                        slots_.begin() + wg_set_base(word))));
  if (same) return change;
  change.changed = true;
  const uint32_t generation = (wg_set_generation(word) + 1) & kGenerationMask;
  uint32_t base = 0;
  if (count > 0) {
    const auto range = count < 1u << WG_SET_COUNT_BITS ? ranges_.take(count) : std::nullopt;
    if (!range) return std::nullopt;
    base = *range;
  }
  change.word = wg_set_make(base, count, generation);
  return change;
}

void ServiceTable::cancel(const SetChange& change) {
  if (change.changed && !change.members.empty()) {
    ranges_.give_back(wg_set_base(change.word), wg_set_count(change.word));
  }
}

Result<void> ServiceTable::update(uint32_t index, const WantedService& wanted, ChangeList& changes) {
  ServiceEntry& entry = entries_[index];
  if (!source_ranges_.has_room(index, wanted.source_ranges)) {
    return failure(
        fmt::format("there is no room for its {} source ranges in table source_ranges", wanted.source_ranges.size()));
  }
  std::vector<uint32_t> ids = match(entry, wanted.sets.endpoints);
  const auto missing = static_cast<size_t>(std::count(ids.begin(), ids.end(), 0u));
  const auto created = backends_.take(missing);
  if (!created) return failure(fmt::format("there is no room for {} more backends in table backends", missing));
  auto next = created->begin();
  for (uint32_t& id : ids) {
    if (id == 0) id = *next++;
  }
  const auto cluster = prepare(entry.raw.cluster_set, entry.cluster_held, wanted.sets.cluster, ids);
  const auto local = cluster ? prepare(entry.raw.local_set, entry.local_held, wanted.sets.local, ids) : std::nullopt;
  if (!local) {
    if (cluster) cancel(*cluster);
    backends_.give_back(*created);
    return failure(fmt::format("there is no room for its {} backends in table slots", ids.size()));
  }
  buried_.erase(index);
  store_kind(index, wanted, changes);
  publish_backends(index, wanted, ids, *created, changes);
  write_slots(*cluster, changes);
  write_slots(*local, changes);
  source_ranges_.replace(index, wanted.source_ranges, changes);
  publish_words(index, wanted, *cluster, *local, changes);
  publish_name(index, wanted, changes);
  return {};
}

// Both lists are in order of place, so the ids that stay come up in the same order in both.
void ServiceTable::publish_backends(uint32_t index, const WantedService& wanted, const std::vector<uint32_t>& ids,
                                    const std::vector<uint32_t>& created, ChangeList& changes) {
  ServiceEntry& entry = entries_[index];
  const BackendOwner owner{index, wanted.protocol, wanted.family};
  auto next = created.begin();
  auto known = entry.backends.begin();
  for (size_t place = 0; place < ids.size(); ++place) {
    const WantedEndpoint& endpoint = wanted.sets.endpoints[place];
    if (next != created.end() && ids[place] == *next) {
      backends_.publish(*next++, owner, endpoint, changes);
      continue;
    }
    while (*known != ids[place]) backends_.leave(*known++, changes);
    backends_.refresh(*known++, endpoint, changes);
  }
  while (known != entry.backends.end()) backends_.leave(*known++, changes);
  add_backends(entry, created);
}

void ServiceTable::add_backends(ServiceEntry& entry, const std::vector<uint32_t>& created) {
  const auto middle = static_cast<std::ptrdiff_t>(entry.backends.size());
  entry.backends.insert(entry.backends.end(), created.begin(), created.end());
  std::inplace_merge(entry.backends.begin(), entry.backends.begin() + middle, entry.backends.end(),
                     [this](uint32_t a, uint32_t b) { return backends_.is_before(a, b); });
}

void ServiceTable::write_slots(const SetChange& change, ChangeList& changes) {
  if (!change.changed || change.members.empty()) return;
  const uint32_t base = wg_set_base(change.word);
  if (slots_.size() < base + change.members.size()) slots_.resize(base + change.members.size());
  for (uint32_t place = 0; place < change.members.size(); ++place) {
    uint32_t& slot = slots_[base + place];
    if (slot == change.members[place]) continue;
    slot = change.members[place];
    changes.store(Stage::kSlots, Table::kSlots, base + place, 0, wg_slot{slot, 0});
  }
}

void ServiceTable::store_set(uint32_t index, bool local, const SetChange& change, Stage stage, ChangeList& changes) {
  ServiceEntry& entry = entries_[index];
  __u64& word = local ? entry.raw.local_set : entry.raw.cluster_set;
  bool& held = local ? entry.local_held : entry.cluster_held;
  if (held) ranges_.retire(wg_set_base(word), wg_set_count(word));
  held = !change.members.empty();
  word = change.word;
  changes.store(stage, Table::kServices, index,
                local ? offsetof(wg_service, local_set) : offsetof(wg_service, cluster_set), word);
}

void ServiceTable::store_flags(uint32_t index, uint32_t flags, uint32_t affinity_timeout_s, Stage stage,
                               ChangeList& changes) {
  wg_service& raw = entries_[index].raw;
  if (raw.flags == flags && raw.affinity_timeout_s == affinity_timeout_s) return;
  raw.flags = flags;
  raw.affinity_timeout_s = affinity_timeout_s;
  const std::array<uint32_t, 2> word{flags, affinity_timeout_s};
  changes.store(stage, Table::kServices, index, offsetof(wg_service, flags), word);
}

// Protocol, family and algorithm are fixed for as long as the index is in use. Affinity that begins does so in an epoch
// of its own, which stands there before the timeout does: nothing remembered earlier counts (contract K-66). A release
// keeps the epoch, so not even an index's next service can meet what was remembered for this one.
void ServiceTable::store_kind(uint32_t index, const WantedService& wanted, ChangeList& changes) {
  wg_service& raw = entries_[index].raw;
  wg_service kind{};
  kind.protocol = static_cast<uint8_t>(wanted.protocol);
  kind.family = static_cast<uint8_t>(wanted.family);
  kind.algorithm = WG_ALGORITHM_RANDOM;
  const bool begins = raw.affinity_timeout_s == 0 && wanted.affinity_timeout_s != 0;
  kind.affinity_epoch = raw.affinity_epoch + (begins ? 1 : 0);
  if (raw.protocol == kind.protocol && raw.family == kind.family && raw.algorithm == kind.algorithm && !begins) return;
  raw.protocol = kind.protocol;
  raw.family = kind.family;
  raw.algorithm = kind.algorithm;
  raw.affinity_epoch = kind.affinity_epoch;
  uint64_t word = 0;
  std::memcpy(&word, reinterpret_cast<const std::byte*>(&kind) + offsetof(wg_service, protocol), sizeof word);
  changes.store(Stage::kServices, Table::kServices, index, offsetof(wg_service, protocol), word);
}

// In steps, so that no reader finds a policy whose set is not there yet, or an empty set that rejects where it should
// only drop: HAS_ENDPOINTS comes before the first backend and goes after the last one.
void ServiceTable::publish_words(uint32_t index, const WantedService& wanted, const SetChange& cluster,
                                 const SetChange& local, ChangeList& changes) {
  const wg_service& raw = entries_[index].raw;
  const uint32_t has = (raw.flags | wanted.flags) & WG_SERVICE_HAS_ENDPOINTS;
  const auto store_sets = [&](bool empty, Stage stage) {
    if (cluster.changed && cluster.members.empty() == empty) store_set(index, false, cluster, stage, changes);
    if (local.changed && local.members.empty() == empty) store_set(index, true, local, stage, changes);
  };
  if (raw.flags != 0) store_flags(index, raw.flags | has, raw.affinity_timeout_s, Stage::kServices, changes);
  store_sets(false, Stage::kServices);
  const bool cluster_will_serve = cluster.changed ? !cluster.members.empty() : wg_set_count(raw.cluster_set) != 0;
  store_flags(index, flags_while_frontends_move(raw, wanted.flags, cluster_will_serve), wanted.affinity_timeout_s,
              Stage::kServices, changes);
  store_flags(index, wanted.flags | has, wanted.affinity_timeout_s, Stage::kNarrowedServices, changes);
  store_sets(true, Stage::kNarrowedServices);
  store_flags(index, wanted.flags, wanted.affinity_timeout_s, Stage::kNarrowedServices, changes);
}

void ServiceTable::publish_name(uint32_t index, const WantedService& wanted, ChangeList& changes) {
  ServiceEntry& entry = entries_[index];
  if (entry.named && entry.named_port == wanted.port) return;
  entry.named = true;
  entry.named_port = wanted.port;
  const auto name = std::make_shared<wg_service_name>();
  entry.object->name.name_space.copy(name->name_space, sizeof name->name_space - 1);
  entry.object->name.name.copy(name->name, sizeof name->name - 1);
  wanted.port_name.copy(name->port_name, sizeof name->port_name - 1);
  name->port = htons(wanted.port);
  changes.store_name(Stage::kNames, index, name);
}

void ServiceTable::bury(uint32_t index, ChangeList& changes) {
  ServiceEntry& entry = entries_[index];
  if (!buried_.insert(index).second) return;
  entry.buried = changes.epoch();
  changes.note_unreachable();
  for (const bool local : {false, true}) {
    const uint64_t word = local ? entry.raw.local_set : entry.raw.cluster_set;
    if (wg_set_count(word) == 0) continue;
    const uint32_t generation = (wg_set_generation(word) + 1) & kGenerationMask;
    store_set(index, local, {.changed = true, .word = wg_set_make(0, 0, generation), .members = {}},
              Stage::kNarrowedServices, changes);
  }
  store_flags(index, entry.raw.flags & WG_SERVICE_LIVE, 0, Stage::kNarrowedServices, changes);
  source_ranges_.replace(index, {}, changes);
  for (const uint32_t id : entry.backends) backends_.leave(id, changes);
}

void ServiceTable::repair(ChangeList& changes) {
  std::set<uint32_t> strangers;
  for (const SourceRangeEntry& entry : source_ranges_.entries()) {
    if (entry.service >= size() || !entries_[entry.service].in_use) strangers.insert(entry.service);
  }
  for (const uint32_t index : strangers) source_ranges_.clear(index, changes);
}

bool ServiceTable::holds_its_sets(uint32_t index) const {
  const ServiceEntry& entry = entries_[index];
  return (entry.cluster_held || wg_set_count(entry.raw.cluster_set) == 0) &&
         (entry.local_held || wg_set_count(entry.raw.local_set) == 0);
}

void ServiceTable::release_backends(const std::vector<uint32_t>& backends, ChangeList& changes) {
  std::set<uint32_t> owners;
  for (const uint32_t backend : backends) {
    const uint32_t owner = backends_.at(backend).service;
    backends_.release(backend, entries_[owner].family(), changes);
    owners.insert(owner);
  }
  for (const uint32_t owner : owners) {
    std::erase_if(entries_[owner].backends,
                  [this](uint32_t backend) { return backends_.at(backend).state == WG_BACKEND_EMPTY; });
  }
}

void ServiceTable::release(uint32_t index, ChangeList& changes) {
  ServiceEntry& entry = entries_[index];
  wg_service left{};
  left.affinity_epoch = entry.raw.affinity_epoch;
  const auto words = std::bit_cast<std::array<uint64_t, 4>>(entry.raw);
  const auto wanted = std::bit_cast<std::array<uint64_t, 4>>(left);
  for (const size_t word : {2u, 0u, 1u, 3u}) {  // the flags first: a crash between must not leave it LIVE
    if (words[word] == wanted[word]) continue;
    changes.store(Stage::kLeftovers, Table::kServices, index, word * sizeof(uint64_t), wanted[word]);
  }
  if (entry.named) changes.store_name(Stage::kLeftovers, index, nullptr);
  entry = ServiceEntry{};
  entry.raw = left;
  buried_.erase(index);
  pool_.retire(index);
}

void ServiceTable::grace_began() {
  pool_.grace_began();
  ranges_.grace_began();
}

bool ServiceTable::grace_passed() {
  const bool indexes = pool_.grace_passed();
  return ranges_.grace_passed() || indexes;
}

}  // namespace waggle
