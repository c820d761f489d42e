// SPDX-License-Identifier: Apache-2.0
#include "packet_cost/flow_fill.h"

#include <arpa/inet.h>

#include <cstring>

#include "bpf/bench_flow.h"
#include "waggle/abi/flow.h"

namespace waggle {
namespace {

// A set-associative table seen as bytes: the head is the same in all four.
class Slots {
 public:
  Slots(Mapping mapping, uint32_t entry_bytes)
      : mapping_(std::move(mapping)),
        entry_(entry_bytes),
        mask_(static_cast<uint32_t>(mapping_.size() / entry_bytes / WG_FLOW_WAYS - 1)) {}

  [[nodiscard]] uint32_t mask() const { return mask_; }

  void set_seen(uint32_t seen) const {
    for (size_t slot = 0; slot < mapping_.size() / entry_; ++slot) head(slot)->seen = seen;
  }

  // A free slot by the programs' rule: the bucket with more free ways, the first on a tie. Nothing: both are full.
  wg_flow_head* choose(const struct wg_flow_place& place) const {
    const unsigned first = free_ways(place.bucket1);
    const unsigned second = free_ways(place.bucket2);
    const uint32_t bucket = second > first ? place.bucket2 : place.bucket1;
    for (uint32_t way = 0; way < WG_FLOW_WAYS; ++way)
      if (at(bucket, way)->control == 0) return at(bucket, way);
    return nullptr;
  }

 private:
  [[nodiscard]] wg_flow_head* at(uint32_t bucket, uint32_t way) const {
    return head(size_t{bucket} * WG_FLOW_WAYS + way);
  }
  [[nodiscard]] wg_flow_head* head(size_t slot) const {
    return reinterpret_cast<wg_flow_head*>(mapping_.data() + slot * entry_);
  }
  [[nodiscard]] unsigned free_ways(uint32_t bucket) const {
    unsigned free = 0;
    for (uint32_t way = 0; way < WG_FLOW_WAYS; ++way) free += at(bucket, way)->control == 0;
    return free;
  }

  Mapping mapping_;
  uint32_t entry_;
  uint32_t mask_;
};

Result<Slots> open_slots(const MapSet& maps, const char* name) {
  auto mapping = maps.map(name);
  if (!mapping) return tl::unexpected(mapping.error());
  return Slots(std::move(*mapping), maps.spec(name).value_size / WG_FLOW_WAYS);
}

// Addresses behind the head, `count` words each.
void store_address(wg_flow_head* head, uint32_t which, uint32_t count,
                   const std::array<uint32_t, WG_ADDRESS_WORDS>& words) {
  std::memcpy(reinterpret_cast<uint32_t*>(head + 1) + size_t{which} * count, words.data(), count * sizeof(uint32_t));
}

void publish(wg_flow_head* head, const struct wg_flow_place& place, uint32_t seen) {
  head->seen = seen;
  head->control = (place.want & ~WG_FLOW_STATE_MASK) | WG_FLOW_ESTABLISHED | WG_FLOW_GENERATION_ONE;
}

bool put_flow(const Slots& slots, const FillRequest& request, const ServiceTables& services, const bench_flow& flow) {
  const uint32_t words = word_count(request.family);
  const auto client = address_words_of(request.family, flow.client);
  const auto backend = address_words_of(request.family, flow.backend);
  const uint64_t hash = wg_flow_hash(&request.key, client.data(), words, htons(flow.client_port), request.protocol);
  const struct wg_flow_place place = wg_flow_place_of(hash, slots.mask(), request.protocol);
  wg_flow_head* head = slots.choose(place);
  if (head == nullptr) return false;
  head->backend = backend_row(flow.backend - BENCH_BACKEND) | (request.snat ? WG_FLOW_SNAT : 0);
  head->frontend =
      request.family == WG_IPV4 ? htonl(flow.frontend) : services.frontend_position[flow.frontend - BENCH_FRONTEND];
  head->client_port = htons(flow.client_port);
  head->frontend_port = htons(BENCH_FRONTEND_PORT);
  head->backend_port = htons(BENCH_BACKEND_PORT);
  head->snat_port = request.snat ? htons(flow.node_port) : 0;
  store_address(head, 0, words, client);
  store_address(head, 1, words, backend);
  publish(head, place, request.seen);
  return true;
}

bool put_reservation(const Slots& slots, const FillRequest& request, const bench_flow& flow) {
  const uint32_t words = word_count(request.family);
  const auto backend = address_words_of(request.family, flow.backend);
  const auto client = address_words_of(request.family, flow.client);
  const uint64_t hash = wg_snat_hash(&request.key, backend.data(), words, htons(BENCH_BACKEND_PORT),
                                     htons(flow.node_port), request.protocol);
  const struct wg_flow_place place = wg_flow_place_of(hash, slots.mask(), request.protocol);
  wg_flow_head* head = slots.choose(place);
  if (head == nullptr) return false;
  head->backend = backend_row(flow.backend - BENCH_BACKEND);
  head->frontend = request.family == WG_IPV4 ? client[0] : 0;
  head->client_port = htons(flow.node_port);
  head->frontend_port = htons(flow.client_port);
  head->backend_port = htons(BENCH_BACKEND_PORT);
  store_address(head, 0, words, address_words_of(request.family, BENCH_NODE));
  store_address(head, 1, words, backend);
  if (request.family == WG_IPV6) store_address(head, 2, words, client);
  publish(head, place, request.seen);
  return true;
}

const char* flows_map(const FillRequest& request) { return request.family == WG_IPV4 ? "flows4" : "flows6"; }
const char* snat_map(const FillRequest& request) { return request.family == WG_IPV4 ? "snat4" : "snat6"; }

}  // namespace

Result<void> set_seen(const MapSet& maps, const FillRequest& request) {
  for (const char* name : {flows_map(request), snat_map(request)}) {
    auto slots = open_slots(maps, name);
    if (!slots) return tl::unexpected(slots.error());
    slots->set_seen(request.seen);
  }
  return {};
}

Result<uint32_t> fill_flows(const MapSet& maps, const ServiceTables& services, const FillRequest& request,
                            const FlowRange& range) {
  auto flows = open_slots(maps, flows_map(request));
  auto reservations = open_slots(maps, snat_map(request));
  if (!flows) return tl::unexpected(flows.error());
  if (!reservations) return tl::unexpected(reservations.error());
  uint32_t stored = 0;
  for (uint32_t index = range.first; index < range.last; ++index) {
    const bench_flow flow = bench_flow_of(index);
    stored += put_flow(*flows, request, services, flow);
    if (request.snat && !put_reservation(*reservations, request, flow))
      return failure("the table of SNAT reservations is too small for this many flows");
  }
  return stored;
}

}  // namespace waggle
