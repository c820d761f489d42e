// SPDX-License-Identifier: Apache-2.0
// What is known of an object whatever its kind, and random objects.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "support/kube_objects.h"
#include "support/kube_objects_private.h"

namespace waggle {
namespace {

using Random = std::mt19937;

uint32_t below(Random& random, uint32_t limit) { return static_cast<uint32_t>(random() % limit); }
bool one_in(Random& random, uint32_t n) { return below(random, n) == 0; }

template <typename T, size_t N>
const T& pick(Random& random, const std::array<T, N>& from) {
  return from[below(random, N)];
}

IpAddress random_address(Random& random, Family family) {
  const uint32_t n = 1 + below(random, 65000);
  const std::string text = family == Family::kIpv4
                               ? fmt::format("10.{}.{}.{}", 1 + below(random, 200), n >> 8, n & 0xff)
                               : fmt::format("fd00:{:x}::{:x}", 1 + below(random, 9999), n);
  return *IpAddress::parse(text);
}

Family random_family(Random& random) { return one_in(random, 3) ? Family::kIpv6 : Family::kIpv4; }

Cidr random_cidr(Random& random) {
  const Family family = random_family(random);
  const unsigned length = family == Family::kIpv4 ? 8 + below(random, 24) : 32 + below(random, 90);
  return *Cidr::parse(fmt::format("{}/{}", random_address(random, family).text(), length));
}

constexpr std::array kProtocols = {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp};
const std::array<std::string, 3> kNodes = {"n1", "n2", "n3"};
const std::array<std::string, 3> kZones = {"a", "b", "c"};

void add_outside(Service& service, Random& random) {
  for (uint32_t i = below(random, 3); i > 0; --i)
    service.external_ips.push_back(random_address(random, random_family(random)));
  for (uint32_t i = below(random, 3); i > 0; --i) service.source_ranges.push_back(random_cidr(random));
  if (service.type != "LoadBalancer") return;
  for (uint32_t i = below(random, 3); i > 0; --i)
    service.load_balancer_ingress.push_back({random_address(random, random_family(random)), !one_in(random, 4)});
}

void add_policies(Service& service, Random& random) {
  if (one_in(random, 3)) service.internal_policy = TrafficPolicy::kLocal;
  if (one_in(random, 4)) service.affinity_timeout_s = 1 + below(random, 86400);
  const bool external = service.type == "NodePort" || service.type == "LoadBalancer" || !service.external_ips.empty();
  if (service.type == "ExternalName" || !external || !one_in(random, 2)) return;
  service.external_policy = TrafficPolicy::kLocal;
  if (service.type == "LoadBalancer")
    service.health_check_node_port = static_cast<uint16_t>(30000 + below(random, 999));
}

Service random_service(const ObjectName& name, Random& random) {
  Service out;
  out.name = name;
  out.creation_timestamp = fmt::format("2026-{:02}-{:02}T{:02}:{:02}:{:02}Z", 1 + below(random, 12),
                                       1 + below(random, 28), below(random, 24), below(random, 60), below(random, 60));
  out.type = pick(random, std::array<std::string, 4>{"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"});
  if (one_in(random, 8)) {
    out.has_proxy_name = true;
    out.service_proxy_name = "other";
  }
  out.headless = one_in(random, 8);
  if (!out.headless) {
    out.cluster_ips.push_back(random_address(random, one_in(random, 2) ? Family::kIpv6 : Family::kIpv4));
    const Family first = out.cluster_ips[0].family;
    if (one_in(random, 2))
      out.cluster_ips.push_back(random_address(random, first == Family::kIpv4 ? Family::kIpv6 : Family::kIpv4));
  }
  for (uint32_t i = 1 + below(random, 3); i > 0; --i) {
    ServicePort port{fmt::format("p{}", i), pick(random, kProtocols), static_cast<uint16_t>(i * 1000), 0};
    if (out.type == "NodePort" || out.type == "LoadBalancer") port.node_port = static_cast<uint16_t>(30000 + i);
    out.ports.push_back(port);
  }
  add_outside(out, random);
  add_policies(out, random);
  return out;
}

Endpoint random_endpoint(Family family, Random& random) {
  Endpoint out;
  out.address = random_address(random, family);
  if (!one_in(random, 5)) out.node_name = pick(random, kNodes);
  out.ready = !one_in(random, 4);
  out.serving = out.ready || one_in(random, 2);
  out.terminating = !out.ready && one_in(random, 2);
  if (one_in(random, 3)) out.zone_hints.add(pick(random, kZones));
  if (one_in(random, 4)) out.node_hints.add(pick(random, kNodes));
  return out;
}

EndpointSlice random_slice(const ObjectName& name, Random& random) {
  EndpointSlice out;
  out.name = name;
  out.service_name = fmt::format("svc-{}", below(random, 20));
  out.family = random_family(random);
  for (uint32_t i = below(random, 5); i > 0; --i) out.endpoints.push_back(random_endpoint(out.family, random));
  for (uint32_t i = below(random, 3); i > 0; --i)
    out.ports.push_back(
        {fmt::format("p{}", i), pick(random, kProtocols), static_cast<uint16_t>(1 + below(random, 65535))});
  if (one_in(random, 3)) out.last_change_trigger_time = "2026-03-04T05:06:07.123456789Z";
  return out;
}

Node random_node(const ObjectName& name, Random& random) {
  Node out;
  out.name = name.name;
  if (!one_in(random, 3)) out.zone = pick(random, kZones);
  for (uint32_t i = below(random, 3); i > 0; --i)
    out.addresses.push_back(random_address(random, random_family(random)));
  for (uint32_t i = below(random, 3); i > 0; --i) out.pod_cidrs.push_back(random_cidr(random));
  out.deleting = one_in(random, 5);
  if (one_in(random, 3)) out.taint_keys.push_back("ToBeDeletedByClusterAutoscaler");
  return out;
}

ServiceCidr random_service_cidr(const ObjectName& name, Random& random) {
  ServiceCidr out;
  out.name = name.name;
  for (uint32_t i = 1 + below(random, 2); i > 0; --i) out.cidrs.push_back(random_cidr(random));
  return out;
}

template <typename Object>
MetaFields common_fields(const Object& object) {
  MetaFields out;
  if constexpr (std::is_same_v<decltype(object.name), ObjectName>) {
    out.name = object.name;
  } else {
    out.name.name = object.name;
  }
  out.version = object.resource_version;
  return out;
}

MetaFields fields_of(const Service& service) {
  MetaFields out = common_fields(service);
  out.created = service.creation_timestamp;
  out.labels.emplace_back("app", "web");
  if (service.has_proxy_name)
    out.labels.emplace_back("service.kubernetes.io/service-proxy-name", service.service_proxy_name);
  return out;
}

MetaFields fields_of(const EndpointSlice& slice) {
  MetaFields out = common_fields(slice);
  out.labels.emplace_back("endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io");
  out.labels.emplace_back("kubernetes.io/service-name", slice.service_name);
  if (!slice.last_change_trigger_time.empty())
    out.annotations.emplace_back("endpoints.kubernetes.io/last-change-trigger-time", slice.last_change_trigger_time);
  return out;
}

MetaFields fields_of(const Node& node) {
  MetaFields out = common_fields(node);
  out.deleting = node.deleting;
  if (!node.zone.empty()) out.labels.emplace_back("topology.kubernetes.io/zone", node.zone);
  return out;
}

MetaFields fields_of(const ServiceCidr& cidr) { return common_fields(cidr); }

MetaFields fields_of(const Deletion& deletion) {
  MetaFields out;
  out.name = deletion.name;
  return out;
}

}  // namespace

const KindWords& words_of(ObjectKind kind) {
  static const std::array<KindWords, 4> kWords = {{{"Service", "v1"},
                                                   {"EndpointSlice", "discovery.k8s.io/v1"},
                                                   {"Node", "v1"},
                                                   {"ServiceCIDR", "networking.k8s.io/v1"}}};
  return kWords.at(static_cast<size_t>(kind));
}

MetaFields meta_fields_of(const Event& object) {
  return std::visit([](const auto& one) { return fields_of(one); }, object);
}

std::vector<std::string> cluster_ips_of(const Service& service) {
  if (service.headless) return {"None"};
  std::vector<std::string> out;
  for (const IpAddress& address : service.cluster_ips) out.push_back(address.text());
  return out;
}

ObjectKind kind_of(const Event& object) {
  if (const auto* deletion = std::get_if<Deletion>(&object)) return deletion->kind;
  return static_cast<ObjectKind>(object.index());  // in the order of the variant
}

ObjectName name_of(const Event& object) { return meta_fields_of(object).name; }

std::string version_of(const Event& object) { return meta_fields_of(object).version; }

void set_version(Event& object, const std::string& version) {
  if (auto* service = std::get_if<Service>(&object)) service->resource_version = version;
  if (auto* slice = std::get_if<EndpointSlice>(&object)) slice->resource_version = version;
  if (auto* node = std::get_if<Node>(&object)) node->resource_version = version;
  if (auto* cidr = std::get_if<ServiceCidr>(&object)) cidr->resource_version = version;
}

Event random_object(ObjectKind kind, const ObjectName& name, Random& random) {
  switch (kind) {
    case ObjectKind::kService:
      return random_service(name, random);
    case ObjectKind::kEndpointSlice:
      return random_slice(name, random);
    case ObjectKind::kNode:
      return random_node(name, random);
    case ObjectKind::kServiceCidr:
      return random_service_cidr(name, random);
  }
  return Deletion{kind, name};
}

}  // namespace waggle
