// SPDX-License-Identifier: Apache-2.0
// Every command of `waggle` but the agent: reads the pinned maps and prints. Works with no agent running.
#pragma once

#include <span>

namespace waggle {

// arguments: those after the program's name. Answers the exit status: 0 done, 1 failed, 2 usage.
int cli_command(std::span<char* const> arguments);

}  // namespace waggle
