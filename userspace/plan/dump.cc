// SPDX-License-Identifier: Apache-2.0
#include "plan/dump.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

#include "plan/table_views.h"

namespace waggle {
namespace {

using Rows = std::vector<Row>;

// Texts for indexes that stand in other tables.
struct Names {
  std::map<uint32_t, std::string> services;
  std::map<uint32_t, std::string> backends;
};

Result<Names> names_of(TableStore& store) {
  Names names;
  return services_view(store).map([&](const std::vector<ServiceView>& services) {
    for (const ServiceView& service : services) {
      names.services[service.index] = fmt::format("{}/{}/{}", service_port_text(service),
                                                  protocol_name(service.protocol), family_name(service.family));
      for (const BackendView& backend : service.backends) {
        names.backends[backend.index] = address_port_text(backend.address, backend.port);
      }
    }
    return std::move(names);
  });
}

std::string name_of(const std::map<uint32_t, std::string>& names, uint32_t index) {
  const auto found = names.find(index);
  return found == names.end() ? "?" : found->second;
}

std::string yes_or_no(bool value) { return value ? "yes" : "no"; }

Result<Rows> frontend_rows(TableStore& store, Family family, DumpIds ids) {
  const auto frontends = frontends_view(store, family);
  const auto names = names_of(store);
  if (!frontends) return tl::unexpected(frontends.error());
  if (!names) return tl::unexpected(names.error());
  Rows rows;
  for (const FrontendView& frontend : *frontends) {
    Row& row = rows.emplace_back();
    if (ids == DumpIds::kShown) row.fields.emplace_back("position", fmt::to_string(frontend.position));
    row.fields.emplace_back("address", frontend.any_port() ? any_port_text(frontend.address)
                                                           : address_port_text(frontend.address, frontend.port));
    row.fields.emplace_back("protocol", frontend.any_port() ? "*" : protocol_name(frontend.protocol));
    row.fields.emplace_back("state", frontend.doubtful ? "doubtful" : frontend_kind_name(frontend.kind));
    row.fields.emplace_back("service", ids == DumpIds::kShown ? fmt::to_string(frontend.service)
                                                              : name_of(names->services, frontend.service));
    row.fields.emplace_back("external", yes_or_no(frontend.external));
    row.fields.emplace_back("node_port", yes_or_no(frontend.node_port));
    row.fields.emplace_back("filtered", yes_or_no(frontend.filtered));
    if (ids == DumpIds::kShown) row.fields.emplace_back("overflow", yes_or_no(frontend.overflow));
  }
  return rows;
}

std::string set_text(const SetView& set, const std::map<uint32_t, std::string>& names, DumpIds ids) {
  if (ids == DumpIds::kShown) return fmt::format("{}+{}@{}", set.base, set.backends.size(), set.generation);
  std::vector<std::string> members;
  for (const uint32_t backend : set.backends) members.push_back(name_of(names, backend));
  return members.empty() ? "-" : fmt::format("{}", fmt::join(members, ","));
}

Result<Rows> service_rows(TableStore& store, DumpIds ids) {
  const auto services = services_view(store);
  const auto names = names_of(store);
  if (!services) return tl::unexpected(services.error());
  if (!names) return tl::unexpected(names.error());
  Rows rows;
  for (const ServiceView& service : *services) {
    Row& row = rows.emplace_back();
    if (ids == DumpIds::kShown) row.fields.emplace_back("index", fmt::to_string(service.index));
    row.fields.emplace_back("name", service_port_text(service));
    row.fields.emplace_back("protocol", protocol_name(service.protocol));
    row.fields.emplace_back("family", family_name(service.family));
    row.fields.emplace_back("port", fmt::to_string(service.port));
    row.fields.emplace_back("flags", service_flags_text(service.flags));
    row.fields.emplace_back("affinity_s", fmt::to_string(service.affinity_timeout_s));
    row.fields.emplace_back("affinity_epoch", fmt::to_string(service.affinity_epoch));
    row.fields.emplace_back("cluster_set", set_text(service.cluster_set, names->backends, ids));
    row.fields.emplace_back("local_set", set_text(service.local_set, names->backends, ids));
  }
  if (ids == DumpIds::kShown) {
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
      return std::stoul(a.fields[0].second) < std::stoul(b.fields[0].second);
    });
  }
  return rows;
}

