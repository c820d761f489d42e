// SPDX-License-Identifier: Apache-2.0
// The planner's copy of `services`, `slots` and of what `service_names` knows: which backends each service index has
// and which of them stand in its sets. Owned by the planner. Memory for indexes that were ever in use.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "plan/backend_table.h"
#include "plan/slot_ranges.h"
#include "plan/source_range_table.h"
#include "plan/wanted.h"

namespace waggle {

struct FrontendEntry;
struct ServiceObject;

struct ServiceClaim {
  FrontendEntry* frontend = nullptr;
  uint32_t flags = 0;  // WG_FRONTEND_*
  ClaimKind kind = ClaimKind::kClusterIp;

  bool operator==(const ServiceClaim&) const = default;
};

struct ServiceEntry {
  wg_service raw{};                 // what the table says
  ServiceObject* object = nullptr;  // none: a leftover nobody can come back to
  std::string port_name;
  bool in_use = false;
  bool kept = false;          // as a previous run left it, until the source is complete
  bool cluster_held = false;  // the set's range is ours, and its slots say what the mirror says
  bool local_held = false;
  bool named = false;  // service_names has the index
  uint16_t named_port = 0;
  uint32_t buried = 0;             // epoch in which it ceased to be wanted
  uint32_t frontends = 0;          // LIVE and TOMBSTONE ones that name the index
  std::vector<uint32_t> backends;  // all that are not EMPTY, by address and port
  std::vector<ServiceClaim> claims;

  [[nodiscard]] Family family() const { return static_cast<Family>(raw.family); }
  [[nodiscard]] Protocol protocol() const { return static_cast<Protocol>(raw.protocol); }
};

class ServiceTable {
 public:
  ServiceTable(const TableSizes& sizes, BackendTable& backends)
      : backends_(backends), pool_(sizes.services), ranges_(sizes.slots), source_ranges_(sizes.source_ranges) {}

  [[nodiscard]] ServiceEntry& at(uint32_t index) { return entries_[index]; }
  [[nodiscard]] uint32_t size() const { return static_cast<uint32_t>(entries_.size()); }

  std::optional<uint32_t> take();
  void give_back(uint32_t index);
  // Publishes backends, sets, flags and name, or changes nothing and says what there is no room for.
  Result<void> update(uint32_t index, const WantedService& wanted, ChangeList& changes);
  // No longer wanted: empty sets, backends gone. Its frontends lead elsewhere or are tombstones by then.
  void bury(uint32_t index, ChangeList& changes);

  // Its sets say what the mirror says, so that nothing need be published anew.
  [[nodiscard]] bool holds_its_sets(uint32_t index) const;

  // Services that wait to be freed, in order of index.
  [[nodiscard]] const std::set<uint32_t>& buried() const { return buried_; }
  // These backends, all at once.
  void release_backends(const std::vector<uint32_t>& backends, ChangeList& changes);
  void release(uint32_t index, ChangeList& changes);

  // What the tables hold is what was written.
  [[nodiscard]] bool services_stand_in(std::span<const std::byte> content) const;
  [[nodiscard]] bool slots_stand_in(std::span<const std::byte> content) const;

  [[nodiscard]] SourceRangeTable& source_ranges() { return source_ranges_; }
  [[nodiscard]] const SourceRangeTable& source_ranges() const { return source_ranges_; }

  [[nodiscard]] bool resting() const { return pool_.resting() || ranges_.resting(); }
  void grace_began();
  bool grace_passed();  // false: nothing became free

  // Adoption. After adopt_slots() and adopt_services(), one adopt_backend() for each that is not EMPTY, then
  // adopt_sets().
  void adopt_slots(std::span<const wg_slot> slots);
  void adopt_services(std::span<const wg_service> services);
  ServiceEntry& adopt_use(uint32_t index);  // something names the index
  void adopt_backend(uint32_t backend);
  void adopt_sets();
  void adopt_free_indexes();
  // Takes away the source ranges of indexes that no service has.
  void repair(ChangeList& changes);

 private:
  struct SetChange;

  std::vector<uint32_t> match(const ServiceEntry& entry, const std::vector<WantedEndpoint>& endpoints) const;
  std::optional<SetChange> prepare(uint64_t word, bool held, const std::vector<uint32_t>& places,
                                   const std::vector<uint32_t>& ids);
  void cancel(const SetChange& change);
  void publish_backends(uint32_t index, const WantedService& wanted, const std::vector<uint32_t>& ids,
                        const std::vector<uint32_t>& created, ChangeList& changes);
  void write_slots(const SetChange& change, ChangeList& changes);
  void publish_words(uint32_t index, const WantedService& wanted, const SetChange& cluster, const SetChange& local,
                     ChangeList& changes);
  void publish_name(uint32_t index, const WantedService& wanted, ChangeList& changes);
  void store_set(uint32_t index, bool local, const SetChange& change, Stage stage, ChangeList& changes);
  void store_flags(uint32_t index, uint32_t flags, uint32_t affinity_timeout_s, Stage stage, ChangeList& changes);
  void store_kind(uint32_t index, const WantedService& wanted, ChangeList& changes);
  void add_backends(ServiceEntry& entry, const std::vector<uint32_t>& created);
  bool adopt_set(uint32_t index, uint64_t word);

  BackendTable& backends_;
  IndexPool pool_;
  SlotRanges ranges_;
  SourceRangeTable source_ranges_;
  std::vector<ServiceEntry> entries_;
  std::vector<uint32_t> slots_;  // what the table says: backend ids, up to the last one ever used
  std::set<uint32_t> buried_;
};

}  // namespace waggle
