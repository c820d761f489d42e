// SPDX-License-Identifier: Apache-2.0
#include "plan/source_range_table.h"

#include <algorithm>
#include <iterator>

namespace waggle {
namespace {

std::set<SourceRangeEntry> entries_for(uint32_t service, const std::vector<Cidr>& ranges) {
  std::set<SourceRangeEntry> wanted;
  for (const Cidr& range : ranges) wanted.insert({service, range.prefix_length, range.address.bytes});
  return wanted;
}

std::vector<SourceRangeEntry> without(const std::set<SourceRangeEntry>& all, const std::set<SourceRangeEntry>& some) {
  std::vector<SourceRangeEntry> left;
  std::ranges::set_difference(all, some, std::back_inserter(left));
  return left;
}

}  // namespace

std::set<SourceRangeEntry> SourceRangeTable::of(uint32_t service) const {
  return {entries_.lower_bound({service, 0, {}}), entries_.lower_bound({service + 1, 0, {}})};
}

bool SourceRangeTable::has_room(uint32_t service, const std::vector<Cidr>& ranges) const {
  if (ranges.empty()) return true;
  const size_t added = without(entries_for(service, ranges), of(service)).size();
  return entries_.size() + leaving_ + added <= capacity_;
}

void SourceRangeTable::replace(uint32_t service, const std::vector<Cidr>& ranges, ChangeList& changes) {
  const std::set<SourceRangeEntry> before = of(service);
  if (before.empty() && ranges.empty()) return;
  const std::set<SourceRangeEntry> wanted = entries_for(service, ranges);
  for (const SourceRangeEntry& entry : without(wanted, before)) {
    entries_.insert(entry);
    changes.store_range(Stage::kServices, entry, true);
  }
  for (const SourceRangeEntry& entry : without(before, wanted)) remove(entry, Stage::kNarrowedServices, changes);
}

void SourceRangeTable::clear(uint32_t unused, ChangeList& changes) {
  for (const SourceRangeEntry& entry : of(unused)) remove(entry, Stage::kTombstones, changes);
}

void SourceRangeTable::remove(const SourceRangeEntry& entry, Stage stage, ChangeList& changes) {
  entries_.erase(entry);
  ++leaving_;
  changes.store_range(stage, entry, false);
}

}  // namespace waggle
