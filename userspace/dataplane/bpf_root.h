// SPDX-License-Identifier: Apache-2.0
// Where everything pinned lives: a BPF file system, the directories below it, and the lock that says who writes there.
// Used by Dataplane, TableReader and cleanup.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace waggle {

struct PinPaths {
  std::filesystem::path base;   // <bpf_root>/waggle
  std::filesystem::path maps;   // base/maps
  std::filesystem::path links;  // base/links

  explicit PinPaths(const std::filesystem::path& bpf_root)
      : base(bpf_root / "waggle"), maps(base / "maps"), links(base / "links") {}
};

// `path` becomes a directory on a BPF file system: created if missing, mounted if it is an empty directory elsewhere.
Result<void> ensure_bpf_root(const std::filesystem::path& path);
bool is_bpf_filesystem(const std::filesystem::path& path);

Result<void> make_pin_directories(const PinPaths& paths);

// The exclusive lock on paths.base, held as long as the descriptor is open. Fails at once when someone else has it.
Result<UniqueFd> lock_pins(const PinPaths& paths);
// Who has the lock: a pid, or 0 for nobody (or nobody who can be seen from this pid namespace).
int lock_owner(const PinPaths& paths);

// Names of the pins in a directory, sorted; a missing directory has none.
std::vector<std::string> pin_names(const std::filesystem::path& directory);

}  // namespace waggle
