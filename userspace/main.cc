// SPDX-License-Identifier: Apache-2.0
// The one binary: `waggle agent` runs the node agent, everything else is the command line.
#include <span>
#include <string_view>

#include "cli/cli.h"
#include "daemon/agent_command.h"

int main(int argc, char** argv) {
  const std::span<char* const> arguments(argv + 1, argc > 0 ? static_cast<size_t>(argc - 1) : 0);
  if (!arguments.empty() && std::string_view(arguments.front()) == "agent")
    return waggle::agent_command(arguments.subspan(1));
  return waggle::cli_command(arguments);
}
