// SPDX-License-Identifier: Apache-2.0
#include "dataplane/counters.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <cerrno>

#include "dataplane/errors.h"

namespace waggle {
namespace {

// One value per possible CPU.
template <typename Value>
Result<std::vector<Value>> read_copies(const PinnedMaps& maps, const char* name, uint32_t index) {
  static_assert(sizeof(Value) % sizeof(uint64_t) == 0, "the kernel rounds copies up to 8 bytes");
  const int cpus = ::libbpf_num_possible_cpus();
  if (cpus < 0) return system_failure("counting the CPUs", cpus);
  std::vector<Value> copies(static_cast<size_t>(cpus));
  if (::bpf_map_lookup_elem(maps.fd(name), &index, copies.data()) != 0) {
    return system_failure(fmt::format("reading entry {} of table {}", index, name), errno);
  }
  return copies;
}

}  // namespace

Result<wg_service_counter> read_service_counter(const PinnedMaps& maps, uint32_t service) {
  auto copies = read_copies<wg_service_counter>(maps, "service_counters", service);
  if (!copies) return tl::unexpected(copies.error());
  wg_service_counter sum{};
  for (const auto& copy : *copies) {
    sum.request_packets += copy.request_packets;
    sum.request_bytes += copy.request_bytes;
    sum.reply_packets += copy.reply_packets;
    sum.reply_bytes += copy.reply_bytes;
    sum.new_flows += copy.new_flows;
  }
  return sum;
}

Result<std::vector<uint64_t>> read_reason_counters(const PinnedMaps& maps) {
  std::vector<uint64_t> sums(WG_REASON_COUNTERS);
  for (uint32_t index = 0; index < sums.size(); ++index) {
    auto copies = read_copies<uint64_t>(maps, "reason_counters", index);
    if (!copies) return tl::unexpected(copies.error());
    for (const uint64_t copy : *copies) sums[index] += copy;
  }
  return sums;
}

}  // namespace waggle
