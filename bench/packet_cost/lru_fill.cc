// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <bpf/bpf.h>

#include <algorithm>
#include <vector>

#include "bpf/bench_flow.h"
#include "bpf/lru_entry.h"
#include "dataplane/errors.h"
#include "packet_cost/flow_fill.h"
#include "waggle/abi/flow.h"

namespace waggle {
namespace {

constexpr uint32_t kBatch = 8192;

using Words = std::array<uint32_t, WG_ADDRESS_WORDS>;

void store(uint32_t& to, const Words& words) { to = words[0]; }
void store(uint32_t (&to)[WG_ADDRESS_WORDS], const Words& words) { std::ranges::copy(words, to); }

template <typename Key>
Key make_key(lru_direction direction, const Words& from, uint16_t from_port, const Words& to, uint16_t to_port) {
  Key key{};
  store(key.from, from);
  store(key.to, to);
  key.from_port = htons(from_port);
  key.to_port = htons(to_port);
  key.protocol = WG_PROTOCOL_TCP;
  key.direction = direction;
  return key;
}

template <typename Value>
Value make_value(const FillRequest& request, const bench_flow& flow, const Words& address, uint16_t port) {
  Value value{};
  store(value.address, address);
  if (request.snat) store(value.client, address_words_of(request.family, flow.client));
  value.head.port = htons(port);
  value.head.client_port = htons(flow.client_port);
  value.head.node_port = request.snat ? htons(flow.node_port) : 0;
  value.head.is_snat = request.snat;
  value.head.state = WG_FLOW_ESTABLISHED;
  value.head.service = service_row(flow.frontend - BENCH_FRONTEND);
  value.backend = backend_row(flow.backend - BENCH_BACKEND) | (request.snat ? WG_FLOW_SNAT : 0);
  return value;
}

template <typename Key, typename Value>
struct Batch {
  std::vector<Key> keys;
  std::vector<Value> values;

  void add(const FillRequest& request, const bench_flow& flow) {
    const Words client = address_words_of(request.family, flow.client);
    const Words frontend = address_words_of(request.family, flow.frontend);
    const Words backend = address_words_of(request.family, flow.backend);
    const Words back = request.snat ? address_words_of(request.family, BENCH_NODE) : client;
    const uint16_t back_port = request.snat ? flow.node_port : flow.client_port;
    keys.push_back(make_key<Key>(LRU_REPLY, back, back_port, backend, BENCH_BACKEND_PORT));
    values.push_back(make_value<Value>(request, flow, frontend, BENCH_FRONTEND_PORT));
    keys.push_back(make_key<Key>(LRU_REQUEST, client, flow.client_port, frontend, BENCH_FRONTEND_PORT));
    values.push_back(make_value<Value>(request, flow, backend, BENCH_BACKEND_PORT));
  }

  Result<void> write(int map_fd) {
    auto count = static_cast<uint32_t>(keys.size());
    LIBBPF_OPTS(bpf_map_batch_opts, options);
    const int result = ::bpf_map_update_batch(map_fd, keys.data(), values.data(), &count, &options);
    if (result != 0) return system_failure("filling the LRU hash", -result);
    keys.clear();
    values.clear();
    return {};
  }
};

template <typename Key, typename Value>
Result<void> fill(int map_fd, const FillRequest& request, const FlowRange& range) {
  Batch<Key, Value> batch;
  for (uint32_t index = range.first; index < range.last; ++index) {
    batch.add(request, bench_flow_of(index));
    if (batch.keys.size() < kBatch && index + 1 < range.last) continue;
    if (auto written = batch.write(map_fd); !written) return written;
  }
  return {};
}

}  // namespace

Result<void> fill_lru(const MapSet& maps, const FillRequest& request, const FlowRange& range) {
  if (request.family == WG_IPV4) return fill<lru_key4, lru_value4>(maps.fd("lru4"), request, range);
  return fill<lru_key6, lru_value6>(maps.fd("lru6"), request, range);
}

}  // namespace waggle