Result<Rows> backend_rows(TableStore& store, DumpIds ids) {
  const auto backends = backends_view(store);
  const auto names = names_of(store);
  if (!backends) return tl::unexpected(backends.error());
  if (!names) return tl::unexpected(names.error());
  Rows rows;
  for (const BackendView& backend : *backends) {
    Row& row = rows.emplace_back();
    if (ids == DumpIds::kShown) row.fields.emplace_back("index", fmt::to_string(backend.index));
    row.fields.emplace_back("address", address_port_text(backend.address, backend.port));
    row.fields.emplace_back("protocol", protocol_name(backend.protocol));
    row.fields.emplace_back("state", backend_state_name(backend.state));
    row.fields.emplace_back("local", yes_or_no(backend.local));
    row.fields.emplace_back("in_cluster", yes_or_no(backend.in_cluster));
    row.fields.emplace_back("in_local", yes_or_no(backend.in_local));
    row.fields.emplace_back("service", ids == DumpIds::kShown ? fmt::to_string(backend.service)
                                                              : name_of(names->services, backend.service));
    if (ids == DumpIds::kShown) row.fields.emplace_back("generation", fmt::to_string(backend.generation));
  }
  return rows;
}

Result<Rows> slot_rows(TableStore& store, DumpIds ids) {
  const auto slots = table_entries<wg_slot>(store, Table::kSlots);
  if (!slots) return tl::unexpected(slots.error());
  Rows rows;
  for (size_t index = 0; index < slots->size(); ++index) {
    const wg_slot slot = slots->at(index);
    if (slot.backend == 0) continue;
    Row& row = rows.emplace_back();
    if (ids == DumpIds::kShown) row.fields.emplace_back("index", fmt::to_string(index));
    row.fields.emplace_back("backend", ids == DumpIds::kShown ? fmt::to_string(slot.backend) : "*");
  }
  return rows;
}

Result<Rows> gate_rows(TableStore& store, Table table, DumpIds ids) {
  const auto words = table_entries<uint64_t>(store, table);
  if (!words) return tl::unexpected(words.error());
  Rows rows;
  for (size_t index = 0; index < words->size(); ++index) {
    const uint64_t word = words->at(index);
    if (word == 0) continue;
    Row& row = rows.emplace_back();
    if (ids == DumpIds::kShown) row.fields.emplace_back("index", fmt::to_string(index));
    row.fields.emplace_back("bits", ids == DumpIds::kShown ? fmt::format("{:016x}", word) : "*");
  }
  return rows;
}

Result<Rows> name_rows(TableStore& store, DumpIds ids) {
  const auto names = store.service_names();
  if (!names) return tl::unexpected(names.error());
  const std::map<uint32_t, wg_service_name> by_index(names->begin(), names->end());
  Rows rows;
  for (const auto& [index, name] : by_index) {
    Row& row = rows.emplace_back();
    if (ids == DumpIds::kShown) row.fields.emplace_back("index", fmt::to_string(index));
    row.fields.emplace_back("namespace", field_text(name.name_space));
    row.fields.emplace_back("name", field_text(name.name));
    row.fields.emplace_back("port_name", field_text(name.port_name));
    row.fields.emplace_back("port", fmt::to_string(ntohs(name.port)));
  }
  return rows;
}

// By service index, then by text. An entry of no live service has no family, so it is left out.
Result<Rows> source_range_rows(TableStore& store, DumpIds ids) {
  const auto services = services_view(store);
  const auto names = names_of(store);
  if (!services) return tl::unexpected(services.error());
  if (!names) return tl::unexpected(names.error());
  std::map<uint32_t, const ServiceView*> by_index;
  for (const ServiceView& service : *services) by_index.emplace(service.index, &service);
  Rows rows;
  for (const auto& [index, service] : by_index) {
    for (const Cidr& range : service->source_ranges) {
      Row& row = rows.emplace_back();
      row.fields.emplace_back("service",
                              ids == DumpIds::kShown ? fmt::to_string(index) : name_of(names->services, index));
      row.fields.emplace_back("range", range.text());
    }
  }
  return rows;
}

Result<Rows> rows_of(TableStore& store, Table table, DumpIds ids) {
  switch (table) {
    case Table::kFrontends4:
      return frontend_rows(store, Family::kIpv4, ids);
    case Table::kFrontends6:
      return frontend_rows(store, Family::kIpv6, ids);
    case Table::kServices:
      return service_rows(store, ids);
    case Table::kSlots:
      return slot_rows(store, ids);
    case Table::kBackends:
      return backend_rows(store, ids);
    case Table::kFrontendGate:
    case Table::kReplyGate:
      return gate_rows(store, table, ids);
    case Table::kServiceNames:
      return name_rows(store, ids);
    case Table::kSourceRanges:
      return source_range_rows(store, ids);
  }
  return Rows{};
}

}  // namespace

Result<std::vector<Row>> dump_table(TableStore& store, Table table, DumpIds ids) {
  return rows_of(store, table, ids).map([ids](Rows rows) {
    if (ids == DumpIds::kMasked) {
      std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.fields < b.fields; });
    }
    return rows;
  });
}

std::string row_text(const Row& row) {
  std::vector<std::string> parts;
  for (const auto& [name, text] : row.fields) parts.push_back(fmt::format("{}={}", name, text));
  return fmt::format("{}", fmt::join(parts, " "));
}

}  // namespace waggle
