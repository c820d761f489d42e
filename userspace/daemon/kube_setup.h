// SPDX-License-Identifier: Apache-2.0
// Opens the Kubernetes API as the agent's source, with what the agent asks of it beside: posting events, counting
// requests. Called by open_parts().
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "daemon/agent.h"
#include "daemon/options.h"

namespace waggle {

// Sets parts.source, parts.post and parts.count. Asks the server for nothing yet. An error says what to mend.
Result<void> open_kube_source(const AgentOptions& options, AgentParts& parts);

// "10.0.0.1:6443" of "https://10.0.0.1:6443/path", as metrics name a server.
std::string host_of_url(std::string_view url);

}  // namespace waggle
