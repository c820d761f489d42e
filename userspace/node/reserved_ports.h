// SPDX-License-Identifier: Apache-2.0
// The node ports of SNAT, kept from sockets, and given back when Waggle is removed. The kernel's setting is the
// operator's as well, so Waggle remembers in its run directory which ports it added: those, and no others, go again.
// Called by the daemon at start and by cleanup.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "node/kernel_settings.h"

namespace waggle {

// What others reserved stays theirs. What was added is remembered first, so that a crash leaves nothing unremembered.
// Answers why it cannot be remembered, which keeps nothing from being reserved; empty: it is.
Result<std::string> reserve_ports(PortRange range, const std::filesystem::path& run_dir,
                                  const std::string& root = kProcSys);

// Takes back what was added in this network namespace, and forgets it; answers what that was.
Result<std::vector<PortRange>> release_ports(const std::filesystem::path& run_dir, const std::string& root = kProcSys);

}  // namespace waggle
