// SPDX-License-Identifier: Apache-2.0
// Sentences for people about what an API server answered. Used by the reflectors and the event poster; pure.
#pragma once

#include <string>
#include <string_view>

#include "source/kube_status.h"

namespace waggle {

// What was asked: "list", "services". `server`: "the API server https://192.0.2.10:6443".
struct Asked {
  std::string_view server;
  std::string_view verb;
  std::string_view resource;
};

// What is wrong and what helps, where the answer was this status of HTTP and said so. What is not about the resource
// reads the same for all, so that it is said once.
std::string words_of_refusal(const Asked& asked, int http_status, const KubeStatus& status);
std::string words_of_content_type(const Asked& asked, std::string_view content_type);

}  // namespace waggle
