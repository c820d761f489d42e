// SPDX-License-Identifier: Apache-2.0
// May a service have its ClusterIP all to itself? Its own ports are served whatever the answer. But what goes to other
// ports is refused (contract K-85, K-86), and if the address is in truth a host's, that would cut the host off. Pure.
// Asked by the planner; the agent says the words.
#pragma once

#include <optional>
#include <string>

#include "model/state.h"

namespace waggle {

// Why not: what to say behind "its ClusterIP 10.96.0.1". Nothing: it may.
std::optional<std::string> cluster_ip_doubt(const State& state, const IpAddress& cluster_ip);

}  // namespace waggle
