// SPDX-License-Identifier: Apache-2.0
#include "packet_cost/service_tables.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "bpf/bench_flow.h"
#include "dataplane/errors.h"
#include "waggle/abi/backend.h"
#include "waggle/abi/frontend.h"
#include "waggle/abi/gate.h"
#include "waggle/abi/service.h"
#include "waggle/abi/source_range.h"

namespace waggle {
namespace {

constexpr uint32_t kBackendsEach = BENCH_BACKENDS / BENCH_SERVICES;

template <typename Entry, typename Bucket>
Result<uint32_t> place(std::span<Bucket> buckets, uint64_t hash, const Entry& entry) {
  const uint32_t bucket = static_cast<uint32_t>(hash) & static_cast<uint32_t>(buckets.size() - 1);
  auto& ways = buckets[bucket].way;
  auto* const way = std::ranges::find(ways, WG_FRONTEND_EMPTY, &Entry::kind);
  if (way == std::end(ways)) return failure("a bucket of the frontends is full: choose another hash key");
  *way = entry;
  return bucket * WG_FRONTEND_WAYS + static_cast<uint32_t>(way - std::begin(ways));
}

template <typename Entry>
void fill_entry(Entry& entry, const ServiceRequest& request, uint32_t service) {
  entry.port = htons(BENCH_FRONTEND_PORT);
  entry.protocol = request.protocol;
  entry.kind = WG_FRONTEND_LIVE;
  entry.service = service_row(service);
  entry.flags = request.source_ranges != 0 ? WG_FRONTEND_FILTERED : 0;
}

template <typename Row>
std::span<Row> rows(const Mapping& mapping) {
  return {reinterpret_cast<Row*>(mapping.data()), mapping.size() / sizeof(Row)};
}

Result<uint32_t> write_frontend(const Mapping& mapping, const ServiceRequest& request, uint32_t service) {
  const auto address = address_words_of(request.family, BENCH_FRONTEND + service);
  const uint64_t hash = wg_frontend_hash(&request.key, address.data(), word_count(request.family),
                                         htons(BENCH_FRONTEND_PORT), request.protocol);
  if (request.family == WG_IPV4) {
    wg_frontend4 entry{};
    fill_entry(entry, request, service);
    entry.address = address[0];
    return place(rows<wg_frontend_bucket4>(mapping), hash, entry);
  }
  wg_frontend6 entry{};
  fill_entry(entry, request, service);
  std::ranges::copy(address, entry.address);
  return place(rows<wg_frontend_bucket6>(mapping), hash, entry);
}

void open_frontend_gate(const Mapping& mapping, const ServiceRequest& request, uint32_t service) {
  const auto words = rows<uint64_t>(mapping);
  const auto address = address_words_of(request.family, BENCH_FRONTEND + service);
  const uint64_t hash = wg_frontend_gate_hash(&request.key, address.data(), word_count(request.family));
  words[wg_gate_word(hash, static_cast<uint32_t>(words.size() * 64 - 1))] |= wg_gate_bit(hash);
}

Result<ServiceTables> write_frontends(const MapSet& maps, const ServiceRequest& request) {
  auto mapping = maps.map(request.family == WG_IPV4 ? "frontends4" : "frontends6");
  if (!mapping) return tl::unexpected(mapping.error());
  auto gate = maps.map("frontend_gate");
  if (!gate) return tl::unexpected(gate.error());
  ServiceTables tables;
  for (uint32_t service = 0; service < BENCH_SERVICES; ++service) {
    auto position = write_frontend(*mapping, request, service);
    if (!position) return tl::unexpected(position.error());
    tables.frontend_position.push_back(*position);
    open_frontend_gate(*gate, request, service);
  }
  return tables;
}

Result<void> write_backends(const MapSet& maps, const ServiceRequest& request) {
  auto backends = maps.map("backends");
  auto gate = maps.map("reply_gate");
  if (!backends) return tl::unexpected(backends.error());
  if (!gate) return tl::unexpected(gate.error());
  const auto words = rows<uint64_t>(*gate);
  const auto bits_mask = static_cast<uint32_t>(words.size() * 64 - 1);
  for (uint32_t backend = 0; backend < BENCH_BACKENDS; ++backend) {
    const auto address = address_words_of(request.family, BENCH_BACKEND + backend);
    wg_backend& row = rows<wg_backend>(*backends)[backend_row(backend)];
    row = {};
    std::ranges::copy(address, row.address);
    row.port = htons(BENCH_BACKEND_PORT);
    row.protocol = request.protocol;
    row.state = WG_BACKEND_ACTIVE;
    row.service = service_row(backend % BENCH_SERVICES);
    row.flags = WG_BACKEND_IN_CLUSTER | (request.local ? WG_BACKEND_LOCAL | WG_BACKEND_IN_LOCAL : 0);
    const uint64_t hash =
        wg_reply_gate_hash(&request.key, address.data(), word_count(request.family), row.port, row.protocol);
    words[wg_gate_word(hash, bits_mask)] |= wg_gate_bit(hash);
  }
  return {};
}

Result<void> write_sets(const MapSet& maps, const ServiceRequest& request) {
  auto services = maps.map("services");
  auto slots = maps.map("slots");
  if (!services) return tl::unexpected(services.error());
  if (!slots) return tl::unexpected(slots.error());
  for (uint32_t service = 0; service < BENCH_SERVICES; ++service) {
    const uint32_t base = 1 + service * kBackendsEach;
    for (uint32_t i = 0; i < kBackendsEach; ++i)
      rows<wg_slot>(*slots)[base + i].backend = backend_row(service + i * BENCH_SERVICES);
    wg_service& row = rows<wg_service>(*services)[service_row(service)];
    row.cluster_set = row.local_set = wg_set_make(base, kBackendsEach, 1);
    row.flags = WG_SERVICE_LIVE | WG_SERVICE_HAS_ENDPOINTS;
    row.protocol = request.protocol;
    row.family = request.family;
    row.affinity_timeout_s = request.affinity_timeout_s;
    row.affinity_epoch = 1;
  }
  return {};
}

// The first range holds all clients. The others are networks of 256 addresses next to one another and to the clients'
// own, so that the way down the trie is as long as it gets.
Result<void> write_ranges(const MapSet& maps, const ServiceRequest& request) {
  constexpr uint32_t kClientBits = 15;
  constexpr uint32_t kOtherBits = 24;
  const uint32_t before = WG_SOURCE_RANGE_SERVICE_BITS + (request.family == WG_IPV4 ? 0 : 96);
  for (uint32_t i = 0; i < request.source_ranges * BENCH_SERVICES; ++i) {
    const uint32_t range = i / BENCH_SERVICES;
    const uint32_t last = range == 0 ? BENCH_CLIENT : (BENCH_CLIENT ^ 1u << 17) + (range << 8);
    wg_source_range_key key{before + (range == 0 ? kClientBits : kOtherBits), service_row(i % BENCH_SERVICES), {}};
    std::ranges::copy(address_words_of(request.family, last), key.address);
    const wg_source_range_value value{1};
    if (::bpf_map_update_elem(maps.fd("source_ranges"), &key, &value, BPF_ANY) != 0)
      return system_failure("writing a source range", errno);
  }
  return {};
}

}  // namespace

std::array<uint32_t, WG_ADDRESS_WORDS> address_words_of(wg_family family, uint32_t last) {
  if (family == WG_IPV4) return {htonl(last), 0, 0, 0};
  return {htonl(BENCH_IPV6_PREFIX), 0, 0, htonl(last)};
}

Result<ServiceTables> write_services(const MapSet& maps, const ServiceRequest& request) {
  if (auto written = write_backends(maps, request); !written) return tl::unexpected(written.error());
  if (auto written = write_sets(maps, request); !written) return tl::unexpected(written.error());
  if (auto written = write_ranges(maps, request); !written) return tl::unexpected(written.error());
  return write_frontends(maps, request);
}

}  // namespace waggle
