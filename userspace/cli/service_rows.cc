// SPDX-License-Identifier: Apache-2.0
#include "cli/service_rows.h"

#include <fmt/format.h>

#include <algorithm>

namespace waggle::cli {
namespace {

std::string_view family_name(Family family) { return family == Family::kIpv4 ? "IPv4" : "IPv6"; }

// Leads to one of the service's own names for the port: "http:80", "80".
std::string port_text(const ServiceView& service) {
  if (service.port_name.empty()) return std::to_string(service.port);
  return fmt::format("{}:{}", service.port_name, service.port);
}

Value::List live_frontends(const ServiceView& service) {
  Value::List list;
  for (const FrontendView& frontend : service.frontends)
    if (frontend.kind == WG_FRONTEND_LIVE) list.push_back(address_port_text(frontend.address, frontend.port));
  return list;
}

bool has(const SetView& set, uint32_t backend) {
  return std::ranges::find(set.backends, backend) != set.backends.end();
}

std::string_view policy(uint32_t flags, uint32_t local_bit) { return (flags & local_bit) != 0 ? "Local" : "Cluster"; }

// Backends that can still be given flows or keep some: those gone wait only for their last flow to end.
size_t known_backends(const ServiceView& service) {
  return static_cast<size_t>(std::ranges::count_if(
      service.backends, [](const BackendView& backend) { return backend.state != WG_BACKEND_GONE; }));
}

// Of those that take new flows, the ones on this node.
size_t local_in_use(const ServiceView& service) {
  return static_cast<size_t>(std::ranges::count_if(service.backends, [&](const BackendView& backend) {
    return backend.local && has(service.cluster_set, backend.index);
  }));
}

Section frontend_section(const ServiceView& service) {
  Section section{.key = "frontends", .title = "Frontends"};
  section.table.columns = {{.key = "frontend", .title = "ADDRESS", .show = Show::kText},
                           {.key = "address", .title = "", .show = Show::kData},
                           {.key = "port", .title = "", .show = Show::kData},
                           {.key = "state", .title = "STATE"},
                           {.key = "external", .title = "EXTERNAL"},
                           {.key = "node_port", .title = "NODE-PORT"},
                           {.key = "filtered", .title = "FILTERED"},
                           {.key = "position", .title = "POSITION", .show = Show::kWide}};
  for (const FrontendView& frontend : service.frontends)
    section.table.rows.push_back({address_port_text(frontend.address, frontend.port), frontend.address.text(),
                                  frontend.port, frontend_kind_name(frontend.kind), frontend.external,
                                  frontend.node_port, frontend.filtered, frontend.position});
  return section;
}

Section backend_section(const ServiceView& service) {
  Section section{.key = "backends", .title = "Backends"};
  section.table.columns = {{.key = "backend", .title = "ADDRESS", .show = Show::kText},
                           {.key = "address", .title = "", .show = Show::kData},
                           {.key = "port", .title = "", .show = Show::kData},
                           {.key = "state", .title = "STATE"},
                           {.key = "local", .title = "LOCAL"},
                           {.key = "in_cluster_set", .title = "IN-CLUSTER-SET"},
                           {.key = "in_local_set", .title = "IN-LOCAL-SET"},
                           {.key = "id", .title = "ID", .show = Show::kWide},
                           {.key = "generation", .title = "GENERATION", .show = Show::kWide}};
  for (const BackendView& backend : service.backends)
    section.table.rows.push_back({address_port_text(backend.address, backend.port), backend.address.text(),
                                  backend.port, backend_state_name(backend.state), backend.local,
                                  has(service.cluster_set, backend.index), has(service.local_set, backend.index),
                                  backend.index, backend.generation});
  return section;
}

Section set_section(const ServiceView& service) {
  Section section{.key = "sets", .title = "Backend sets"};
  section.table.columns = {{.key = "set", .title = "SET"},
                           {.key = "backends", .title = "BACKENDS"},
                           {.key = "first_slot", .title = "FIRST-SLOT"},
                           {.key = "generation", .title = "GENERATION"}};
  const auto add = [&](std::string_view name, const SetView& set) {
    section.table.rows.push_back({name, set.backends.size(), set.base, set.generation});
  };
  add("cluster", service.cluster_set);
  add("local", service.local_set);
  return section;
}

// The same for people and for programs: one line of text, or a field for each value in it.
std::vector<Field> identity_fields(const ServiceView& service) {
  const std::string text = fmt::format("{} {}/{} {}", service_port_text(service), service.port,
                                       protocol_name(service.protocol), family_name(service.family));
  return {{.key = "service", .title = "Service", .value = text, .show = Show::kText},
          {.key = "namespace", .title = "", .value = service.name.name_space, .show = Show::kData},
          {.key = "name", .title = "", .value = service.name.name, .show = Show::kData},
          {.key = "port_name", .title = "", .value = service.port_name, .show = Show::kData},
          {.key = "port", .title = "", .value = service.port, .show = Show::kData},
          {.key = "protocol", .title = "", .value = protocol_name(service.protocol), .show = Show::kData},
          {.key = "family", .title = "", .value = family_name(service.family), .show = Show::kData},
          {.key = "id", .title = "Id", .value = service.index, .show = Show::kWide}};
}

// Where new flows go, in words.
std::string usable_text(const ServiceView& service) {
  const size_t ready = service.cluster_set.backends.size();
  const bool elsewhere = (service.flags & WG_SERVICE_HAS_ENDPOINTS) != 0;
  const bool local_only = (service.flags & (WG_SERVICE_INTERNAL_LOCAL | WG_SERVICE_EXTERNAL_LOCAL)) != 0;
  if (ready == 0 && !elsewhere) return "none ready: new flows are refused";
  std::string text = fmt::format("{} of {} take new flows, {} of them on this node", ready, known_backends(service),
                                 local_in_use(service));
  if (local_only && service.local_set.backends.empty()) text += "; what the policy keeps on this node is dropped";
  return text;
}

Value source_ranges(const ServiceView& service) {
  if (service.source_ranges.empty()) return {};
  Value::List list;
  for (const Cidr& range : service.source_ranges) list.push_back(range.text());
  return list;
}

std::vector<Field> policy_fields(const ServiceView& service) {
  const std::string_view internal = policy(service.flags, WG_SERVICE_INTERNAL_LOCAL);
  const std::string_view external = policy(service.flags, WG_SERVICE_EXTERNAL_LOCAL);
  const Value affinity = service.affinity_timeout_s == 0 ? Value() : Value(service.affinity_timeout_s);
  const bool has_endpoints = (service.flags & WG_SERVICE_HAS_ENDPOINTS) != 0;
  return {{.key = "usable", .title = "Usable backends", .value = usable_text(service), .show = Show::kText},
          {.key = "has_endpoints", .title = "", .value = has_endpoints, .show = Show::kData},
          {.key = "policy",
           .title = "Traffic policy",
           .value = fmt::format("internal {}, external {}", internal, external),
           .show = Show::kText},
          {.key = "internal_policy", .title = "", .value = internal, .show = Show::kData},
          {.key = "external_policy", .title = "", .value = external, .show = Show::kData},
          {.key = "affinity_s", .title = "Session affinity", .value = affinity, .unit = Unit::kSeconds},
          {.key = "affinity_epoch", .title = "Affinity epoch", .value = service.affinity_epoch, .show = Show::kWide},
          {.key = "source_ranges", .title = "Source ranges", .value = source_ranges(service)}};
}

std::vector<Field> counter_fields(const wg_service_counter& counter) {
  const std::string text = fmt::format("{} new flows, {} packets ({}) to backends, {} packets ({}) back",
                                       counter.new_flows, counter.request_packets, bytes_text(counter.request_bytes),
                                       counter.reply_packets, bytes_text(counter.reply_bytes));
  return {{.key = "traffic", .title = "Traffic", .value = text, .show = Show::kText},
          {.key = "new_flows", .title = "", .value = counter.new_flows, .show = Show::kData},
          {.key = "request_packets", .title = "", .value = counter.request_packets, .show = Show::kData},
          {.key = "request_bytes", .title = "", .value = counter.request_bytes, .show = Show::kData},
          {.key = "reply_packets", .title = "", .value = counter.reply_packets, .show = Show::kData},
          {.key = "reply_bytes", .title = "", .value = counter.reply_bytes, .show = Show::kData}};
}

bool wanted(const std::vector<const ServiceView*>* chosen, uint32_t service) {
  return chosen == nullptr ||
         std::ranges::any_of(*chosen, [&](const ServiceView* each) { return each->index == service; });
}

bool in_use(const Catalog& catalog, const BackendView& backend) {
  const ServiceView* service = catalog.service(backend.service);
  return service != nullptr && (has(service->cluster_set, backend.index) || has(service->local_set, backend.index));
}

}  // namespace

std::vector<Column> service_columns() {
  return {{.key = "namespace", .title = "NAMESPACE"},
          {.key = "name", .title = "NAME"},
          {.key = "port_text", .title = "PORT", .show = Show::kText},
          {.key = "port_name", .title = "", .show = Show::kData},
          {.key = "port", .title = "", .show = Show::kData},
          {.key = "protocol", .title = "PROTO"},
          {.key = "family", .title = "FAMILY"},
          {.key = "frontends", .title = "FRONTENDS"},
          {.key = "ready_text", .title = "BACKENDS", .show = Show::kText},
          {.key = "ready_backends", .title = "", .show = Show::kData},
          {.key = "backends", .title = "", .show = Show::kData},
          {.key = "local_backends", .title = "LOCAL", .show = Show::kWide},
          {.key = "new_flows", .title = "FLOWS"},
          {.key = "request_packets", .title = "PACKETS"},
          {.key = "reply_packets", .title = "REPLIES"},
          {.key = "request_bytes", .title = "BYTES", .show = Show::kWide, .unit = Unit::kBytes},
          {.key = "reply_bytes", .title = "REPLY-BYTES", .show = Show::kWide, .unit = Unit::kBytes},
          {.key = "internal_policy", .title = "INTERNAL", .show = Show::kWide},
          {.key = "external_policy", .title = "EXTERNAL", .show = Show::kWide},
          {.key = "affinity_s", .title = "AFFINITY", .show = Show::kWide, .unit = Unit::kSeconds},
          {.key = "id", .title = "ID", .show = Show::kWide}};
}

Row service_row(const ServiceView& service, const wg_service_counter& counter) {
  const size_t ready = service.cluster_set.backends.size();
  const size_t known = known_backends(service);
  const Value affinity = service.affinity_timeout_s == 0 ? Value() : Value(service.affinity_timeout_s);
  return {service.name.name_space,
          service.name.name,
          port_text(service),
          service.port_name,
          service.port,
          protocol_name(service.protocol),
          family_name(service.family),
          live_frontends(service),
          fmt::format("{}/{}", ready, known),
          ready,
          known,
          local_in_use(service),
          counter.new_flows,
          counter.request_packets,
          counter.reply_packets,
          counter.request_bytes,
          counter.reply_bytes,
          policy(service.flags, WG_SERVICE_INTERNAL_LOCAL),
          policy(service.flags, WG_SERVICE_EXTERNAL_LOCAL),
          affinity,
          service.index};
}

Document service_document(const ServiceView& service, const wg_service_counter& counter) {
  Document document;
  for (const auto& part : {identity_fields(service), policy_fields(service), counter_fields(counter)})
    document.fields.insert(document.fields.end(), part.begin(), part.end());
  document.sections = {frontend_section(service), backend_section(service), set_section(service)};
  return document;
}

Listing backend_table(const Catalog& catalog, const std::vector<const ServiceView*>* chosen) {
  Listing table{.columns = {{.key = "backend", .title = "ADDRESS", .show = Show::kText},
                            {.key = "address", .title = "", .show = Show::kData},
                            {.key = "port", .title = "", .show = Show::kData},
                            {.key = "protocol", .title = "PROTO"},
                            {.key = "service", .title = "SERVICE"},
                            {.key = "state", .title = "STATE"},
                            {.key = "local", .title = "LOCAL"},
                            {.key = "in_use", .title = "IN-USE"},
                            {.key = "id", .title = "ID"},
                            {.key = "generation", .title = "GENERATION", .show = Show::kWide}},
                .rows = {}};
  for (const BackendView& backend : catalog.backends()) {
    if (!wanted(chosen, backend.service)) continue;
    table.rows.push_back({address_port_text(backend.address, backend.port), backend.address.text(), backend.port,
                          protocol_name(backend.protocol), catalog.service_text(backend.service),
                          backend_state_name(backend.state), backend.local, in_use(catalog, backend), backend.index,
                          backend.generation});
  }
  return table;
}

}  // namespace waggle::cli
