// SPDX-License-Identifier: Apache-2.0
// Network devices in words, for messages. Used inside dataplane/ only.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace waggle {

std::string device_name(uint32_t ifindex);    // "eth0"; "#7" if there is none of that index
std::string device_words(uint32_t ifindex);   // "device eth0 (index 2)"
Result<void> check_device(uint32_t ifindex);  // ENODEV in words if it is not in this network namespace

}  // namespace waggle
