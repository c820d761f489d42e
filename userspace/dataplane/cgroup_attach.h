// SPDX-License-Identifier: Apache-2.0
// The socket programs on a cgroup2 directory, as pinned links. Used by Dataplane and TableReader.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "dataplane/bpf_root.h"
#include "dataplane/programs.h"

namespace waggle {

Result<void> attach_cgroup_links(const PinPaths& paths, const std::filesystem::path& cgroup, const Programs& programs);
Result<void> detach_cgroup_links(const PinPaths& paths);
bool cgroup_links_attached(const PinPaths& paths);  // all of them, to a cgroup that still exists

}  // namespace waggle
