// SPDX-License-Identifier: Apache-2.0
// What is said when a request has no whole answer: which server, what happened, what helps. Pure; for KubeHttp.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "source/http_exchange.h"
#include "source/kube_config.h"

namespace waggle {

// "API server https://10.0.0.1:6443: WHAT"
std::string server_problem(const KubeAccess& access, std::string_view what);
std::string failure_problem(const KubeAccess& access, const HttpFailure& failure);
std::string seconds_words(std::chrono::milliseconds time);  // "1.5 s"

}  // namespace waggle
