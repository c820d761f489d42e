// SPDX-License-Identifier: Apache-2.0
#include "server/service_facts.h"

#include <algorithm>
#include <set>

#include "server/family_name.h"

namespace waggle {
namespace {

bool usable(const Endpoint& endpoint) { return endpoint.ready || (endpoint.serving && endpoint.terminating); }

bool local(const Endpoint& endpoint, const std::string& node_name) {
  return !node_name.empty() && endpoint.node_name == node_name;
}

size_t local_ready(const std::vector<const EndpointSlice*>& slices, Family family, const std::string& node_name) {
  std::set<IpAddress> addresses;
  for (const EndpointSlice* slice : slices) {
    const bool has_port = std::ranges::any_of(slice->ports, [](const EndpointPort& port) { return port.port != 0; });
    if (slice->family != family || !has_port) continue;
    for (const Endpoint& endpoint : slice->endpoints) {
      if (endpoint.ready && local(endpoint, node_name)) addresses.insert(endpoint.address);
    }
  }
  return addresses.size();
}

// Traffic of this port finds usable endpoints, but none on this node.
bool only_elsewhere(const std::vector<const EndpointSlice*>& slices, Family family, const ServicePort& port,
                    const std::string& node_name) {
  bool somewhere = false;
  for (const EndpointSlice* slice : slices) {
    const bool joins = std::ranges::any_of(slice->ports, [&port](const EndpointPort& one) {
      return one.port != 0 && one.name == port.name && one.protocol == port.protocol;
    });
    if (slice->family != family || !joins) continue;
    for (const Endpoint& endpoint : slice->endpoints) {
      if (!usable(endpoint)) continue;
      if (local(endpoint, node_name)) return false;
      somewhere = true;
    }
  }
  return somewhere;
}

// externalTrafficPolicy Local means nothing on a service that only has a ClusterIP (I-25).
bool external_policy_is_local(const Service& service) {
  const bool counts = service.type == "NodePort" || service.type == "LoadBalancer" || !service.external_ips.empty();
  return counts && service.external_policy == TrafficPolicy::kLocal;
}

bool externally_accessible(const Service& service, const ServicePort& port, Family family) {
  const auto ours = [family](const IpAddress& address) { return address.family == family; };
  return port.node_port != 0 || std::ranges::any_of(service.external_ips, ours) ||
         std::ranges::any_of(service.load_balancer_ingress, [&](const LoadBalancerIngress& ingress) {
           return ingress.vip_mode && ingress.ip.has_value() && ours(*ingress.ip);
         });
}

FamilyFacts family_facts(const Service& service, const std::vector<const EndpointSlice*>& slices, Family family,
                         const std::string& node_name) {
  FamilyFacts facts{.has_cluster_ip = true, .local_ready = local_ready(slices, family, node_name)};
  const bool internal = service.internal_policy == TrafficPolicy::kLocal;
  const bool external = external_policy_is_local(service);
  if (!internal && !external) return facts;
  for (const ServicePort& port : service.ports) {
    if (!only_elsewhere(slices, family, port, node_name)) continue;
    if (internal) ++facts.no_local_internal;
    if (external && externally_accessible(service, port, family)) ++facts.no_local_external;
  }
  return facts;
}

bool ours(const Service& service) {
  return !service.has_proxy_name && !service.headless && service.type != "ExternalName";
}

uint16_t health_check_port(const Service& service) {
  const bool wanted = service.type == "LoadBalancer" && service.external_policy == TrafficPolicy::kLocal;
  return wanted ? service.health_check_node_port : uint16_t{0};
}

}  // namespace

ServiceFacts service_facts(const State& state, const ObjectName& name, const std::string& node_name) {
  ServiceFacts facts;
  const Service* service = state.service(name);
  if (service == nullptr || !ours(*service) || service->cluster_ips.empty()) return facts;
  facts.health_check_port = health_check_port(*service);
  const auto slices = state.slices_of(name);
  for (const IpAddress& address : service->cluster_ips)
    facts.families[index_of(address.family)] = family_facts(*service, slices, address.family, node_name);
  return facts;
}

std::map<ObjectName, std::array<size_t, 2>> local_endpoint_counts(const State& state, const std::string& node_name) {
  std::map<ObjectName, std::array<size_t, 2>> counts;
  for (const auto& [name, service] : state.services()) {
    if (health_check_port(service) == 0) continue;
    const ServiceFacts facts = service_facts(state, name, node_name);
    if (facts.health_check_port != 0) counts[name] = {facts.families[0].local_ready, facts.families[1].local_ready};
  }
  return counts;
}

}  // namespace waggle
