// SPDX-License-Identifier: Apache-2.0
// What a pod finds of its cluster.
#include <fmt/format.h>

#include <cstdlib>

#include "source/kube_config.h"
#include "source/server_url.h"

namespace waggle {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

InClusterPlace in_cluster_place_of_environment() {
  InClusterPlace place;
  place.host = variable("KUBERNETES_SERVICE_HOST");
  place.port = variable("KUBERNETES_SERVICE_PORT");
  return place;
}

Result<KubeAccess> in_cluster_access(const InClusterPlace& place) {
  if (place.host.empty() || place.port.empty())
    return failure(
        "the API server of this cluster is not known: KUBERNETES_SERVICE_HOST or KUBERNETES_SERVICE_PORT is not set; "
        "run in a pod or give a kubeconfig");
  const bool ipv6 = place.host.find(':') != std::string::npos && !place.host.starts_with('[');
  const auto url =
      parse_server_url(fmt::format("https://{}:{}", ipv6 ? "[" + place.host + "]" : place.host, place.port));
  if (!url) return failure(fmt::format("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT: {}", url.error().message));
  KubeAccess out;
  out.origin = "the service account in " + place.folder;
  out.server = url->text();
  out.authority.file = place.folder + "/ca.crt";
  out.authority.field = "ca.crt";
  out.token_file = place.folder + "/token";
  return out;
}

}  // namespace waggle
