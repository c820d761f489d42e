// SPDX-License-Identifier: Apache-2.0
// `waggle agent`: parses its options and runs the node agent until SIGTERM or SIGINT. Answers the process's exit
// status: 0 done, 1 failed, 2 usage.
#pragma once

#include <span>

namespace waggle {

// arguments: those after "agent".
int agent_command(std::span<char* const> arguments);

}  // namespace waggle
