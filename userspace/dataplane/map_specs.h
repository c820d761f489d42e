// SPDX-License-Identifier: Apache-2.0
// What each pinned map must be: the loader's copy of bpf/lib/maps.h with real sizes, plus the two maps only user space
// uses. The loader compares it with what the programs ask for, so the two cannot drift apart unseen.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/sizes.h"

namespace waggle {

inline constexpr const char* kMetaMap = "meta";
inline constexpr const char* kServiceNamesMap = "service_names";

struct MapSpec {
  std::string name;         // of the map and of its pin
  uint32_t type = 0;        // BPF_MAP_TYPE_*
  uint32_t key_size = 0;    // bytes
  uint32_t value_size = 0;  // bytes
  uint32_t entries = 0;
  uint32_t flags = 0;  // BPF_F_*
};

// In the order in which they are made: `meta` comes last, so its pin says that the set is whole.
std::vector<MapSpec> map_specs(const DataplaneSizes& sizes);

std::string map_type_name(uint32_t type);  // "lru_hash"

}  // namespace waggle
