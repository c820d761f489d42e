// SPDX-License-Identifier: Apache-2.0
// One kernel setting as a file of /proc or /sys: read and written as one short text. Used inside node/ only.
#pragma once

#include <string>

#include "base/result.h"

namespace waggle {

// Without the newline at its end.
Result<std::string> read_setting(const std::string& path);
// Error::code is the errno of the step that failed.
Result<void> write_setting(const std::string& path, const std::string& text);

}  // namespace waggle
