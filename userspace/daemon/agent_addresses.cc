// SPDX-License-Identifier: Apache-2.0
// The part of the agent that follows whose addresses are whose: this node's, its pods', the services'.
#include <algorithm>
#include <utility>

#include "daemon/agent.h"
#include "daemon/local_pods.h"
#include "daemon/node_ports.h"

namespace waggle {

// What a previous run told the programs counts until this one knows better.
Result<void> Agent::begin_addresses() {
  if (options_.detect_local.mode != DetectLocalMode::kNodeCidr) tell_detector();
  auto adopted = adopted_node_port_addresses(parts_.kernel->tables());
  if (!adopted) return tl::unexpected(std::move(adopted.error()).in("reading the node ports of the previous run"));
  reconciler_.set_node_addresses({.node_port_addresses = std::move(*adopted), .node_ips = identity_.ips().all()});
  return {};
}

void Agent::follow_node_object(TimePoint now) {
  const Node* self = reconciler_.state().node(options_.node_name);
  links_.set_node_addresses(parts_.network->interfaces(), self == nullptr ? std::vector<IpAddress>{} : self->addresses,
                            now);
  addresses_stale_ = true;
}

// Manifests are all there at once: a Node object that is not among them is not waited for.
Result<void> Agent::follow_addresses(TimePoint now) {
  const size_t pod_cidrs = identity_.pod_cidrs().size();
  const bool settled = identity_.settled();
  identity_.take(reconciler_.state().node(options_.node_name), reconciler_.synced() && !options_.manifests.empty());
  if (auto goes_on = identity_.check(now); !goes_on) return goes_on;
  if (pod_cidrs != identity_.pod_cidrs().size()) tell_detector();
  addresses_stale_ = addresses_stale_ || settled != identity_.settled();
  tell_node_ports();
  return {};
}

void Agent::tell_detector() { parts_.kernel->set_detector(pod_detector(options_.detect_local, identity_.pod_cidrs())); }

// Live, unlike kube-proxy's (K-43).
void Agent::tell_node_ports() {
  if (!identity_.settled() || !std::exchange(addresses_stale_, false)) return;
  const auto cidrs = node_port_cidrs(options_.node_ports, identity_.ips());
  reconciler_.set_node_addresses({.node_port_addresses = node_port_addresses(cidrs, parts_.network->interfaces()),
                                  .node_ips = identity_.ips().all()});
  judge_services(reconciler_.set_own_addresses(own_addresses(parts_.network->interfaces())));
  servers_->listen_for_health_checks(health_check_addresses(cidrs, parts_.network->interfaces()));
}

// After the services' frontends: what is no frontend inside a service CIDR is dropped.
void Agent::tell_service_cidrs() {
  if (!service_cidrs_stale_ || !reconciler_.programmed()) return;
  service_cidrs_stale_ = false;
  const ServiceCidrs& cidrs = reconciler_.state().ranges().cidrs;
  for (size_t family = 0; family < cidrs.size(); ++family) {
    std::vector<wg_prefix> prefixes;
    std::ranges::transform(cidrs[family], std::back_inserter(prefixes), prefix_of);
    parts_.kernel->set_service_cidrs(static_cast<wg_family>(family), prefixes);
  }
}

}  // namespace waggle
