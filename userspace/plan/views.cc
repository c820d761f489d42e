// SPDX-License-Identifier: Apache-2.0
// Tables joined into plain values. A service's parts are read one table after the other while the agent may be writing,
// so what does not fit together is left out, never trusted as an index.
#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "plan/dump.h"
#include "plan/frontend_layout.h"
#include "plan/table_views.h"

namespace waggle {
namespace {

ServiceView service_of(uint32_t index, const wg_service& raw) {
  ServiceView view;
  view.index = index;
  view.protocol = static_cast<Protocol>(raw.protocol);
  view.family = static_cast<Family>(raw.family);
  view.flags = raw.flags;
  view.affinity_timeout_s = raw.affinity_timeout_s;
  view.affinity_epoch = raw.affinity_epoch;
  return view;
}

struct RawSets {
  uint64_t cluster = 0;
  uint64_t local = 0;
};

BackendView backend_of(uint32_t index, const wg_backend& raw, Family family) {
  BackendView view;
  view.index = index;
  view.service = raw.service;
  view.address = IpAddress::from_words(family, raw.address);
  view.port = ntohs(raw.port);
  view.protocol = static_cast<Protocol>(raw.protocol);
  view.state = static_cast<wg_backend_state>(raw.state);
  view.local = (raw.flags & WG_BACKEND_LOCAL) != 0;
  view.in_cluster = (raw.flags & WG_BACKEND_IN_CLUSTER) != 0;
  view.in_local = (raw.flags & WG_BACKEND_IN_LOCAL) != 0;
  view.generation = raw.generation;
  return view;
}

FrontendView frontend_of(uint32_t position, const FrontendWay& way) {
  FrontendView view;
  view.position = position;
  view.address = way.address;
  view.port = way.port;
  view.protocol = static_cast<Protocol>(way.protocol);
  view.kind = static_cast<wg_frontend_kind>(way.kind & WG_FRONTEND_KIND_MASK);
  view.overflow = (way.kind & WG_FRONTEND_OVERFLOW) != 0;
  view.external = (way.flags & WG_FRONTEND_EXTERNAL) != 0;
  view.node_port = (way.flags & WG_FRONTEND_NODE_PORT) != 0;
  view.filtered = (way.flags & WG_FRONTEND_FILTERED) != 0;
  view.doubtful = (way.flags & WG_FRONTEND_DOUBTFUL) != 0;
  view.service = way.service;
  return view;
}

SetView set_of(uint64_t word, const TableEntries<wg_slot>& slots) {
  SetView set{wg_set_base(word), wg_set_generation(word), {}};
  const size_t end = std::min<size_t>(size_t{set.base} + wg_set_count(word), slots.size());
  for (size_t slot = set.base; slot < end; ++slot) set.backends.push_back(slots.at(slot).backend);
  return set;
}

// What the join works on, by service index.
struct Join {
  std::map<uint32_t, ServiceView> services;
  std::map<uint32_t, RawSets> sets;
};

Result<Join> services_of(TableStore& store) {
  const auto raw = table_entries<wg_service>(store, Table::kServices);
  if (!raw) return tl::unexpected(raw.error());
  Join join;
  for (uint32_t index = 1; index < raw->size(); ++index) {
    const wg_service entry = raw->at(index);
    if ((entry.flags & WG_SERVICE_LIVE) == 0) continue;
    join.services.emplace(index, service_of(index, entry));
    join.sets.emplace(index, RawSets{entry.cluster_set, entry.local_set});
  }
  return join;
}

Result<void> add_names(TableStore& store, Join& join) {
  const auto names = store.service_names();
  if (!names) return tl::unexpected(names.error());
  for (const auto& [index, name] : *names) {
    const auto service = join.services.find(index);
    if (service == join.services.end()) continue;
    service->second.name = {field_text(name.name_space), field_text(name.name)};
    service->second.port_name = field_text(name.port_name);
    service->second.port = ntohs(name.port);
  }
  return {};
}

Result<void> add_sets(TableStore& store, Join& join) {
  const auto slots = table_entries<wg_slot>(store, Table::kSlots);
  if (!slots) return tl::unexpected(slots.error());
  for (auto& [index, service] : join.services) {
    service.cluster_set = set_of(join.sets[index].cluster, *slots);
    service.local_set = set_of(join.sets[index].local, *slots);
  }
  return {};
}

Result<void> add_frontends(TableStore& store, Join& join) {
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const auto frontends = frontends_view(store, family);
    if (!frontends) return tl::unexpected(frontends.error());
    for (const FrontendView& frontend : *frontends) {
      const auto service = join.services.find(frontend.service);
      if (service != join.services.end() && !frontend.any_port()) service->second.frontends.push_back(frontend);
    }
  }
  return {};
}

Cidr range_of(const SourceRangeEntry& entry, Family family) {
  return {{.family = family, .bytes = entry.address}, entry.prefix_length};
}

Result<void> add_source_ranges(TableStore& store, Join& join) {
  return store.source_ranges().map([&join](const std::vector<SourceRangeEntry>& entries) {
    for (const SourceRangeEntry& entry : entries) {
      const auto service = join.services.find(entry.service);
      if (service == join.services.end()) continue;
      service->second.source_ranges.push_back(range_of(entry, service->second.family));
    }
  });
}

Result<std::vector<BackendView>> backends_of(TableStore& store, const Join& join) {
  const auto raw = table_entries<wg_backend>(store, Table::kBackends);
  if (!raw) return tl::unexpected(raw.error());
  std::vector<BackendView> views;
  for (uint32_t index = 1; index < raw->size(); ++index) {
    const wg_backend entry = raw->at(index);
    if (entry.state == WG_BACKEND_EMPTY || entry.state > WG_BACKEND_GONE) continue;
    const auto service = join.services.find(entry.service);
    views.push_back(backend_of(index, entry, service == join.services.end() ? Family::kIpv4 : service->second.family));
  }
  return views;
}

Result<void> add_backends(TableStore& store, Join& join) {
  return backends_of(store, join).map([&join](const std::vector<BackendView>& backends) {
    for (const BackendView& backend : backends) {
      const auto service = join.services.find(backend.service);
      if (service != join.services.end()) service->second.backends.push_back(backend);
    }
  });
}

template <typename Place>
bool is_before_by_text(const Place& a, const Place& b) {
  return address_port_text(a.address, a.port) < address_port_text(b.address, b.port);
}

std::vector<ServiceView> sorted(Join&& join) {
  std::vector<ServiceView> services;
  for (auto& [index, service] : join.services) {
    std::stable_sort(service.frontends.begin(), service.frontends.end(), is_before_by_text<FrontendView>);
    std::stable_sort(service.backends.begin(), service.backends.end(), is_before_by_text<BackendView>);
    std::ranges::sort(service.source_ranges, {}, &Cidr::text);
    services.push_back(std::move(service));
  }
  std::stable_sort(services.begin(), services.end(), [](const ServiceView& a, const ServiceView& b) {
    return std::tie(a.name, a.port_name, a.protocol, a.family) < std::tie(b.name, b.port_name, b.protocol, b.family);
  });
  return services;
}

}  // namespace

