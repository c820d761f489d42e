// SPDX-License-Identifier: Apache-2.0
#include "plan/wanted.h"

#include <fmt/format.h>

#include <algorithm>

#include "waggle/abi/frontend.h"
#include "waggle/abi/service.h"

namespace waggle {
namespace {

bool is_ours(const Service& service) {
  return !service.has_proxy_name && !service.headless && service.type != "ExternalName";
}

const IpAddress* cluster_ip_of(const Service& service, Family family) {
  const auto found = std::find_if(service.cluster_ips.begin(), service.cluster_ips.end(),
                                  [family](const IpAddress& address) { return address.family == family; });
  return found == service.cluster_ips.end() ? nullptr : &*found;
}

// Contract K-07: an address listed twice is one entry, and the first mention says what kind it is.
void add_frontend(std::vector<WantedFrontend>& frontends, const WantedFrontend& added) {
  const bool known = std::any_of(frontends.begin(), frontends.end(), [&added](const WantedFrontend& one) {
    return one.address == added.address && one.port == added.port;
  });
  if (!known) frontends.push_back(added);
}

std::vector<IpAddress> vips_of(const Service& service, Family family) {
  std::vector<IpAddress> vips;
  for (const LoadBalancerIngress& ingress : service.load_balancer_ingress) {
    if (ingress.vip_mode && ingress.ip && ingress.ip->family == family) vips.push_back(*ingress.ip);
  }
  return vips;
}

// VIPs before external IPs: an address that is both is filtered (K-07). Node ports last: what is exact wins (K-04).
std::vector<WantedFrontend> frontends_of(const Service& service, const ServicePort& port, const IpAddress& cluster_ip,
                                         bool filtered, const WantedContext& context) {
  std::vector<WantedFrontend> frontends{{cluster_ip, port.port, ClaimKind::kClusterIp, 0}};
  const auto add_all = [&](ClaimKind kind, const std::vector<IpAddress>& addresses, uint16_t number, uint32_t flags) {
    for (const IpAddress& address : addresses) {
      if (address.family != cluster_ip.family) continue;
      add_frontend(frontends, {address, number, kind, WG_FRONTEND_EXTERNAL | flags});
    }
  };
  const uint32_t filter = filtered ? WG_FRONTEND_FILTERED : 0;
  add_all(ClaimKind::kLoadBalancer, vips_of(service, cluster_ip.family), port.port, filter);
  if (context.external_ips) add_all(ClaimKind::kExternalIp, service.external_ips, port.port, 0);
  if (port.node_port == 0) return frontends;
  add_all(ClaimKind::kNodePort, context.addresses.node_port_addresses, port.node_port, WG_FRONTEND_NODE_PORT);
  return frontends;
}

// Which sources the service's VIPs of one family admit; no ranges: all.
struct Sources {
  std::vector<Cidr> ranges;
  bool node = false;  // this node is one of them
};

// A node that is admitted may reach a VIP with the VIP itself as source: it stands on one of its interfaces (K-77).
Sources sources_of(const Service& service, Family family, const NodeAddresses& addresses) {
  Sources sources;
  const std::vector<IpAddress> vips = vips_of(service, family);
  if (vips.empty()) return sources;
  for (const Cidr& range : service.source_ranges) {
    if (range.address.family != family) continue;
    sources.ranges.push_back(range);
    sources.node = sources.node || std::any_of(addresses.node_ips.begin(), addresses.node_ips.end(),
                                               [&range](const IpAddress& ip) { return range.contains(ip); });
  }
  if (!sources.node) return sources;
  for (const IpAddress& vip : vips) sources.ranges.push_back({vip, vip.bits()});
  return sources;
}

bool has_external_ip(const Service& service, Family family) {
  return std::any_of(service.external_ips.begin(), service.external_ips.end(),
                     [family](const IpAddress& address) { return address.family == family; });
}

// Contract I-26
bool is_externally_accessible(const Service& service, const ServicePort& port, const WantedService& wanted) {
  return port.node_port != 0 || has_external_ip(service, wanted.family) ||
         std::any_of(wanted.frontends.begin(), wanted.frontends.end(),
                     [](const auto& one) { return (one.flags & WG_FRONTEND_EXTERNAL) != 0; });
}

// Contract I-25
bool external_policy_counts(const Service& service) {
  return service.type == "NodePort" || service.type == "LoadBalancer" || !service.external_ips.empty();
}

WantedService wanted_service(const Service& service, const ServicePort& port, const IpAddress& cluster_ip,
                             const std::vector<const EndpointSlice*>& slices, const WantedContext& context) {
  WantedService wanted;
  wanted.port_name = port.name;
  wanted.protocol = port.protocol;
  wanted.family = cluster_ip.family;
  wanted.port = port.port;
  wanted.affinity_timeout_s = service.affinity_timeout_s;
  Sources sources = sources_of(service, wanted.family, context.addresses);
  wanted.frontends = frontends_of(service, port, cluster_ip, !sources.ranges.empty(), context);
  wanted.source_ranges = std::move(sources.ranges);

  const bool external = is_externally_accessible(service, port, wanted);
  const bool internal_local = service.internal_policy == TrafficPolicy::kLocal;
  const bool external_local =
      external && service.external_policy == TrafficPolicy::kLocal && external_policy_counts(service);
  const SetsNeeded needed{.cluster = !internal_local || external, .local = internal_local || external_local};
  wanted.sets = endpoint_sets(slices, port, wanted.family, needed, context.node);

  wanted.flags = WG_SERVICE_LIVE | (internal_local ? WG_SERVICE_INTERNAL_LOCAL : 0) |
                 (external_local ? WG_SERVICE_EXTERNAL_LOCAL : 0) |
                 (wanted.sets.usable_somewhere ? WG_SERVICE_HAS_ENDPOINTS : 0) |
                 (sources.node ? WG_SERVICE_NODE_ALLOWED : 0);
  return wanted;
}

bool is_storable(const std::string& name) { return name.size() < sizeof(wg_service_name::name); }

bool is_repeated(const std::vector<ServicePort>& ports, size_t index) {
  return std::any_of(ports.begin(), ports.begin() + static_cast<std::ptrdiff_t>(index),
                     [&](const ServicePort& earlier) {
                       return earlier.name == ports[index].name && earlier.protocol == ports[index].protocol;
                     });
}

// Why a port cannot be served; empty if it can. The API server refuses such ports, a manifest may have them.
std::string port_problem(const Service& service, size_t index) {
  const ServicePort& port = service.ports[index];
  std::string reason;
  if (!is_storable(port.name)) {
    reason =
        fmt::format("its name is longer than {} characters; choose a shorter one", sizeof(wg_service_name::name) - 1);
  } else if (is_repeated(service.ports, index)) {
    reason = fmt::format("another port has the same name \"{}\"; give each port a name of its own", port.name);
  } else {
    return reason;
  }
  return fmt::format("service {}: port {}/{} is not served because {}", service.name.text(), port.port,
                     protocol_name(port.protocol), reason);
}

}  // namespace

std::vector<WantedService> wanted_services(const Service& service, const std::vector<const EndpointSlice*>& slices,
                                           const WantedContext& context, std::vector<std::string>& problems) {
  std::vector<WantedService> all;
  if (!is_ours(service)) return all;
  if (!is_storable(service.name.name) || !is_storable(service.name.name_space)) {
    problems.push_back(
        fmt::format("service {}: it is not served because its name or namespace is longer than {} "
                    "characters; choose a shorter one",
                    service.name.text(), sizeof(wg_service_name::name) - 1));
    return all;
  }
  for (size_t index = 0; index < service.ports.size(); ++index) {
    if (std::string problem = port_problem(service, index); !problem.empty()) {
      problems.push_back(std::move(problem));
      continue;
    }
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      if (const IpAddress* cluster_ip = cluster_ip_of(service, family)) {
        all.push_back(wanted_service(service, service.ports[index], *cluster_ip, slices, context));
      }
    }
  }
  return all;
}

}  // namespace waggle
