// SPDX-License-Identifier: Apache-2.0
// Removes what an agent left in the kernel below a BPF root: links (so the programs stop), then pinned tables, then the
// directories. Called by `waggle cleanup` and by tests.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace waggle {

struct CleanupCounts {
  unsigned links = 0;
  unsigned maps = 0;
};

// Refused while an agent holds the lock. Nothing pinned there: success with zero counts. Clsact programs are looked for
// on the links of the calling process's network namespace.
Result<CleanupCounts> cleanup_dataplane(const std::filesystem::path& bpf_root);

}  // namespace waggle
