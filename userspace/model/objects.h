// SPDX-License-Identifier: Apache-2.0
// The Kubernetes objects Waggle reads, reduced to the fields it uses (contract I-22, I-43..I-49, I-60..I-65, I-70).
// Plain values; ports in host byte order. A source decodes them, the planner reads them.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/address.h"
#include "model/hint_list.h"

namespace waggle {

struct ObjectName {
  std::string name_space;  // "" for cluster-scoped objects
  std::string name;

  auto operator<=>(const ObjectName&) const = default;
  [[nodiscard]] std::string text() const { return name_space.empty() ? name : name_space + "/" + name; }
};

struct ServicePort {
  std::string name;
  Protocol protocol = Protocol::kTcp;
  uint16_t port = 0;
  uint16_t node_port = 0;  // 0: none

  bool operator==(const ServicePort&) const = default;
};

enum class TrafficPolicy : uint8_t { kCluster, kLocal };

struct LoadBalancerIngress {
  std::optional<IpAddress> ip;  // none: hostname only
  bool vip_mode = true;         // false: ipMode Proxy, not ours (contract I-28)

  bool operator==(const LoadBalancerIngress&) const = default;
};

struct Service {
  ObjectName name;
  std::string resource_version;
  std::string creation_timestamp;      // RFC 3339 as given; the oldest service wins a contested frontend (K-06)
  std::string type = "ClusterIP";      // ClusterIP, NodePort, LoadBalancer, ExternalName
  std::string service_proxy_name;      // label service.kubernetes.io/service-proxy-name, if has_proxy_name
  bool has_proxy_name = false;         // the label exists: the service is another proxy's (I-01)
  bool headless = false;               // clusterIP "None"
  std::vector<IpAddress> cluster_ips;  // one per family at most, from clusterIPs by ipFamilies (I-21)
  std::vector<ServicePort> ports;
  std::vector<IpAddress> external_ips;
  std::vector<LoadBalancerIngress> load_balancer_ingress;
  std::vector<Cidr> source_ranges;
  TrafficPolicy internal_policy = TrafficPolicy::kCluster;
  TrafficPolicy external_policy = TrafficPolicy::kCluster;
  uint32_t affinity_timeout_s = 0;  // 0: sessionAffinity None
  uint16_t health_check_node_port = 0;

  bool operator==(const Service&) const = default;
};

struct Endpoint {
  IpAddress address;  // addresses[0] (I-45)
  bool ready = true;
  bool serving = true;
  bool terminating = false;
  std::string node_name;
  HintList zone_hints;
  HintList node_hints;

  bool operator==(const Endpoint&) const = default;
};

struct EndpointPort {
  std::string name;
  Protocol protocol = Protocol::kTcp;
  uint16_t port = 0;

  bool operator==(const EndpointPort&) const = default;
};

struct EndpointSlice {
  ObjectName name;
  std::string resource_version;
  std::string service_name;  // label kubernetes.io/service-name; same namespace (I-40)
  Family family = Family::kIpv4;
  std::vector<Endpoint> endpoints;
  std::vector<EndpointPort> ports;
  std::string last_change_trigger_time;  // annotation, RFC 3339; for programming latency only (I-53)

  bool operator==(const EndpointSlice&) const = default;
};

struct Node {
  std::string name;
  std::string resource_version;
  std::string zone;                  // label topology.kubernetes.io/zone
  std::vector<IpAddress> addresses;  // InternalIP first, then ExternalIP (I-61)
  std::vector<Cidr> pod_cidrs;
  bool deleting = false;
  std::vector<std::string> taint_keys;

  bool operator==(const Node&) const = default;
};

struct ServiceCidr {
  std::string name;
  std::string resource_version;
  std::vector<Cidr> cidrs;

  bool operator==(const ServiceCidr&) const = default;
};

}  // namespace waggle
