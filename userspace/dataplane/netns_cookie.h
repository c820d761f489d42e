// SPDX-License-Identifier: Apache-2.0
// Which network namespace this process is in. The programs know the node's own sockets by the cookie, and the CLI knows
// by it whether interface indexes mean the same here as for the agent.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace waggle {

// A number that no other network namespace has until the next boot.
Result<uint64_t> own_netns_cookie();

}  // namespace waggle
