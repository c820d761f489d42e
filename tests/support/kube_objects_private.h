// SPDX-License-Identifier: Apache-2.0
// What the writers of JSON and protobuf share. For kube_*objects.cc only.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/state.h"

namespace waggle {

inline constexpr std::string_view kUid = "00000000-0000-4000-8000-000000000001";
// As long as what a real server keeps about who set which field.
inline constexpr std::string_view kManagedFields =
    R"({"f:metadata":{"f:annotations":{".":{},"f:endpoints.kubernetes.io/last-change-trigger-time":{}},"f:labels":{".":{})"
    R"(,"f:app":{}}},"f:spec":{"f:internalTrafficPolicy":{},"f:ports":{".":{},"k:{\"port\":80,\"protocol\":\"TCP\"}":{)"
    R"(".":{},"f:name":{},"f:port":{},"f:protocol":{},"f:targetPort":{}}},"f:selector":{},"f:type":{}}})";

struct KindWords {
  std::string kind;
  std::string api_version;
};
const KindWords& words_of(ObjectKind kind);

struct MetaFields {
  ObjectName name;
  std::string version;
  std::string created;
  bool deleting = false;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::pair<std::string, std::string>> annotations;
};
MetaFields meta_fields_of(const Event& object);

std::vector<std::string> cluster_ips_of(const Service& service);
inline std::string_view family_text(const IpAddress& address) {
  return address.family == Family::kIpv4 ? "IPv4" : "IPv6";
}

}  // namespace waggle
