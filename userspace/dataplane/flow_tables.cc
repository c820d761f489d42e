// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow_tables.h"

#include <cstring>
#include <string>

#include "dataplane/flow_entry.h"
#include "waggle/abi/frontend.h"

namespace waggle {
namespace {

std::string name_of(FlowTable table) { return std::string(flow_table_name(table)); }

template <typename Visit>
Result<void> visit_slots(const PinnedMaps& maps, FlowTable table, bool writable, Visit&& visit) {
  const MapSpec& spec = maps.spec(name_of(table));
  const uint64_t bytes = array_bytes(spec.value_size, spec.entries);
  return with_entry_type(table, [&]<typename Entry>(Entry*) {
    return visit_stretches(maps.fd(name_of(table)), bytes, writable,
                           [&](std::span<std::byte> stretch, uint64_t offset) {
                             auto* entries = reinterpret_cast<Entry*>(stretch.data());
                             const auto first = static_cast<uint32_t>(offset / sizeof(Entry));
                             for (uint32_t i = 0; i < stretch.size() / sizeof(Entry); ++i)
                               visit(entries + i, first + i);
                           });
  });
}

uint64_t total_bytes(const PinnedMaps& maps, const char* name) {
  return array_bytes(maps.spec(name).value_size, maps.spec(name).entries);
}

// The key part of a frontend, whatever its kind.
bool same_frontend(const wg_frontend4& entry, const uint32_t* address) { return entry.address == address[0]; }
bool same_frontend(const wg_frontend6& entry, const uint32_t* address) {
  return std::memcmp(entry.address, address, sizeof(entry.address)) == 0;
}

template <typename Bucket>
std::optional<uint32_t> find_frontend(const Mapping& table, uint64_t hash, const uint32_t* address, __be16 port,
                                      uint8_t protocol) {
  const auto* buckets = reinterpret_cast<const Bucket*>(table.data());
  const auto mask = static_cast<uint32_t>(table.size() / sizeof(Bucket) - 1);
  for (uint32_t probe = 0; probe < WG_FRONTEND_PROBES; ++probe) {
    const uint32_t bucket = (static_cast<uint32_t>(hash) + probe) & mask;
    for (uint32_t way = 0; way < WG_FRONTEND_WAYS; ++way) {
      const auto& entry = buckets[bucket].way[way];
      const bool used = (entry.kind & WG_FRONTEND_KIND_MASK) != WG_FRONTEND_EMPTY;
      if (used && entry.port == port && entry.protocol == protocol && same_frontend(entry, address)) {
        return bucket * WG_FRONTEND_WAYS + way;
      }
    }
    if ((buckets[bucket].way[0].kind & WG_FRONTEND_OVERFLOW) == 0) break;
  }
  return std::nullopt;
}

}  // namespace

Result<void> visit_flows(const PinnedMaps& maps, FlowTable table, const FlowVisitor& visit) {
  return visit_slots(maps, table, false, [&](auto* live, uint32_t slot) {
    if (const auto entry = copy_entry(live)) visit(flow_copy(table, slot, *entry));
  });
}

Result<FlowOccupancy> sweep_table(const PinnedMaps& maps, FlowTable table, const FlowJudge& expired,
                                  std::vector<uint32_t>& parked) {
  FlowOccupancy found;
  auto done = visit_slots(maps, table, true, [&](auto* live, uint32_t slot) {
    ++found.slots;
    if (slot % WG_FLOW_WAYS == 0 && park_spilled_bit(live)) parked.push_back(slot / WG_FLOW_WAYS);
    const auto entry = copy_entry(live);
    if (entry && expired(flow_copy(table, slot, *entry)) && free_entry(live, entry->head.control)) ++found.expired;
    ++found.by_state[__atomic_load_n(&live->head.control, __ATOMIC_RELAXED) & WG_FLOW_STATE_MASK];
  });
  if (!done) return tl::unexpected(std::move(done.error()).in(flow_table_name(table)));
  return found;
}

Result<void> clear_parked_bits(const PinnedMaps& maps, FlowTable table, const std::vector<uint32_t>& buckets) {
  const std::string name = name_of(table);
  const uint64_t bucket_bytes = maps.spec(name).value_size;
  MapWindow window(maps.fd(name), total_bytes(maps, name.c_str()), true);
  return with_entry_type(table, [&]<typename Entry>(Entry*) -> Result<void> {
    for (const uint32_t bucket : buckets) {
      auto place = window.at(bucket * bucket_bytes, bucket_bytes);
      if (!place) return tl::unexpected(std::move(place.error()).in(name));
      clear_parked_bit(reinterpret_cast<Entry*>(*place));
    }
    return {};
  });
}

Result<FrontendPositions> FrontendPositions::open(const PinnedMaps& maps) {
  FrontendPositions positions;
  positions.key_ = maps.meta().hash_key;
  auto frontends4 = Mapping::map(maps.fd("frontends4"), 0, total_bytes(maps, "frontends4"), false);
  if (!frontends4) return tl::unexpected(std::move(frontends4.error()).in("frontends4"));
  auto frontends6 = Mapping::map(maps.fd("frontends6"), 0, total_bytes(maps, "frontends6"), false);
  if (!frontends6) return tl::unexpected(std::move(frontends6.error()).in("frontends6"));
  positions.frontends4_ = std::move(*frontends4);
  positions.frontends6_ = std::move(*frontends6);
  return positions;
}

std::optional<uint32_t> FrontendPositions::find(wg_family family, const std::array<uint32_t, WG_ADDRESS_WORDS>& address,
                                                __be16 port, uint8_t protocol) const {
  if (family == WG_IPV4) {
    const uint64_t hash = wg_frontend_hash(&key_, address.data(), 1, port, protocol);
    return find_frontend<wg_frontend_bucket4>(frontends4_, hash, address.data(), port, protocol);
  }
  const uint64_t hash = wg_frontend_hash(&key_, address.data(), WG_ADDRESS_WORDS, port, protocol);
  return find_frontend<wg_frontend_bucket6>(frontends6_, hash, address.data(), port, protocol);
}

}  // namespace waggle
