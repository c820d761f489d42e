// SPDX-License-Identifier: Apache-2.0
// Reading and freeing one live entry of a flow table beside the programs that use it. Used inside dataplane/ only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>

#include "dataplane/flow_sweep.h"
#include "waggle/abi/flow.h"

namespace waggle {

// The reader's half of the protocol: control, body, control again; a body counts only if the slot stayed the same
// flow's. nullopt: the slot is empty, being filled, or changed hands while it was read again and again.
template <typename Entry>
std::optional<Entry> copy_entry(const Entry* live) {
  constexpr int kTries = 8;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const uint32_t before = __atomic_load_n(&live->head.control, __ATOMIC_ACQUIRE);
    if ((before & WG_FLOW_VALID) == 0) return std::nullopt;
    Entry copy;
    std::memcpy(&copy, live, sizeof(copy));
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    const uint32_t after = __atomic_load_n(&live->head.control, __ATOMIC_RELAXED);
    if (((before ^ after) & WG_FLOW_IDENTITY) != 0) continue;
    copy.head.control = after;
    return copy;
  }
  return std::nullopt;
}

// Frees the slot if its control word is still the verified one. Generation and the bucket's spilled bit stay.
template <typename Entry>
bool free_entry(Entry* live, uint32_t verified) {
  uint32_t expected = verified;
  const uint32_t empty = (verified & (WG_FLOW_GENERATION_MASK | WG_FLOW_SPILLED)) | WG_FLOW_EMPTY;
  return __atomic_compare_exchange_n(&live->head.control, &expected, empty, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

// Moves a bucket's spilled bit from way 0, where programs set it, to way 1, which is user space's own. Answers whether
// either was up. For those who read way 0 first, one of them stays up throughout.
template <typename Entry>
bool park_spilled_bit(Entry* ways) {
  if ((__atomic_load_n(&ways[0].head.control, __ATOMIC_ACQUIRE) & WG_FLOW_SPILLED) == 0) {
    return (__atomic_load_n(&ways[1].head.control, __ATOMIC_ACQUIRE) & WG_FLOW_SPILLED) != 0;
  }
  __atomic_fetch_or(&ways[1].head.control, WG_FLOW_SPILLED, __ATOMIC_SEQ_CST);
  __atomic_fetch_and(&ways[0].head.control, ~WG_FLOW_SPILLED, __ATOMIC_SEQ_CST);
  return true;
}

template <typename Entry>
void clear_parked_bit(Entry* ways) {
  __atomic_fetch_and(&ways[1].head.control, ~WG_FLOW_SPILLED, __ATOMIC_SEQ_CST);
}

// Calls body with a null pointer of the entry type of a table, to choose the type.
template <typename Body>
auto with_entry_type(FlowTable table, Body&& body) {
  switch (table) {
    case FlowTable::kFlows4:
      return body(static_cast<wg_flow4*>(nullptr));
    case FlowTable::kFlows6:
      return body(static_cast<wg_flow6*>(nullptr));
    case FlowTable::kSnat4:
      return body(static_cast<wg_snat4*>(nullptr));
    case FlowTable::kSnat6:
      break;
  }
  return body(static_cast<wg_snat6*>(nullptr));
}

inline void fill_bodies(FlowCopy& copy, const wg_flow4& entry) {
  copy.client[0] = entry.client[0];
  copy.backend[0] = entry.backend_address[0];
}
inline void fill_bodies(FlowCopy& copy, const wg_flow6& entry) {
  std::ranges::copy(entry.client, copy.client.begin());
  std::ranges::copy(entry.backend_address, copy.backend.begin());
}
inline void fill_bodies(FlowCopy& copy, const wg_snat4& entry) {
  copy.client[0] = entry.node[0];
  copy.backend[0] = entry.backend_address[0];
  copy.behind[0] = entry.head.frontend;
}
inline void fill_bodies(FlowCopy& copy, const wg_snat6& entry) {
  std::ranges::copy(entry.node, copy.client.begin());
  std::ranges::copy(entry.backend_address, copy.backend.begin());
  std::ranges::copy(entry.client, copy.behind.begin());
}

template <typename Entry>
FlowCopy flow_copy(FlowTable table, uint32_t slot, const Entry& entry) {
  FlowCopy copy;
  copy.table = table;
  copy.slot = slot;
  copy.head = entry.head;
  fill_bodies(copy, entry);
  return copy;
}

}  // namespace waggle
