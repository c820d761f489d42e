// SPDX-License-Identifier: Apache-2.0
#include "dataplane/map_specs.h"

#include <fmt/format.h>
#include <linux/bpf.h>

#include "waggle/abi/affinity.h"
#include "waggle/abi/backend.h"
#include "waggle/abi/counter.h"
#include "waggle/abi/flow.h"
#include "waggle/abi/fragment.h"
#include "waggle/abi/frontend.h"
#include "waggle/abi/service.h"
#include "waggle/abi/settings.h"
#include "waggle/abi/sock.h"
#include "waggle/abi/source_range.h"

namespace waggle {
namespace {

template <typename Value>
MapSpec array(const char* name, uint32_t entries, uint32_t flags = BPF_F_MMAPABLE) {
  return {name, BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(Value), entries, flags};
}

template <typename Value>
MapSpec percpu_array(const char* name, uint32_t entries) {
  return {name, BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(uint32_t), sizeof(Value), entries, 0};
}

template <typename Key, typename Value>
MapSpec hash(const char* name, uint32_t type, uint32_t entries, uint32_t flags = 0) {
  return {name, type, sizeof(Key), sizeof(Value), entries, flags};
}

}  // namespace

std::vector<MapSpec> map_specs(const DataplaneSizes& sizes) {
  const TableSizes& plan = sizes.plan;
  return {
      array<wg_frontend_bucket4>("frontends4", plan.frontend_buckets4),
      array<wg_frontend_bucket6>("frontends6", plan.frontend_buckets6),
      array<wg_service>("services", plan.services),
      array<wg_slot>("slots", plan.slots),
      array<wg_backend>("backends", plan.backends),
      array<uint64_t>("frontend_gate", plan.frontend_gate_words),
      array<uint64_t>("reply_gate", plan.reply_gate_words),
      array<wg_flow_bucket4>("flows4", sizes.flow_slots4 / WG_FLOW_WAYS),
      array<wg_flow_bucket6>("flows6", sizes.flow_slots6 / WG_FLOW_WAYS),
      array<wg_snat_bucket4>("snat4", sizes.snat_slots4 / WG_FLOW_WAYS),
      array<wg_snat_bucket6>("snat6", sizes.snat_slots6 / WG_FLOW_WAYS),
      array<uint32_t>("snat_turns", WG_SNAT_TURNS, 0),
      array<wg_nexthop>("nexthops", sizes.nexthops, 0),
      array<wg_control>("control", 1),
      hash<wg_spill_key, wg_spill_value>("flow_spill", BPF_MAP_TYPE_LRU_HASH, sizes.spill_entries),
      hash<wg_sock_key, wg_sock_value>("sock_flows", BPF_MAP_TYPE_LRU_HASH, sizes.sock_entries),
      hash<wg_affinity_key, wg_affinity_value>("affinity", BPF_MAP_TYPE_LRU_HASH, sizes.affinity_entries),
      hash<wg_fragment_key, wg_fragment_value>("fragments", BPF_MAP_TYPE_LRU_HASH, sizes.fragment_entries),
      hash<wg_source_range_key, wg_source_range_value>("source_ranges", BPF_MAP_TYPE_LPM_TRIE, plan.source_ranges,
                                                       BPF_F_NO_PREALLOC),
      percpu_array<wg_service_counter>("service_counters", plan.services),
      percpu_array<uint64_t>("reason_counters", WG_REASON_COUNTERS),
      hash<uint32_t, wg_service_name>(kServiceNamesMap, BPF_MAP_TYPE_HASH, plan.services, BPF_F_NO_PREALLOC),
      array<wg_meta>(kMetaMap, 1, 0),
  };
}

std::string map_type_name(uint32_t type) {
  switch (type) {
    case BPF_MAP_TYPE_HASH:
      return "hash";
    case BPF_MAP_TYPE_ARRAY:
      return "array";
    case BPF_MAP_TYPE_PERCPU_ARRAY:
      return "percpu_array";
    case BPF_MAP_TYPE_LRU_HASH:
      return "lru_hash";
    case BPF_MAP_TYPE_LPM_TRIE:
      return "lpm_trie";
    default:
      return fmt::format("type {}", type);
  }
}

}  // namespace waggle
