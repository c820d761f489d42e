// SPDX-License-Identifier: Apache-2.0
// Opens the real parts of the agent, in the order in which a failure leaves least behind. Called by agent_command()
// only.
#pragma once

#include "base/result.h"
#include "daemon/agent.h"
#include "daemon/options.h"

namespace waggle {

// Blocks SIGTERM and SIGINT for this process, AgentParts::stop receives them; ignores SIGPIPE.
Result<AgentParts> open_parts(const AgentOptions& options);

// --init-only: everything that takes privileges (kernel settings, reserved ports, tables, programs, socket hooks), so
// that nothing is left to do but to attach to links and to serve.
Result<void> init_node(const AgentOptions& options);

// --cleanup: as `waggle cleanup`. What is not there is no failure (contract O-71).
Result<void> clean_up_node(const AgentOptions& options);

}  // namespace waggle
