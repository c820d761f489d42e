// SPDX-License-Identifier: Apache-2.0
// The TC programs on one network link: as tcx links (kernel 6.6 and newer, pinned) or as clsact filters (older; they
// stay with the device by themselves). Used by Dataplane, TableReader and cleanup.
//
// Egress comes first and goes last: it undoes what ingress does, so no reply leaves untranslated in between.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "dataplane/bpf_root.h"
#include "dataplane/dataplane.h"

namespace waggle {

struct TcPrograms {
  int ingress_fd = -1;
  int egress_fd = -1;
};

// Whether this kernel has tcx: asked by attaching to a device that cannot exist.
bool kernel_has_tcx(int program_fd);

Result<AttachOutcome> attach_tcx(const PinPaths& paths, uint32_t ifindex, const TcPrograms& programs);
Result<void> detach_tcx(const PinPaths& paths, uint32_t ifindex);

// owner_map_id: id of our table `control`. A filter is ours when its program uses that table; opening a program by its
// id needs CAP_SYS_ADMIN, without which every filter looks foreign.
Result<AttachOutcome> attach_clsact(uint32_t ifindex, const TcPrograms& programs, uint32_t owner_map_id);
// Leaves the (then maybe empty) clsact qdisc in place: others may have filters there. Answers how many filters went.
Result<unsigned> detach_clsact(uint32_t ifindex, uint32_t owner_map_id);
// Our filters on all devices of this network namespace.
std::vector<AttachedLink> attached_clsact(uint32_t owner_map_id);

}  // namespace waggle
