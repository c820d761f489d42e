// SPDX-License-Identifier: Apache-2.0
// How many entries each table gets when it is made. Chosen by the daemon from its configuration (defaults from memory);
// once the tables are pinned their own sizes win until `waggle cleanup`.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "plan/table.h"

namespace waggle {

// All powers of two.
struct DataplaneSizes {
  TableSizes plan;
  uint32_t flow_slots4 = 1u << 16;  // slots; a bucket is WG_FLOW_WAYS of them. Live flows should fill half at most
  uint32_t flow_slots6 = 1u << 16;
  uint32_t snat_slots4 = 1u << 16;
  uint32_t snat_slots6 = 1u << 16;
  uint32_t spill_entries = 1u << 14;
  uint32_t sock_entries = 1u << 16;
  uint32_t nexthops = 1u << 12;
  uint32_t affinity_entries = 1u << 16;
  uint32_t fragment_entries = 1u << 13;

  bool operator==(const DataplaneSizes&) const;
};

// IPv4 flows about 1/512 of the memory; IPv6 half as many slots; SNAT reservations a quarter of the flows of their
// family.
DataplaneSizes default_sizes(uint64_t memory_bytes);
uint64_t total_memory_bytes();  // of this machine

// Names the first size that is not a power of two or out of its bounds.
Result<void> check_sizes(const DataplaneSizes& sizes);

}  // namespace waggle
