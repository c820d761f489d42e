// SPDX-License-Identifier: Apache-2.0
// Maps as the rig needs them: found by the program that has one for itself, neither pinned nor shared; emptied.
#pragma once

#include <bpf/bpf.h>

#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "dataplane/hash_entries.h"

namespace waggle {

// The kernel cuts names of maps after 15 characters.
Result<UniqueFd> map_of_program(int program_fd, std::string_view name);

template <typename Key, typename Value>
void clear_hash(int map_fd, const char* name) {
  const auto entries = hash_entries<Key, Value>(map_fd, name);
  if (!entries) return;
  for (const auto& [key, value] : *entries) ::bpf_map_delete_elem(map_fd, &key);
}

}  // namespace waggle
