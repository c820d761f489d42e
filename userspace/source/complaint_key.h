// SPDX-License-Identifier: Apache-2.0
// Whether two complaints are the same one. Those about manifests name file and line, and lines move when something else
// in the file changes: that is no news. Pure. Used by the manifest source and by the agent's log of complaints.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace waggle {

// The complaint without the numbers of lines in manifests.
std::string complaint_key(std::string_view complaint);

// Those of `now` that `before` does not have. What stands twice but for its lines counts twice.
std::vector<std::string> new_complaints(const std::vector<std::string>& before, const std::vector<std::string>& now);

}  // namespace waggle
