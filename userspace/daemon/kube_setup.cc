// SPDX-License-Identifier: Apache-2.0
#include "daemon/kube_setup.h"

#include <random>
#include <utility>

#include "base/log.h"
#include "source/kube_http.h"
#include "source/kube_source.h"

namespace waggle {
namespace {

constexpr std::string_view kNoAccess =
    "; outside of a cluster name a kubeconfig with --kubeconfig (clientConnection.kubeconfig), or a directory of "
    "manifests with --manifests";

Result<KubeAccess> access_of(const ApiOptions& options) {
  if (!options.kubeconfig.empty()) return read_kubeconfig(options.kubeconfig.string());
  auto access = in_cluster_access(in_cluster_place_of_environment());
  if (!access) access.error().message += kNoAccess;
  return access;
}

void count_requests(KubeSource& source, const std::string& host, SyncMetrics& metrics) {
  for (const KubeRequest& request : source.take_requests()) {
    metrics.api_request(host, request.method, request.status == 0 ? "<error>" : std::to_string(request.status),
                        request.took);
  }
}

}  // namespace

std::string host_of_url(std::string_view url) {
  if (const size_t scheme = url.find("://"); scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  return std::string(url.substr(0, url.find('/')));
}

Result<void> open_kube_source(const AgentOptions& options, AgentParts& parts) {
  auto access = access_of(options.api);
  if (!access) return tl::unexpected(access.error());
  if (!options.api.master.empty()) access->server = options.api.master;
  for (const std::string& warning : access->warnings) spdlog::warn("{}", warning);
  const std::string host = host_of_url(access->server);
  const KubeSourceOptions asked{
      .node_name = options.node_name, .server = "the API server " + access->server, .timings = {}};
  auto transport = KubeHttp::open(std::move(*access));
  if (!transport) return tl::unexpected(transport.error());
  auto source = KubeSource::make(std::move(*transport), asked, std::random_device{}());
  if (!source) return tl::unexpected(source.error());
  KubeSource* kube = source->get();
  parts.source = std::move(*source);
  parts.post = [kube](ClusterEvent event) { kube->post_event(event.name_space, std::move(event.body)); };
  parts.count = [kube, host](SyncMetrics& metrics) { count_requests(*kube, host, metrics); };
  return {};
}

}  // namespace waggle
