// SPDX-License-Identifier: Apache-2.0
#include "support/reference/decide.h"

#include <algorithm>
#include <tuple>

namespace waggle::reference {
namespace {

// Several claim one entry: exact addresses before node ports (K-04), ClusterIPs before addresses of load balancers and
// those before external IPs; then the oldest service (K-06), then by name.
auto rank_of(const World& world, const Frontend& claim) {
  const Service& service = world.services.at(claim.owner.service);
  return std::tuple(claim.kind, service.creation_timestamp.empty(), service.creation_timestamp, claim.owner.service,
                    claim.owner.port);
}

class Claims {
 public:
  explicit Claims(const World& world) : world_(world) {
    for (const auto& [name, service] : world.services) {
      if (is_ours(service)) claim_all(service);
    }
  }
  std::map<FrontendKey, Frontend> take() { return std::move(won_); }

 private:
  void claim_all(const Service& service) {
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      const auto cluster_ip = cluster_ip_of(service, family);
      if (!cluster_ip) continue;  // I-20
      for (const ServicePort& port : service.ports) claim_port(service, port, *cluster_ip);
    }
  }

  // K-07: an address that the service has twice is one entry, filtered if it is a load balancer's.
  void claim_port(const Service& service, const ServicePort& port, const IpAddress& cluster_ip) {
    const PortKey owner{service.name, port.name, port.protocol, cluster_ip.family};
    const bool has_ranges = std::any_of(service.source_ranges.begin(), service.source_ranges.end(),
                                        [&](const Cidr& range) { return range.address.family == owner.family; });
    std::map<IpAddress, Frontend> mine{{cluster_ip, {owner, FrontendKind::kClusterIp, false}}};
    for (const LoadBalancerIngress& one : service.load_balancer_ingress) {
      if (!one.ip || !one.vip_mode || one.ip->family != owner.family) continue;  // I-28, I-29
      mine.try_emplace(*one.ip, Frontend{owner, FrontendKind::kLoadBalancer, has_ranges});
    }
    for (const IpAddress& address : service.external_ips) {
      if (address.family == owner.family) mine.try_emplace(address, Frontend{owner, FrontendKind::kExternalIp, false});
    }
    for (const auto& [address, frontend] : mine) claim({address, port.port}, frontend);
    if (port.node_port == 0) return;
    for (const IpAddress& address : world_.node.node_port_addresses) {
      if (address.family == owner.family) {
        claim({address, port.node_port}, {owner, FrontendKind::kNodePort, false});
      }
    }
  }

  void claim(const AddressPort& place, const Frontend& frontend) {
    const auto [won, is_first] = won_.try_emplace({place, frontend.owner.protocol}, frontend);
    if (!is_first && rank_of(world_, frontend) < rank_of(world_, won->second)) won->second = frontend;
  }

  const World& world_;
  std::map<FrontendKey, Frontend> won_;
};

bool is_node(const World& world, const Source& source) {
  return source.link == Link::kHost || world.node.has(source.address);
}

bool in_any(const std::vector<Cidr>& ranges, const IpAddress& address) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Cidr& range) { return range.contains(address); });
}

// K-75..K-77
bool may_enter(const World& world, const Service& service, const IpAddress& source) {
  if (in_any(service.source_ranges, source)) return true;
  const bool node_is_in =
      std::any_of(world.node.node_ips.begin(), world.node.node_ips.end(), [&](const IpAddress& address) {
        return address.family == source.family && in_any(service.source_ranges, address);
      });
  return node_is_in && std::any_of(service.load_balancer_ingress.begin(), service.load_balancer_ingress.end(),
                                   [&](const LoadBalancerIngress& one) { return one.vip_mode && one.ip == source; });
}

Decision served_by(const PortEndpoints& endpoints, const std::set<AddressPort>& set, bool keeps_source) {
  Decision decision{.here = endpoints.here, .keeps_source = keeps_source};
  if (!set.empty()) {
    decision.verdict = Verdict::kServed;
    decision.choices = set;
  } else if (endpoints.has_endpoints) {
    decision.verdict = Verdict::kDropped;  // K-16, K-17
    decision.reason = "no-local-endpoints";
  } else {
    decision.verdict = Verdict::kRejected;  // K-15
    decision.reason = "no-endpoints";
  }
  return decision;
}

// K-21..K-26, in the order of K-25
Decision decide_external_local(const World& world, const PortEndpoints& endpoints, const Source& source) {
  if (is_local_pod(world, source)) return served_by(endpoints, endpoints.cluster, true);
  if (is_node(world, source)) return served_by(endpoints, endpoints.cluster, false);
  return served_by(endpoints, endpoints.local, true);
}

}  // namespace

