// SPDX-License-Identifier: Apache-2.0
#include "dataplane/source_ranges.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "dataplane/errors.h"
#include "waggle/abi/source_range.h"

namespace waggle {
namespace {

SourceRangeEntry entry_of(const wg_source_range_key& key) {
  SourceRangeEntry entry;
  entry.service = key.service;
  entry.prefix_length = static_cast<uint8_t>(key.prefix_bits - WG_SOURCE_RANGE_SERVICE_BITS);
  std::memcpy(entry.address.data(), key.address, sizeof key.address);
  return entry;
}

wg_source_range_key key_of(const Write& write) {
  wg_source_range_key key{};
  key.prefix_bits = WG_SOURCE_RANGE_SERVICE_BITS + write.prefix_length;
  key.service = write.index;
  std::memcpy(key.address, write.bytes.data(), sizeof key.address);
  return key;
}

}  // namespace

// A key that goes while it is the cursor makes the kernel start over, so entries may come twice.
Result<std::vector<SourceRangeEntry>> read_source_ranges(int map_fd) {
  std::set<SourceRangeEntry> entries;
  wg_source_range_key key{};
  wg_source_range_key next{};
  int result = ::bpf_map_get_next_key(map_fd, nullptr, &next);
  for (; result == 0; result = ::bpf_map_get_next_key(map_fd, &key, &next)) {
    key = next;
    // Shorter ones hold for several services: none of ours.
    if (key.prefix_bits >= WG_SOURCE_RANGE_SERVICE_BITS) entries.insert(entry_of(key));
  }
  if (errno != ENOENT) return system_failure(fmt::format("reading table {}", kSourceRangesMap), errno);
  return std::vector(entries.begin(), entries.end());
}

Result<void> apply_source_range(int map_fd, const Write& write) {
  const wg_source_range_key key = key_of(write);
  const wg_source_range_value allowed{1};
  const bool done = write.size != 0 ? ::bpf_map_update_elem(map_fd, &key, &allowed, BPF_ANY) == 0
                                    : ::bpf_map_delete_elem(map_fd, &key) == 0 || errno == ENOENT;
  if (done) return {};
  return system_failure(fmt::format("writing table {}", kSourceRangesMap), errno);
}

}  // namespace waggle
