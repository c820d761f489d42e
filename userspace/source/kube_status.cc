// SPDX-License-Identifier: Apache-2.0
#include "source/kube_status.h"

#include <algorithm>

#include "source/kube_json.h"
#include "source/kube_protobuf.h"

namespace waggle {

std::optional<KubeFormat> format_of(std::string_view content_type) {
  if (content_type == "application/vnd.kubernetes.protobuf") return KubeFormat::kProtobuf;
  if (content_type == "application/json") return KubeFormat::kJson;
  return std::nullopt;
}

std::optional<std::chrono::seconds> seconds_to_wait(int64_t seconds) {
  constexpr int64_t kLongest = 3600;
  if (seconds <= 0) return std::nullopt;
  return std::chrono::seconds(std::min(seconds, kLongest));
}

KubeStatus status_of_body(std::string_view content_type, const std::string& body) {
  const auto format = format_of(content_type);
  if (format == KubeFormat::kProtobuf) {
    if (const auto envelope = open_envelope(body); envelope && envelope->kind == "Status")
      return status_from_protobuf(envelope->raw);
  } else if (format == KubeFormat::kJson) {
    KubeJson json;
    if (auto status = json.read_status(body)) return std::move(*status);
  }
  constexpr size_t kLongestText = 200;
  KubeStatus out;
  out.message = body.substr(0, kLongestText);
  return out;
}

}  // namespace waggle
