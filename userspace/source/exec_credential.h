// SPDX-License-Identifier: Apache-2.0
// What is said to an exec program and what it says back (client authentication protocol v1 and v1beta1). Pure; used by
// KubeCredentials.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/result.h"
#include "source/kube_config.h"

namespace waggle {

struct ExecCredential {
  std::string token;
  std::string client_certificate;                             // PEM
  std::string client_key;                                     // PEM
  std::optional<std::chrono::system_clock::time_point> ends;  // as the program's clock has it
};

// The value of KUBERNETES_EXEC_INFO. `authority`: PEM of the server's authority, for programs that ask for it.
std::string exec_info(const KubeAccess& access, const std::string& authority);
// Errors say what is wrong with the output, never what stands in it: it is secret.
Result<ExecCredential> parse_exec_credential(const std::string& output, const std::string& api_version);
// "2026-01-31T12:00:00Z", with fractions of seconds or offsets, too.
std::optional<std::chrono::system_clock::time_point> parse_rfc3339(const std::string& text);

}  // namespace waggle
