// SPDX-License-Identifier: Apache-2.0
// Runs a program of the machine to its end: what it is given and what it prints are texts. Waits: not for the event
// loop's own thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace waggle {

// The program's path, by PATH; empty: this machine has none.
std::string find_program(const std::string& name);

// What it printed. Fails with its last words if it did not end with status 0.
Result<std::string> run_program(const std::vector<std::string>& words, const std::string& input = "");

}  // namespace waggle
