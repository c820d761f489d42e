// SPDX-License-Identifier: Apache-2.0
// The XDP program on one uplink, as a pinned link: in the driver where it can, else in the kernel's generic hook. Used
// by Dataplane and TableReader.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "dataplane/bpf_root.h"
#include "dataplane/dataplane.h"

namespace waggle {

Result<AttachOutcome> attach_xdp_link(const PinPaths& paths, uint32_t ifindex, int program_fd);
Result<void> detach_xdp_link(const PinPaths& paths, uint32_t ifindex);
AttachMode xdp_mode(uint32_t ifindex);  // of whatever is attached

}  // namespace waggle
