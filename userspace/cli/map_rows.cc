// SPDX-License-Identifier: Apache-2.0
#include "cli/map_rows.h"

#include <arpa/inet.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <ctime>

namespace waggle::cli {
namespace {

std::string time_text(uint64_t unix_s) {
  const auto when = static_cast<std::time_t>(unix_s);
  std::tm parts{};
  return gmtime_r(&when, &parts) == nullptr ? "" : fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", parts);
}

Family family_of(uint32_t family) { return family == WG_IPV4 ? Family::kIpv4 : Family::kIpv6; }

Family family_of(FlowTable table) {
  return table == FlowTable::kFlows4 || table == FlowTable::kSnat4 ? Family::kIpv4 : Family::kIpv6;
}

std::string endpoint(Family family, const uint32_t* words, __be16 port) {
  return address_port_text(IpAddress::from_words(family, words), ntohs(port));
}

bool any(const uint32_t* words, size_t count) {
  return std::any_of(words, words + count, [](uint32_t word) { return word != 0; });
}

std::string mac_text(const uint8_t* mac) { return fmt::format("{:02x}", fmt::join(mac, mac + 6, ":")); }

Value snat_index(uint8_t index) { return index == WG_NO_ADDRESS ? Value() : Value(index); }

void add_snat_addresses(Listing& table, const wg_control& control) {
  for (uint32_t i = 0; i < WG_SNAT_ADDRESSES; ++i)
    if (any(&control.snat_address4[i], 1))
      table.rows.push_back({"snat_address4", i, IpAddress::from_words(Family::kIpv4, &control.snat_address4[i]).text(),
                            Value(), Value(), Value(), Value(), Value(), Value()});
  for (uint32_t i = 0; i < WG_SNAT_ADDRESSES; ++i)
    if (any(control.snat_address6[i], WG_ADDRESS_WORDS))
      table.rows.push_back({"snat_address6", i, IpAddress::from_words(Family::kIpv6, control.snat_address6[i]).text(),
                            Value(), Value(), Value(), Value(), Value(), Value()});
}

void add_links(Listing& table, const wg_control& control, const InterfaceNames& names) {
  for (uint32_t i = 0; i < WG_LINKS; ++i) {
    const wg_link& link = control.link[i];
    if (link.ifindex == 0) continue;
    table.rows.push_back({"link", i, Value(), link.ifindex, names.of(link.ifindex),
                          (link.flags & WG_LINK_UPLINK) != 0 ? "uplink" : "pod", snat_index(link.snat4),
                          snat_index(link.snat6), (link.flags & WG_LINK_LOCAL_PODS) != 0});
  }
}

std::string prefix_text(Family family, const wg_prefix& prefix) {
  int bits = 0;
  for (const uint32_t word : prefix.mask) bits += std::popcount(word);
  return fmt::format("{}/{}", IpAddress::from_words(family, prefix.address).text(), bits);
}

std::string_view detector_name(uint32_t detector) {
  switch (detector) {
    case WG_DETECT_LINKS:
      return "links";
    case WG_DETECT_EVERY_LINK:
      return "every-link";
    case WG_DETECT_CIDR:
      return "cidr";
    default:
      return "none";
  }
}

// Who is a local pod, and which addresses are services'.
void add_prefixes(Listing& table, const wg_control& control) {
  const auto add = [&table](std::string_view item, uint32_t index, Family family, const wg_prefix& prefix) {
    table.rows.push_back(
        {item, index, prefix_text(family, prefix), Value(), Value(), Value(), Value(), Value(), Value()});
  };
  for (const wg_family family : {WG_IPV4, WG_IPV6}) {
    const bool v4 = family == WG_IPV4;
    if (control.has_pod_cidr[family] != 0)
      add(v4 ? "pod_cidr4" : "pod_cidr6", 0, family_of(family), control.pod_cidr[family]);
    for (uint32_t i = 0; i < std::min(control.service_cidr_count[family], WG_SERVICE_CIDRS); ++i)
      add(v4 ? "service_cidr4" : "service_cidr6", i, family_of(family), control.service_cidr[family][i]);
  }
}

Row single(std::string_view item, Value value) {
  return {item, Value(), Value(), Value(), Value(), Value(), Value(), Value(), Value(), std::move(value)};
}

}  // namespace

Listing meta_table(const wg_meta& meta) {
  const std::string node(meta.node_name, strnlen(meta.node_name, sizeof(meta.node_name)));
  return {.columns = {{.key = "node", .title = "NODE"},
                      {.key = "abi_version", .title = "ABI"},
                      {.key = "hz", .title = "HZ"},
                      {.key = "snat_port_min", .title = "SNAT-PORT-MIN"},
                      {.key = "snat_port_max", .title = "SNAT-PORT-MAX"},
                      {.key = "created", .title = "CREATED"}},
          .rows = {{node, meta.abi_version, meta.hz, meta.snat_port_min,
                    static_cast<uint32_t>(meta.snat_port_min) + meta.snat_port_mask, time_text(meta.created_unix_s)}}};
}

Listing control_table(const wg_control& control, const InterfaceNames& names) {
  Listing table{.columns = {{.key = "item", .title = "ITEM"},
                            {.key = "index", .title = "INDEX"},
                            {.key = "address", .title = "ADDRESS"},
                            {.key = "ifindex", .title = "IFINDEX"},
                            {.key = "interface", .title = "INTERFACE"},
                            {.key = "kind", .title = "KIND"},
                            {.key = "snat4", .title = "SNAT4"},
                            {.key = "snat6", .title = "SNAT6"},
                            {.key = "local_pods", .title = "LOCAL-PODS"},
                            {.key = "value", .title = "VALUE"}},
                .rows = {}};
  add_snat_addresses(table, control);
  add_links(table, control, names);
  add_prefixes(table, control);
  for (Row& row : table.rows) row.emplace_back();
  table.rows.insert(table.rows.begin(), single("nexthop_epoch", control.nexthop_epoch));
  table.rows.push_back(single("detector", detector_name(control.detector)));
  return table;
}

Listing nexthop_table(std::span<const wg_nexthop> nexthops, const InterfaceNames& names) {
  Listing table{.columns = {{.key = "address", .title = "ADDRESS"},
                            {.key = "ifindex", .title = "IFINDEX"},
                            {.key = "interface", .title = "INTERFACE"},
                            {.key = "destination_mac", .title = "DESTINATION-MAC"},
                            {.key = "source_mac", .title = "SOURCE-MAC"},
                            {.key = "mtu", .title = "MTU"},
                            {.key = "epoch", .title = "EPOCH"},
                            {.key = "resolved_jiffies", .title = "RESOLVED", .show = Show::kWide}},
                .rows = {}};
  for (const wg_nexthop& hop : nexthops)
    table.rows.push_back({IpAddress::from_words(family_of(hop.family), hop.address).text(), hop.ifindex,
                          names.of(hop.ifindex), mac_text(hop.destination_mac), mac_text(hop.source_mac), hop.mtu,
                          hop.epoch, hop.resolved});
  return table;
}

Listing spill_table(std::span<const std::pair<wg_spill_key, wg_spill_value>> entries) {
  Listing table{.columns = {{.key = "direction", .title = "DIRECTION"},
                            {.key = "protocol", .title = "PROTO"},
                            {.key = "client", .title = "CLIENT"},
                            {.key = "other", .title = "OTHER"},
                            {.key = "translation", .title = "TRANSLATION"},
                            {.key = "backend_id", .title = "BACKEND-ID"}},
                .rows = {}};
  for (const auto& [key, value] : entries) {
    const Family family = family_of(key.family);
    table.rows.push_back({key.direction == WG_SPILL_REQUEST ? "request" : "reply",
                          protocol_name(static_cast<Protocol>(key.protocol)),
                          endpoint(family, key.client, key.client_port), endpoint(family, key.other, key.other_port),
                          endpoint(family, value.address, value.port), value.backend & WG_BACKEND_ID_MASK});
  }
  return table;
}

Listing sock_table(std::span<const std::pair<wg_sock_key, wg_sock_value>> entries, const Catalog& catalog) {
  Listing table{.columns = {{.key = "cookie", .title = "COOKIE"},
                            {.key = "direction", .title = "BY"},
                            {.key = "protocol", .title = "PROTO"},
                            {.key = "remote", .title = "REMOTE"},
                            {.key = "translation", .title = "TRANSLATION"},
                            {.key = "backend_id", .title = "BACKEND-ID"},
                            {.key = "service", .title = "SERVICE"}},
                .rows = {}};
  for (const auto& [key, value] : entries) {
    const Family family = family_of(key.family);
    table.rows.push_back({key.cookie, key.direction == WG_SOCK_BY_BACKEND ? "backend" : "frontend",
                          protocol_name(static_cast<Protocol>(key.protocol)), endpoint(family, key.address, key.port),
                          endpoint(family, value.address, value.port), value.backend,
                          catalog.service_text(value.service)});
  }
  return table;
}

std::vector<Column> stored_flow_columns() {
  return {{.key = "slot", .title = "SLOT"},
          {.key = "protocol", .title = "PROTO"},
          {.key = "state", .title = "STATE"},
          {.key = "client", .title = "CLIENT"},
          {.key = "frontend", .title = "FRONTEND", .show = Show::kText},
          {.key = "frontend_address", .title = "", .show = Show::kData},
          {.key = "frontend_position", .title = "", .show = Show::kData},
          {.key = "frontend_port", .title = "", .show = Show::kData},
          {.key = "backend", .title = "BACKEND"},
          {.key = "backend_id", .title = "BACKEND-ID"},
          {.key = "snat_index", .title = "SNAT-INDEX"},
          {.key = "snat_port", .title = "SNAT-PORT"},
          {.key = "idle_s", .title = "IDLE", .unit = Unit::kSeconds},
          {.key = "generation", .title = "GENERATION", .show = Show::kWide},
          {.key = "control", .title = "CONTROL", .show = Show::kWide}};
}

Row stored_flow_row(const FlowCopy& flow, uint32_t now, uint32_t hz) {
  const Family family = family_of(flow.table);
  const bool v4 = family == Family::kIpv4;
  const uint16_t frontend_port = ntohs(flow.head.frontend_port);
  const Value address = v4 ? Value(IpAddress::from_words(family, &flow.head.frontend).text()) : Value();
  const std::string frontend = v4 ? endpoint(family, &flow.head.frontend, flow.head.frontend_port)
                                  : fmt::format("#{}:{}", flow.head.frontend, frontend_port);
  const bool snat = (flow.head.backend & WG_FLOW_SNAT) != 0;
  return {flow.slot,
          protocol_name(static_cast<Protocol>(flow.protocol())),
          flow_state_name(flow.state()),
          endpoint(family, flow.client.data(), flow.head.client_port),
          frontend,
          address,
          v4 ? Value() : Value(flow.head.frontend),
          frontend_port,
          endpoint(family, flow.backend.data(), flow.head.backend_port),
          flow.backend_id(),
          snat ? Value(flow.head.backend >> WG_FLOW_SNAT_ADDRESS_SHIFT) : Value(),
          snat ? Value(ntohs(flow.head.snat_port)) : Value(),
          flow.age_s(now, hz),
          (flow.head.control & WG_FLOW_GENERATION_MASK) / WG_FLOW_GENERATION_ONE,
          fmt::format("{:#010x}", flow.head.control)};
}

std::vector<Column> reservation_columns() {
  return {{.key = "slot", .title = "SLOT"},
          {.key = "protocol", .title = "PROTO"},
          {.key = "state", .title = "STATE"},
          {.key = "node", .title = "NODE"},
          {.key = "backend", .title = "BACKEND"},
          {.key = "client", .title = "CLIENT"},
          {.key = "backend_id", .title = "BACKEND-ID"},
          {.key = "idle_s", .title = "IDLE", .unit = Unit::kSeconds},
          {.key = "generation", .title = "GENERATION", .show = Show::kWide},
          {.key = "control", .title = "CONTROL", .show = Show::kWide}};
}

Row reservation_row(const FlowCopy& flow, uint32_t now, uint32_t hz) {
  const Family family = family_of(flow.table);
  return {flow.slot,
          protocol_name(static_cast<Protocol>(flow.protocol())),
          flow_state_name(flow.state()),
          endpoint(family, flow.client.data(), flow.head.client_port),
          endpoint(family, flow.backend.data(), flow.head.backend_port),
          endpoint(family, flow.behind.data(), flow.head.frontend_port),
          flow.backend_id(),
          flow.age_s(now, hz),
          (flow.head.control & WG_FLOW_GENERATION_MASK) / WG_FLOW_GENERATION_ONE,
          fmt::format("{:#010x}", flow.head.control)};
}

std::vector<Column> service_counter_columns() {
  return {{.key = "id", .title = "ID"},
          {.key = "service", .title = "SERVICE"},
          {.key = "new_flows", .title = "FLOWS"},
          {.key = "request_packets", .title = "PACKETS"},
          {.key = "request_bytes", .title = "BYTES"},
          {.key = "reply_packets", .title = "REPLIES"},
          {.key = "reply_bytes", .title = "REPLY-BYTES"}};
}

Row service_counter_row(const ServiceView& service, const wg_service_counter& counter) {
  return {service.index,         service_port_text(service), counter.new_flows,  counter.request_packets,
          counter.request_bytes, counter.reply_packets,      counter.reply_bytes};
}

}  // namespace waggle::cli
