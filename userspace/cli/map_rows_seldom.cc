// SPDX-License-Identifier: Apache-2.0
// Rows of the tables that only some services and packets use: affinity, fragments.
#include <arpa/inet.h>
#include <fmt/format.h>

#include "cli/map_rows.h"

namespace waggle::cli {
namespace {

Family family_of(const Catalog& catalog, uint32_t service) {
  const ServiceView* found = catalog.service(service);
  return found == nullptr ? Family::kIpv4 : found->family;
}

uint32_t age_s(uint32_t seen, uint32_t now, uint32_t hz) { return hz == 0 ? 0 : (now - seen) / hz; }

std::string client_text(const wg_affinity_key& key, Family family) {
  if (key.kind == WG_AFFINITY_ADDRESS) return IpAddress::from_words(family, key.client).text();
  return fmt::format("netns {}", uint64_t{key.client[1]} << 32 | key.client[0]);
}

}  // namespace

Listing affinity_table(std::span<const std::pair<wg_affinity_key, wg_affinity_value>> entries, const Catalog& catalog,
                       uint32_t now, uint32_t hz) {
  Listing table{.columns = {{.key = "service", .title = "SERVICE"},
                            {.key = "client", .title = "CLIENT"},
                            {.key = "backend", .title = "BACKEND"},
                            {.key = "backend_id", .title = "BACKEND-ID"},
                            {.key = "idle_s", .title = "IDLE", .unit = Unit::kSeconds},
                            {.key = "epoch", .title = "EPOCH", .show = Show::kWide},
                            {.key = "generation", .title = "GENERATION", .show = Show::kWide}},
                .rows = {}};
  for (const auto& [key, value] : entries) {
    const BackendView* backend = catalog.backend(value.backend);
    table.rows.push_back({catalog.service_text(key.service), client_text(key, family_of(catalog, key.service)),
                          backend == nullptr ? Value() : Value(address_port_text(backend->address, backend->port)),
                          value.backend, age_s(value.seen, now, hz), key.epoch, value.generation});
  }
  return table;
}

Listing fragment_table(std::span<const std::pair<wg_fragment_key, wg_fragment_value>> entries, uint32_t now,
                       uint32_t hz) {
  Listing table{.columns = {{.key = "source", .title = "SOURCE"},
                            {.key = "destination", .title = "DESTINATION"},
                            {.key = "protocol", .title = "PROTO"},
                            {.key = "packet_id", .title = "PACKET-ID"},
                            {.key = "hook", .title = "HOOK"},
                            {.key = "idle_s", .title = "IDLE", .unit = Unit::kSeconds}},
                .rows = {}};
  for (const auto& [key, value] : entries) {
    const Family family = key.family == WG_IPV6 ? Family::kIpv6 : Family::kIpv4;
    const auto with_port = [family](const __be32* words, __be16 port) {
      return address_port_text(IpAddress::from_words(family, words), ntohs(port));
    };
    table.rows.push_back({with_port(key.source, value.source_port), with_port(key.destination, value.destination_port),
                          protocol_name(static_cast<Protocol>(key.protocol)), fmt::format("{:#x}", ntohl(key.id)),
                          key.hook == WG_FRAGMENT_INGRESS ? "ingress" : "egress", age_s(value.seen, now, hz)});
  }
  return table;
}

}  // namespace waggle::cli
