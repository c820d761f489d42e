// SPDX-License-Identifier: Apache-2.0
// The command line of `waggle agent`: Waggle's own options and kube-proxy's flags, spelled as either spells them. Pure.
// Called by parse_agent_options().
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/config_settings.h"

namespace waggle {

// Flag without dashes -> what was given with it, in order.
using GivenFlags = std::map<std::string, std::vector<std::string>, std::less<>>;

Result<GivenFlags> read_command_line(std::span<char* const> arguments);

// Puts what flags say over what is there. Flags that a KubeProxyConfiguration beats are noted and left out.
Result<void> apply_flags(Configuration& configuration, const GivenFlags& flags, std::span<const Setting> settings);

std::string flags_help();

}  // namespace waggle
