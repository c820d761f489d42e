// SPDX-License-Identifier: Apache-2.0
// The agent's log: spdlog to stderr, one line a message, with time and level. Set up once by the agent's command; every
// layer that logs includes this header only.
#pragma once

#include <spdlog/spdlog.h>

#include <string_view>

#include "base/result.h"

namespace waggle {

// level: trace, debug, info, warn, error or off.
Result<void> start_log(std::string_view level);

}  // namespace waggle
