// SPDX-License-Identifier: Apache-2.0
// How the service table takes over what a previous run left in the tables.
#include <algorithm>

#include "plan/service_table.h"

namespace waggle {

void ServiceTable::adopt_slots(std::span<const wg_slot> slots) {
  size_t used = slots.size();
  while (used > 0 && slots[used - 1].backend == 0) --used;
  slots_.resize(used);
  std::transform(slots.begin(), slots.begin() + static_cast<std::ptrdiff_t>(used), slots_.begin(),
                 [](const wg_slot& slot) { return slot.backend; });
}

void ServiceTable::adopt_services(std::span<const wg_service> services) {
  const wg_service empty{};
  size_t used = services.size();
  while (used > 0 && std::memcmp(&services[used - 1], &empty, sizeof empty) == 0) --used;
  entries_.resize(used);
  for (size_t index = 1; index < used; ++index) {
    entries_[index].raw = services[index];
    entries_[index].in_use = (services[index].flags & WG_SERVICE_LIVE) != 0;
  }
}

ServiceEntry& ServiceTable::adopt_use(uint32_t index) {
  if (index >= entries_.size()) entries_.resize(index + 1);
  entries_[index].in_use = true;
  return entries_[index];
}

void ServiceTable::adopt_backend(uint32_t backend) {
  ServiceEntry& entry = adopt_use(backends_.at(backend).service);
  entry.backends.push_back(backend);
  backends_.adopt_family(backend, entry.family());
}

// True if the slots of the range are this service's own and nobody else holds them: else it is published anew.
bool ServiceTable::adopt_set(uint32_t index, uint64_t word) {
  const uint32_t base = wg_set_base(word);
  const uint32_t count = wg_set_count(word);
  if (count == 0 || uint64_t{base} + count > slots_.size()) return false;
  const auto is_ours = [this, index](uint32_t id) {
    return id < backends_.size() && backends_.at(id).state != WG_BACKEND_EMPTY && backends_.at(id).service == index;
  };
  const auto first = slots_.begin() + base;
  return std::all_of(first, first + count, is_ours) && ranges_.reserve(base, count);
}

void ServiceTable::adopt_sets() {
  for (uint32_t index = 1; index < size(); ++index) {
    ServiceEntry& entry = entries_[index];
    std::stable_sort(entry.backends.begin(), entry.backends.end(),
                     [this](uint32_t a, uint32_t b) { return backends_.is_before(a, b); });
    entry.cluster_held = adopt_set(index, entry.raw.cluster_set);
    entry.local_held = adopt_set(index, entry.raw.local_set);
  }
}

void ServiceTable::adopt_free_indexes() {
  pool_.adopt(std::max(size(), 1u) - 1, [this](uint32_t index) { return !entries_[index].in_use; });
}

}  // namespace waggle
