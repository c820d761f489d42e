// SPDX-License-Identifier: Apache-2.0
// May the programs ask the kernel's connection tracking (bpf/lib/conntrack.h)? Asked once, before they are loaded.
#pragma once

namespace waggle {

// The kernel has the functions, in itself or in a module that is loaded and that this process may look into
// (CAP_SYS_ADMIN): just where libbpf looks for them.
bool offers_conntrack_lookup();

}  // namespace waggle
