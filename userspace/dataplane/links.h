// SPDX-License-Identifier: Apache-2.0
// What is attached, as the pins and the kernel tell. Used by Dataplane, TableReader and cleanup.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "dataplane/bpf_root.h"
#include "dataplane/dataplane.h"

namespace waggle {

// Pinned tcx and XDP links on devices that exist, and our clsact filters (see tc_attach.h for owner_map_id).
Result<std::vector<AttachedLink>> list_attached(const PinPaths& paths, uint32_t owner_map_id);

// Removes pins whose device is gone; answers their ifindexes.
Result<std::vector<uint32_t>> prune_links(const PinPaths& paths);

}  // namespace waggle
