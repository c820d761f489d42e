// SPDX-License-Identifier: Apache-2.0
// A Configuration as text: the file that --write-config-to writes, the JSON that /configz answers, and what the log
// says of it. Pure.
#pragma once

#include <string>
#include <vector>

#include "daemon/config_settings.h"
#include "daemon/options.h"

namespace waggle {

// Writes into the configuration what follows from other fields or flags: the node's name, the servers' addresses, the
// mark. What is written then says all there is to say.
Configuration effective(Configuration configuration, const AgentOptions& options);

// Both documents. Reading it gives the same configuration again.
std::string config_yaml(const Configuration& configuration);
// {"kubeproxy.config.k8s.io": {...}, "waggle.dev": {...}}
std::string configz_json(const Configuration& configuration);

// What was passed over or has no effect, one sentence each.
std::vector<std::string> config_notices(const Configuration& configuration);

}  // namespace waggle