Result<std::vector<ServiceView>> services_view(TableStore& store) {
  auto join = services_of(store);
  if (!join) return tl::unexpected(join.error());
  return add_names(store, *join)
      .and_then([&] { return add_sets(store, *join); })
      .and_then([&] { return add_frontends(store, *join); })
      .and_then([&] { return add_source_ranges(store, *join); })
      .and_then([&] { return add_backends(store, *join); })
      .map([&] { return sorted(std::move(*join)); });
}

Result<std::vector<BackendView>> backends_view(TableStore& store) {
  return services_of(store).and_then([&store](const Join& join) { return backends_of(store, join); });
}

Result<std::vector<FrontendView>> frontends_view(TableStore& store, Family family) {
  const FrontendLayout layout = frontend_layout(family);
  const auto bytes = store.content(layout.table);
  if (!bytes) return tl::unexpected(Error(bytes.error()).in(table_name(layout.table)));
  std::vector<FrontendView> views;
  const size_t positions = bytes->size() / layout.way_size;
  for (uint32_t position = 0; position < positions; ++position) {
    const FrontendWay way = read_way(family, bytes->data() + position * layout.way_size);
    const uint8_t kind = way.kind & WG_FRONTEND_KIND_MASK;
    if (kind == WG_FRONTEND_LIVE || kind == WG_FRONTEND_TOMBSTONE) views.push_back(frontend_of(position, way));
  }
  return views;
}

std::string service_port_text(const ServiceView& service) {
  if (service.name.name.empty()) return fmt::format("service {}", service.index);
  return service.port_name.empty() ? service.name.text() : service.name.text() + ":" + service.port_name;
}

std::string_view backend_state_name(wg_backend_state state) {
  static constexpr std::array<std::string_view, 4> kNames = {"empty", "active", "terminating", "gone"};
  return kNames[state];
}

std::string_view frontend_kind_name(wg_frontend_kind kind) {
  static constexpr std::array<std::string_view, 3> kNames = {"empty", "live", "tombstone"};
  return kNames[kind];
}

std::string service_flags_text(uint32_t flags) {
  static constexpr std::array<std::pair<uint32_t, std::string_view>, 4> kNames = {
      {{WG_SERVICE_INTERNAL_LOCAL, "internal-local"},
       {WG_SERVICE_EXTERNAL_LOCAL, "external-local"},
       {WG_SERVICE_HAS_ENDPOINTS, "has-endpoints"},
       {WG_SERVICE_NODE_ALLOWED, "node-allowed"}}};
  std::string text;
  for (const auto& [bit, name] : kNames) {
    if ((flags & bit) == 0) continue;
    if (!text.empty()) text += ',';
    text += name;
  }
  return text.empty() ? "-" : text;
}

std::optional<Table> table_by_name(std::string_view name) {
  for (uint8_t table = 0; table < kTableCount; ++table) {
    if (table_name(static_cast<Table>(table)) == name) return static_cast<Table>(table);
  }
  return std::nullopt;
}

}  // namespace waggle
