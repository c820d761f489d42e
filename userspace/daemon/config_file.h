// SPDX-License-Identifier: Apache-2.0
// Reads the documents of a configuration file into a Configuration. KubeProxyConfiguration is read as kube-proxy reads
// it: fields it does not know are passed over with a remark (contract O-11). In WaggleConfiguration they are errors.
// Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "daemon/config.h"

namespace waggle {

// text: what the file holds; file: its name, for messages. The error is one sentence: "file:line: kind: field: what".
Result<void> read_config_text(Configuration& configuration, const std::string& text, const std::string& file);

}  // namespace waggle
