// SPDX-License-Identifier: Apache-2.0
// Does a table still say what was written there (architecture.md, invariant 7)? Places that were never used are not
// looked at: nothing leads there.
#include <algorithm>
#include <cstring>

#include "plan/planner_impl.h"

namespace waggle {
namespace {

template <typename Entry>
bool begins_with(std::span<const std::byte> content, std::span<const Entry> entries) {
  const auto bytes = std::as_bytes(entries);
  return bytes.size() <= content.size() && std::memcmp(content.data(), bytes.data(), bytes.size()) == 0;
}

}  // namespace

bool Gate::stands_in(std::span<const std::byte> content) const { return begins_with<uint64_t>(content, stored_); }

// Of an empty entry only its state matters.
bool BackendTable::stands_in(std::span<const std::byte> content) const {
  for (size_t index = 0; index < entries_.size(); ++index) {
    wg_backend found;
    std::memcpy(&found, content.data() + index * sizeof found, sizeof found);
    const bool is_empty = entries_[index].state == WG_BACKEND_EMPTY;
    if (is_empty ? found.state != WG_BACKEND_EMPTY : std::memcmp(&found, &entries_[index], sizeof found) != 0) {
      return false;
    }
  }
  return true;
}

bool ServiceTable::services_stand_in(std::span<const std::byte> content) const {
  for (size_t index = 0; index < entries_.size(); ++index) {
    if (std::memcmp(content.data() + index * sizeof(wg_service), &entries_[index].raw, sizeof(wg_service)) != 0) {
      return false;
    }
  }
  return true;
}

bool ServiceTable::slots_stand_in(std::span<const std::byte> content) const {
  for (size_t place = 0; place < slots_.size(); ++place) {
    wg_slot found;
    std::memcpy(&found, content.data() + place * sizeof found, sizeof found);
    if (found.backend != slots_[place]) return false;
  }
  return true;
}

bool FrontendTable::stands_in(std::span<const std::byte> content) const {
  size_t placed = 0;
  const size_t way_size = frontend_layout(family_).way_size;
  for (uint32_t position = 0; position < (mask_ + 1) * WG_FRONTEND_WAYS; ++position) {
    const FrontendWay way = read_way(family_, content.data() + position * way_size);
    const uint8_t kind = way.kind & WG_FRONTEND_KIND_MASK;
    if (kind == WG_FRONTEND_EMPTY) continue;
    const auto known = entries_.find({way.address, way.port, static_cast<Protocol>(way.protocol)});
    if (known == entries_.end()) return false;
    const FrontendEntry& entry = known->second;
    const bool same = entry.position == position && entry.service == way.service && entry.flags == way.flags &&
                      kind == (entry.live ? WG_FRONTEND_LIVE : WG_FRONTEND_TOMBSTONE);
    if (!same) return false;
    ++placed;
  }
  return placed == this->placed();
}

Result<bool> Planner::stands_in(TableStore& store, Table table) const {
  if (table == Table::kServiceNames) return true;  // only people read it
  if (table == Table::kSourceRanges) {
    return store.source_ranges().map([this](const std::vector<SourceRangeEntry>& entries) {
      return impl_->services.source_ranges().stands_in(entries);
    });
  }
  const auto content = store.content(table);
  if (!content) return tl::unexpected(content.error());
  switch (table) {
    case Table::kFrontends4:
      return impl_->frontends4.stands_in(*content);
    case Table::kFrontends6:
      return impl_->frontends6.stands_in(*content);
    case Table::kServices:
      return impl_->services.services_stand_in(*content);
    case Table::kSlots:
      return impl_->services.slots_stand_in(*content);
    case Table::kBackends:
      return impl_->backends.stands_in(*content);
    case Table::kFrontendGate:
      return impl_->frontend_gate.stands_in(*content);
    case Table::kReplyGate:
      return impl_->backends.gate_stands_in(*content);
    case Table::kServiceNames:
    case Table::kSourceRanges:
      break;
  }
  return true;
}

}  // namespace waggle