std::map<FrontendKey, Frontend> frontends_of(const World& world) { return Claims(world).take(); }

bool has_detector(const World& world, Family family) {
  switch (world.settings.detector) {
    case Detector::kNone:
      return false;
    case Detector::kLinks:
    case Detector::kEveryLink:
      return true;
    case Detector::kCidr:
      break;
  }
  return world.settings.pod_cidr[static_cast<size_t>(family)].has_value();
}

bool is_local_pod(const World& world, const Source& source) {
  const Family family = source.address.family;
  if (source.link == Link::kHost || !has_detector(world, family)) return false;
  if (world.settings.detector != Detector::kCidr) return source.link == Link::kPod;
  return world.settings.pod_cidr[static_cast<size_t>(family)]->contains(source.address);
}

Decision decide(const World& world, const Frontend& frontend, const Source& source) {
  const Service& service = *world.served(frontend.owner);
  const PortEndpoints endpoints = endpoints_of(world, frontend.owner);
  if (frontend.filtered && !may_enter(world, service, source.address)) {
    return {.verdict = Verdict::kDropped, .reason = "source-range", .here = endpoints.here};
  }
  if (!frontend.is_external()) {
    const bool local = service.internal_policy == TrafficPolicy::kLocal;
    return served_by(endpoints, local ? endpoints.local : endpoints.cluster, false);
  }
  if (external_local(service)) return decide_external_local(world, endpoints, source);
  return served_by(endpoints, endpoints.cluster, false);
}

bool is_whole(const World& world, const IpAddress& cluster_ip) {
  bool is_known = false, is_inside = false;
  for (const auto& [name, object] : world.service_cidrs) {
    is_known = is_known || std::any_of(object.cidrs.begin(), object.cidrs.end(),
                                       [&](const Cidr& cidr) { return cidr.address.family == cluster_ip.family; });
    is_inside = is_inside || in_any(object.cidrs, cluster_ip);
  }
  const auto& own = world.node.node_ips;
  const bool is_hosts = world.node.has(cluster_ip) || std::find(own.begin(), own.end(), cluster_ip) != own.end() ||
                        std::any_of(world.slices.begin(), world.slices.end(), [&](const auto& slice) {
                          const auto& endpoints = slice.second.endpoints;
                          return std::any_of(endpoints.begin(), endpoints.end(),
                                             [&](const Endpoint& one) { return one.address == cluster_ip; });
                        });
  return (is_inside || !is_known) && !is_hosts;
}

Decision decide_no_entry(const World& world, const IpAddress& destination, bool is_ping) {
  const bool is_cluster_ip = std::any_of(world.services.begin(), world.services.end(), [&](const auto& one) {
    return is_ours(one.second) && !one.second.ports.empty() &&
           cluster_ip_of(one.second, destination.family) == destination;
  });
  if (is_cluster_ip && !is_whole(world, destination)) return {.reason = "not-service"};
  if (is_cluster_ip && is_ping && world.settings.answer_ping) return {.verdict = Verdict::kEchoed, .reason = "echo"};
  if (is_cluster_ip) {  // K-85, K-86
    if (!world.settings.reject_unknown) return {.reason = "not-service"};
    return {.verdict = Verdict::kRejected, .reason = "unknown-port"};
  }
  const bool is_allocatable = std::any_of(world.service_cidrs.begin(), world.service_cidrs.end(),
                                          [&](const auto& one) { return in_any(one.second.cidrs, destination); });
  if (is_allocatable && world.settings.drop_unallocated) {  // K-87
    return {.verdict = Verdict::kDropped, .reason = "unallocated"};
  }
  return {.reason = "not-service"};  // K-09, K-90
}

bool needs_snat(const World& world, const Frontend& frontend, const Source& source, const Decision& decision,
                const AddressPort& chosen) {
  if (chosen.address == source.address) return true;                          // K-58
  if (!frontend.is_external() && world.settings.masquerade_all) return true;  // K-57
  if (!world.settings.snat_always) {                                          // only where it is needed
    if (decision.here.contains(chosen)) return false;
    return source.link != Link::kPod;
  }
  if (frontend.is_external()) return !decision.keeps_source;                          // K-20, K-53..K-55
  return has_detector(world, source.address.family) && !is_local_pod(world, source);  // K-50..K-52, K-56
}

}  // namespace waggle::reference
