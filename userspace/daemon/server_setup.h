// SPDX-License-Identifier: Apache-2.0
// From the agent's options to what its servers need. Pure but for one look at /proc. Called by open_parts() and the
// Agent.
#pragma once

#include <string>
#include <vector>

#include "daemon/options.h"
#include "server/servers.h"

namespace waggle {

// Families that the host can serve (contract O-14): IPv6 needs an interface list and must not be switched off.
std::vector<Family> served_families(const std::string& proc = "/proc");

ServersConfig servers_config(const AgentOptions& options, std::vector<Family> families);

}  // namespace waggle
