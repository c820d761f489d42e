// SPDX-License-Identifier: Apache-2.0
#include "support/reference/endpoints.h"

#include <algorithm>

namespace waggle::reference {
namespace {

using Members = std::map<AddressPort, Endpoint>;

// I-40..I-45, I-47: the union over the service's slices; of duplicates the first stays unless a later one is not
// terminating. Slices in the order of their names.
Members members_of(const World& world, const PortKey& key) {
  Members members;
  for (const auto& [name, slice] : world.slices) {
    if (name.name_space != key.service.name_space || slice.service_name != key.service.name) continue;
    if (slice.family != key.family) continue;
    for (const EndpointPort& port : slice.ports) {
      if (port.name != key.port || port.protocol != key.protocol || port.port == 0) continue;
      for (const Endpoint& endpoint : slice.endpoints) {
        const auto [place, is_new] = members.try_emplace({endpoint.address, port.port}, endpoint);
        if (!is_new && !endpoint.terminating) place->second = endpoint;
      }
    }
  }
  return members;
}

Members only(const Members& members, auto condition) {
  Members chosen;
  for (const auto& [place, endpoint] : members) {
    if (condition(endpoint)) chosen.emplace(place, endpoint);
  }
  return chosen;
}

std::set<AddressPort> places_of(const Members& members) {
  std::set<AddressPort> places;
  for (const auto& [place, endpoint] : members) places.insert(place);
  return places;
}

// I-80, steps 2 and 3 alike: every ready endpoint carries such a hint, and one of them names `me`.
Members hinted(const Members& ready, HintList Endpoint::*hints, const std::string& me) {
  const bool all_have =
      std::all_of(ready.begin(), ready.end(), [&](const auto& one) { return !(one.second.*hints).empty(); });
  if (!all_have || me.empty()) return {};
  return only(ready, [&](const Endpoint& one) { return (one.*hints).contains(me); });
}

// I-80, I-81
Members cluster_set(const World& world, const Members& ready, const Members& terminating) {
  if (ready.empty()) return terminating;
  const Members by_node = hinted(ready, &Endpoint::node_hints, world.node.name);
  if (!by_node.empty()) return by_node;
  const Members by_zone = hinted(ready, &Endpoint::zone_hints, world.zone);
  return by_zone.empty() ? ready : by_zone;
}

}  // namespace

bool externally_accessible(const Service& service, const ServicePort& port, Family family) {
  const auto of_family = [family](const IpAddress& address) { return address.family == family; };
  return port.node_port != 0 || std::any_of(service.external_ips.begin(), service.external_ips.end(), of_family) ||
         std::any_of(service.load_balancer_ingress.begin(), service.load_balancer_ingress.end(),
                     [&](const LoadBalancerIngress& one) { return one.vip_mode && one.ip && of_family(*one.ip); });
}

bool external_local(const Service& service) {
  if (service.external_policy != TrafficPolicy::kLocal) return false;
  return service.type == "NodePort" || service.type == "LoadBalancer" || !service.external_ips.empty();
}

PortEndpoints endpoints_of(const World& world, const PortKey& key) {
  PortEndpoints found;
  const Service* service = world.served(key);
  if (service == nullptr) return found;
  const Members members = members_of(world, key);
  const Members ready = only(members, [](const Endpoint& one) { return one.ready; });
  const Members terminating =
      only(members, [](const Endpoint& one) { return !one.ready && one.serving && one.terminating; });
  const auto is_here = [&](const Endpoint& one) {
    return !world.node.name.empty() && one.node_name == world.node.name;
  };

  const bool internal_local = service->internal_policy == TrafficPolicy::kLocal;
  const bool external = externally_accessible(*service, *World::port_of(*service, key), key.family);
  const bool needs_local = internal_local || (external && external_local(*service));
  if (!internal_local || external) found.cluster = places_of(cluster_set(world, ready, terminating));
  if (needs_local) {
    found.local = places_of(only(ready, is_here));
    if (found.local.empty()) found.local = places_of(only(terminating, is_here));
  }
  found.serving = places_of(only(members, [](const Endpoint& one) { return one.serving || one.ready; }));
  found.here = places_of(only(members, is_here));
  found.has_endpoints = !found.cluster.empty() || (needs_local && (!ready.empty() || !terminating.empty()));
  return found;
}

}  // namespace waggle::reference
