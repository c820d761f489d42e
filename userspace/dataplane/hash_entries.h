// SPDX-License-Identifier: Apache-2.0
// Reads all entries of a hash map in batches. Used inside dataplane/ only.
//
// Batches and not get_next_key: programs insert and delete meanwhile, and get_next_key starts over when its key is
// gone.
#pragma once

#include <bpf/bpf.h>

#include <cerrno>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/errors.h"

namespace waggle {

template <typename Key, typename Value>
Result<std::vector<std::pair<Key, Value>>> hash_entries(int map_fd, std::string_view name) {
  std::vector<std::pair<Key, Value>> entries;
  std::vector<Key> keys(1024);
  std::vector<Value> values(1024);
  uint32_t place = 0;
  bool first = true;
  for (;;) {
    auto count = static_cast<uint32_t>(keys.size());
    uint32_t next = 0;
    const int result =
        ::bpf_map_lookup_batch(map_fd, first ? nullptr : &place, &next, keys.data(), values.data(), &count, nullptr);
    if (result != 0 && errno == ENOSPC) {  // one hash chain is longer than the batch
      keys.resize(keys.size() * 2);
      values.resize(keys.size());
      continue;
    }
    if (result != 0 && errno != ENOENT) return system_failure(std::string("reading table ").append(name), errno);
    const bool last = result != 0;
    for (uint32_t i = 0; i < count; ++i) entries.emplace_back(keys[i], values[i]);
    if (last) return entries;
    place = next;
    first = false;
  }
}

}  // namespace waggle
