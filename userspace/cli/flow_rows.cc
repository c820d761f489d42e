// SPDX-License-Identifier: Apache-2.0
#include "cli/flow_rows.h"

#include <arpa/inet.h>

namespace waggle::cli {
namespace {

Family family_of(FlowTable table) {
  return table == FlowTable::kFlows4 || table == FlowTable::kSnat4 ? Family::kIpv4 : Family::kIpv6;
}

std::optional<IpAddress> snat_address(uint32_t backend_word, Family family, const wg_control& control) {
  if ((backend_word & WG_FLOW_SNAT) == 0) return std::nullopt;
  const uint32_t index = backend_word >> WG_FLOW_SNAT_ADDRESS_SHIFT;
  const uint32_t* words = family == Family::kIpv4 ? &control.snat_address4[index] : control.snat_address6[index];
  return IpAddress::from_words(family, words);
}

std::optional<uint32_t> service_of(uint32_t backend_id, const Catalog& catalog) {
  const BackendView* backend = catalog.backend(backend_id);
  return backend == nullptr ? std::nullopt : std::optional(backend->service);
}

std::optional<IpAddress> frontend_of(const FlowCopy& flow, const Catalog& catalog) {
  if (family_of(flow.table) == Family::kIpv4) return IpAddress::from_words(Family::kIpv4, &flow.head.frontend);
  const FrontendView* frontend = catalog.frontend6(flow.head.frontend);
  return frontend == nullptr ? std::nullopt : std::optional(frontend->address);
}

Value address_text(const std::optional<IpAddress>& address) { return address ? Value(address->text()) : Value(); }

Value endpoint_text(const std::optional<IpAddress>& address, uint16_t port) {
  return address ? Value(address_port_text(*address, port)) : Value();
}

}  // namespace

FlowRecord flow_record(const FlowCopy& flow, const FlowContext& context) {
  const Family family = family_of(flow.table);
  return {.protocol = static_cast<Protocol>(flow.protocol()),
          .client = IpAddress::from_words(family, flow.client.data()),
          .client_port = ntohs(flow.head.client_port),
          .frontend = frontend_of(flow, context.catalog),
          .frontend_port = ntohs(flow.head.frontend_port),
          .backend = IpAddress::from_words(family, flow.backend.data()),
          .backend_port = ntohs(flow.head.backend_port),
          .backend_id = flow.backend_id(),
          .state = flow_state_name(flow.state()),
          .idle_s = flow.age_s(context.now, context.hz),
          .snat = snat_address(flow.head.backend, family, context.control),
          .snat_port = ntohs(flow.head.snat_port),
          .service = service_of(flow.backend_id(), context.catalog)};
}

std::optional<FlowRecord> spilled_record(const wg_spill_key& key, const wg_spill_value& value,
                                         const FlowContext& context) {
  if (key.direction != WG_SPILL_REQUEST) return std::nullopt;
  const Family family = key.family == WG_IPV4 ? Family::kIpv4 : Family::kIpv6;
  const uint32_t backend_id = value.backend & WG_BACKEND_ID_MASK;
  return FlowRecord{.protocol = static_cast<Protocol>(key.protocol),
                    .client = IpAddress::from_words(family, key.client),
                    .client_port = ntohs(key.client_port),
                    .frontend = IpAddress::from_words(family, key.other),
                    .frontend_port = ntohs(key.other_port),
                    .backend = IpAddress::from_words(family, value.address),
                    .backend_port = ntohs(value.port),
                    .backend_id = backend_id,
                    .state = kSpilledState,
                    .snat = snat_address(value.backend, family, context.control),
                    .service = service_of(backend_id, context.catalog)};
}

std::vector<Column> flow_columns() {
  return {{.key = "protocol", .title = "PROTO"},
          {.key = "client", .title = "CLIENT", .show = Show::kText},
          {.key = "client_address", .title = "", .show = Show::kData},
          {.key = "client_port", .title = "", .show = Show::kData},
          {.key = "frontend", .title = "FRONTEND", .show = Show::kText},
          {.key = "frontend_address", .title = "", .show = Show::kData},
          {.key = "frontend_port", .title = "", .show = Show::kData},
          {.key = "backend", .title = "BACKEND", .show = Show::kText},
          {.key = "backend_address", .title = "", .show = Show::kData},
          {.key = "backend_port", .title = "", .show = Show::kData},
          {.key = "state", .title = "STATE"},
          {.key = "idle_s", .title = "IDLE", .unit = Unit::kSeconds},
          {.key = "snat", .title = "SNAT", .show = Show::kText},
          {.key = "snat_address", .title = "", .show = Show::kData},
          {.key = "snat_port", .title = "", .show = Show::kData},
          {.key = "service", .title = "SERVICE"},
          {.key = "backend_id", .title = "BACKEND-ID", .show = Show::kWide}};
}

Row flow_row(const FlowRecord& flow, const Catalog& catalog) {
  const bool translated = flow.snat_port != 0;
  return {protocol_name(flow.protocol),
          address_port_text(flow.client, flow.client_port),
          flow.client.text(),
          flow.client_port,
          endpoint_text(flow.frontend, flow.frontend_port),
          address_text(flow.frontend),
          flow.frontend_port,
          address_port_text(flow.backend, flow.backend_port),
          flow.backend.text(),
          flow.backend_port,
          flow.state,
          flow.idle_s ? Value(*flow.idle_s) : Value(),
          endpoint_text(flow.snat, flow.snat_port),
          address_text(flow.snat),
          translated ? Value(flow.snat_port) : Value(),
          flow.service ? Value(catalog.service_text(*flow.service)) : Value(),
          flow.backend_id};
}

}  // namespace waggle::cli
