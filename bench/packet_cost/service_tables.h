// SPDX-License-Identifier: Apache-2.0
// Writes the services of bench_flow.h into the product's tables: frontends, services, slots, backends, reply gate.
#pragma once

#include <vector>

#include "base/result.h"
#include "packet_cost/map_set.h"
#include "waggle/abi/hash.h"

namespace waggle {

struct ServiceTables {
  std::vector<uint32_t> frontend_position;  // by service number: bucket * WG_FRONTEND_WAYS + way
};

struct ServiceRequest {
  wg_family family;
  wg_hash_key key;
  bool local;  // the backends are on this node, so that their flows need no SNAT
  uint8_t protocol;
  uint32_t affinity_timeout_s;  // 0: none
  uint32_t source_ranges;       // of each service; 0: everybody may
};
Result<ServiceTables> write_services(const MapSet& maps, const ServiceRequest& request);

// Row of a service and of a backend; row 0 stays empty.
constexpr uint32_t service_row(uint32_t service) { return service + 1; }
constexpr uint32_t backend_row(uint32_t backend) { return backend + 1; }

// An address of bench_flow.h in network byte order, as the tables want it.
std::array<uint32_t, WG_ADDRESS_WORDS> address_words_of(wg_family family, uint32_t last);
constexpr uint32_t word_count(wg_family family) { return family == WG_IPV4 ? 1 : WG_ADDRESS_WORDS; }

}  // namespace waggle
