// SPDX-License-Identifier: Apache-2.0
// What the planner says of the tables to those who count: which services there are, and how full the tables are.
#include <algorithm>

#include "plan/planner_impl.h"

namespace waggle {

std::vector<ServiceIdentity> Planner::services() const {
  std::vector<ServiceIdentity> all;
  for (const auto& [name, object] : impl_->objects) {
    for (const uint32_t index : object.indexes) {
      const ServiceEntry& entry = impl_->services.at(index);
      all.push_back({index, name, entry.port_name, entry.protocol(), entry.family()});
    }
  }
  return all;
}

std::vector<TableUse> Planner::table_use() const {
  const TableSizes& sizes = impl_->config.sizes;
  uint64_t services = 0, slots = 0, backends = 0;
  for (uint32_t index = 1; index < impl_->services.size(); ++index) {
    const ServiceEntry& entry = impl_->services.at(index);
    services += entry.in_use ? 1 : 0;
    slots += entry.cluster_held ? wg_set_count(entry.raw.cluster_set) : 0;
    slots += entry.local_held ? wg_set_count(entry.raw.local_set) : 0;
  }
  for (uint32_t index = 1; index < impl_->backends.size(); ++index) {
    backends += impl_->backends.at(index).state != WG_BACKEND_EMPTY ? 1 : 0;
  }
  const auto ways = [](uint32_t buckets) { return uint64_t{buckets} * WG_FRONTEND_WAYS; };
  return {{Table::kFrontends4, impl_->frontends4.placed(), ways(sizes.frontend_buckets4)},
          {Table::kFrontends6, impl_->frontends6.placed(), ways(sizes.frontend_buckets6)},
          {Table::kServices, services, sizes.services},
          {Table::kSlots, slots, sizes.slots},
          {Table::kBackends, backends, sizes.backends},
          {Table::kSourceRanges, impl_->services.source_ranges().used(), sizes.source_ranges}};
}

}  // namespace waggle
