// SPDX-License-Identifier: Apache-2.0
// One run of a command: parse, do, tell. cli_command() calls it for the process, tests with pipes of their own.
#pragma once

#include <span>

#include "cli/sink.h"

namespace waggle::cli {

// Data goes to `out`, messages to `err`. Answers the exit status.
int run(std::span<char* const> arguments, Sink& out, Sink& err);

}  // namespace waggle::cli
