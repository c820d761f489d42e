// SPDX-License-Identifier: Apache-2.0
// The map `source_ranges` as entries. Used by TableWriter and TableReader only.
#pragma once

#include <vector>

#include "base/result.h"
#include "plan/table.h"

namespace waggle {

inline constexpr const char* kSourceRangesMap = "source_ranges";

// All entries, each once, also while the agent changes them.
Result<std::vector<SourceRangeEntry>> read_source_ranges(int map_fd);
// A write to Table::kSourceRanges. Taking away what is not there is no failure.
Result<void> apply_source_range(int map_fd, const Write& write);

}  // namespace waggle
