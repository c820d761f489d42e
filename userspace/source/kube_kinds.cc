// SPDX-License-Identifier: Apache-2.0
#include "source/kube_kinds.h"

#include "source/decode_kinds.h"

namespace waggle {
namespace {

// In the order of ObjectKind.
constexpr std::array<KubeKind, 4> kKinds = {{
    {ObjectKind::kService, "Service", "services", "", "/api/v1/services", true, kLongestLabel},
    {ObjectKind::kEndpointSlice, "EndpointSlice", "endpointslices", "discovery.k8s.io",
     "/apis/discovery.k8s.io/v1/endpointslices", true, kLongestSubdomain},
    {ObjectKind::kNode, "Node", "nodes", "", "/api/v1/nodes", false, kLongestSubdomain},
    {ObjectKind::kServiceCidr, "ServiceCIDR", "servicecidrs", "networking.k8s.io",
     "/apis/networking.k8s.io/v1/servicecidrs", false, kLongestSubdomain},
}};

}  // namespace

const KubeKind& kube_kind(ObjectKind kind) { return kKinds[static_cast<size_t>(kind)]; }

std::string quoted(std::string_view text) {
  constexpr size_t kLongest = 80;
  std::string out = "\"";
  for (const char c : text.substr(0, kLongest)) out += c < ' ' || c > '~' ? '?' : c;
  return out + (text.size() > kLongest ? "...\"" : "\"");
}

}  // namespace waggle
