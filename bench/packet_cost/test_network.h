// SPDX-License-Identifier: Apache-2.0
// A network namespace of this process's own, with an uplink that leads everywhere, so that the programs' questions to
// the kernel's routing are answered as on a node. Gone when the process ends.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace waggle {

inline constexpr uint32_t kLoopback = 1;  // the interface that test packets come in by

// Answers the uplink's interface index.
Result<uint32_t> enter_test_network();

}  // namespace waggle
