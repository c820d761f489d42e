// SPDX-License-Identifier: Apache-2.0
#include "dataplane/sizes.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>

#include "waggle/abi/flow.h"
#include "waggle/abi/gate.h"

namespace waggle {
namespace {

constexpr uint64_t kMemoryShare = 512;  // of the memory go to the IPv4 flow table
constexpr uint64_t kMinFlowSlots = 1u << 16;
constexpr uint64_t kMaxFlowSlots = 1u << 22;

struct NamedSize {
  const char* name;
  uint32_t value;
  uint32_t min;
  uint32_t max;
};

}  // namespace

bool DataplaneSizes::operator==(const DataplaneSizes& other) const {
  return plan.frontend_buckets4 == other.plan.frontend_buckets4 &&
         plan.frontend_buckets6 == other.plan.frontend_buckets6 && plan.services == other.plan.services &&
         plan.slots == other.plan.slots && plan.backends == other.plan.backends &&
         plan.reply_gate_words == other.plan.reply_gate_words &&
         plan.frontend_gate_words == other.plan.frontend_gate_words && plan.source_ranges == other.plan.source_ranges &&
         flow_slots4 == other.flow_slots4 && flow_slots6 == other.flow_slots6 && snat_slots4 == other.snat_slots4 &&
         snat_slots6 == other.snat_slots6 && spill_entries == other.spill_entries &&
         sock_entries == other.sock_entries && nexthops == other.nexthops &&
         affinity_entries == other.affinity_entries && fragment_entries == other.fragment_entries;
}

DataplaneSizes default_sizes(uint64_t memory_bytes) {
  DataplaneSizes sizes;
  const uint64_t wanted = std::bit_floor(std::max<uint64_t>(memory_bytes / kMemoryShare / sizeof(wg_flow4), 1));
  sizes.flow_slots4 = static_cast<uint32_t>(std::clamp(wanted, kMinFlowSlots, kMaxFlowSlots));
  sizes.flow_slots6 = sizes.flow_slots4 / 2;
  sizes.snat_slots4 = sizes.flow_slots4 / 4;
  sizes.snat_slots6 = sizes.flow_slots6 / 4;
  return sizes;
}

uint64_t total_memory_bytes() {
  return static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

Result<void> check_sizes(const DataplaneSizes& sizes) {
  const uint32_t two_buckets = 2 * WG_FLOW_WAYS;
  const std::array named = {
      NamedSize{"frontend buckets (IPv4)", sizes.plan.frontend_buckets4, 64, 1u << 24},
      NamedSize{"frontend buckets (IPv6)", sizes.plan.frontend_buckets6, 64, 1u << 24},
      NamedSize{"services", sizes.plan.services, 128, 1u << 20},
      NamedSize{"slots", sizes.plan.slots, 512, 1u << WG_SET_BASE_BITS},
      NamedSize{"backends", sizes.plan.backends, 128, WG_FLOW_SNAT},
      NamedSize{"reply gate words", sizes.plan.reply_gate_words, 512, WG_GATE_MAX_WORDS},
      NamedSize{"frontend gate words", sizes.plan.frontend_gate_words, 512, WG_GATE_MAX_WORDS},
      NamedSize{"source ranges", sizes.plan.source_ranges, 64, 1u << 22},
      NamedSize{"flow slots (IPv4)", sizes.flow_slots4, two_buckets, 1u << 27},
      NamedSize{"flow slots (IPv6)", sizes.flow_slots6, two_buckets, 1u << 26},
      NamedSize{"SNAT slots (IPv4)", sizes.snat_slots4, two_buckets, 1u << 27},
      NamedSize{"SNAT slots (IPv6)", sizes.snat_slots6, two_buckets, 1u << 25},
      NamedSize{"spill entries", sizes.spill_entries, 64, 1u << 22},
      NamedSize{"socket entries", sizes.sock_entries, 64, 1u << 24},
      NamedSize{"next hops", sizes.nexthops, 64, 1u << 20},
      NamedSize{"affinity entries", sizes.affinity_entries, 64, 1u << 24},
      NamedSize{"fragment entries", sizes.fragment_entries, 64, 1u << 22},
  };
  for (const auto& size : named) {
    if (std::has_single_bit(size.value) && size.value >= size.min && size.value <= size.max) continue;
    return failure(fmt::format("table size of {} is {}: it must be a power of two from {} to {}", size.name, size.value,
                               size.min, size.max));
  }
  return {};
}

}  // namespace waggle
