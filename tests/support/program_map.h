// SPDX-License-Identifier: Apache-2.0
// A map that a program has for itself: neither pinned nor shared, so that only the program knows it.
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace waggle {

// The kernel cuts names of maps after 15 characters.
Result<UniqueFd> map_of_program(int program_fd, std::string_view name);

}  // namespace waggle
