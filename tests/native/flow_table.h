// SPDX-License-Identifier: Apache-2.0
// The natively compiled flow tables as the native tests use them: keys from small numbers, entries by slot. Header
// only; one world, reset by each start().
#pragma once

#include <arpa/inet.h>

#include <optional>
#include <vector>

#include "bpf_lib.h"
#include "helpers.h"

namespace waggle {

constexpr uint32_t kHz = 100;
constexpr uint64_t kStart = 1u << 20;  // jiffies

// Lifetimes in seconds, the same for TCP and UDP.
inline constexpr uint32_t kHalfOpenS = 60;
inline constexpr uint32_t kEstablishedS = 3600;
inline constexpr uint32_t kFinS = 120;
inline constexpr uint32_t kClosedS = 10;

inline void start_tables(uint32_t buckets, uint32_t seed) {
  const native_sizes sizes = {.frontends = 64,
                              .services = 64,
                              .slots = 256,
                              .backends = 256,
                              .gate_words = 64,
                              .flows = buckets,
                              .snat = buckets};
  native_start(&sizes, seed);
  native_set_jiffies(kStart);
  for (const uint32_t protocol : {WG_FLOW_TCP, WG_FLOW_UDP}) {
    const auto set = [protocol](uint32_t state, uint32_t seconds) {
      native_settings()->flow_lifetime_s[wg_flow_lifetime_index(state | protocol << WG_FLOW_PROTOCOL_SHIFT)] = seconds;
    };
    set(WG_FLOW_HALF_OPEN, kHalfOpenS);
    set(WG_FLOW_ESTABLISHED, kEstablishedS);
    set(WG_FLOW_CLIENT_FIN, kFinS);
    set(WG_FLOW_BACKEND_FIN, kFinS);
    set(WG_FLOW_CLOSED, kClosedS);
  }
}

// A flow in numbers.
struct TestFlow {
  uint32_t client = 1;
  uint16_t client_port = 1000;
  uint32_t frontend = 1;
  uint32_t backend = 1;
  uint8_t protocol = WG_PROTOCOL_TCP;
  uint16_t translated_port = 0;  // WG_FLOW_SOURCE_PORT

  bool operator==(const TestFlow&) const = default;
};

inline native_key key_of(const TestFlow& flow, bool ipv6 = false) {
  native_key key{};
  key.client[0] = htonl(0x0a000000 + flow.client);
  key.backend[0] = htonl(0x0af40000 + flow.backend);
  if (ipv6) {
    key.client[3] = flow.client;
    key.backend[3] = flow.backend;
  }
  key.frontend = 0x0a600000 + flow.frontend;
  key.client_port = htons(flow.client_port);
  key.frontend_port = htons(80);
  key.backend_port = htons(8080);
  key.source_port = htons(flow.translated_port);
  return key;
}

inline native_entry entry_of(const TestFlow& flow, uint8_t state = WG_FLOW_HALF_OPEN, bool may_spill = false) {
  const uint32_t flags = flow.translated_port != 0 ? WG_FLOW_SOURCE_PORT : 0;
  return {.backend = flow.backend | flags,
          .snat_port = htons(flow.translated_port),
          .state = state,
          .may_evict = 1,
          .may_spill = may_spill};
}

inline native_result insert(const TestFlow& flow, native_table table = NATIVE_FLOWS4, uint8_t state = WG_FLOW_HALF_OPEN,
                            bool may_spill = false) {
  const native_key key = key_of(flow, table == NATIVE_FLOWS6);
  const native_entry entry = entry_of(flow, state, may_spill);
  native_hit hit{};
  return ::native_insert(table, &key, flow.protocol, &entry, &hit);
}

struct Found {
  uint32_t slot = 0;
  native_hit hit{};
};

inline std::optional<Found> find(const TestFlow& flow, native_direction direction = NATIVE_REQUEST,
                                 native_table table = NATIVE_FLOWS4) {
  const native_key key = key_of(flow, table == NATIVE_FLOWS6);
  Found found;
  const long slot = native_find(table, direction, &key, flow.protocol, &found.hit);
  if (slot < 0) return std::nullopt;
  found.slot = static_cast<uint32_t>(slot);
  return found;
}

inline bool is_valid(uint32_t control) { return (control & WG_FLOW_VALID) != 0; }
inline uint32_t state_of(uint32_t control) { return control & WG_FLOW_STATE_MASK; }
inline uint32_t generation_of(uint32_t control) { return control / WG_FLOW_GENERATION_ONE; }

// Slots of the two buckets a flow may live in.
inline std::vector<uint32_t> set_of(const TestFlow& flow, native_table table = NATIVE_FLOWS4) {
  const native_key key = key_of(flow, table == NATIVE_FLOWS6);
  const struct wg_flow_place place = native_place(table, &key, flow.protocol);
  std::vector<uint32_t> slots;
  for (const uint32_t bucket : {place.bucket1, place.bucket2}) {
    for (uint32_t way = 0; way < WG_FLOW_WAYS; ++way) slots.push_back(bucket * WG_FLOW_WAYS + way);
  }
  return slots;
}

}  // namespace waggle
