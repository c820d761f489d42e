// SPDX-License-Identifier: Apache-2.0
// Service (contract section 1.2), by the rules of decode_service.cc.
#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "source/decode_kinds.h"
#include "source/kube_builder.h"
#include "source/kube_kinds.h"

namespace waggle {
namespace {

constexpr uint32_t kDefaultAffinityTimeout = 10800;  // seconds (I-33)
constexpr int64_t kLongestAffinityTimeout = 86400;   // seconds

std::string_view family_name(Family family) { return family == Family::kIpv4 ? "IPv4" : "IPv6"; }

// A word that is not known counts as none, which is the first.
template <size_t kSize>
std::string_view known_word(std::string_view given, const std::array<std::string_view, kSize>& words, FieldPlace place,
                            BuildNotes& notes) {
  if (given.empty()) return words[0];
  const auto known = std::ranges::find(words, given);
  if (known != words.end()) return *known;
  notes.remark(place, fmt::format("{} is not known here; it counts as {}", quoted(given), words[0]));
  return words[0];
}

constexpr std::array<std::string_view, 2> kPolicies{"Cluster", "Local"};
constexpr std::array<std::string_view, 2> kAffinities{"None", "ClientIP"};
constexpr std::array<std::string_view, 4> kTypes{"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"};

TrafficPolicy policy_of(std::string_view word, FieldPlace place, BuildNotes& notes) {
  return known_word(word, kPolicies, place, notes) == "Local" ? TrafficPolicy::kLocal : TrafficPolicy::kCluster;
}

void add_cluster_ip(Service& service, std::string_view text, std::string_view family, FieldPlace place,
                    BuildNotes& notes) {
  if (!family.empty() && family != "IPv4" && family != "IPv6") return;
  const auto address = build_address(text, place, notes);
  if (!address) return;
  const auto actual = family_name(address->family);
  if (!family.empty() && family != actual)
    return notes.error(place, fmt::format("{} is not {}, as spec.ipFamilies has it", address->text(), family));
  const auto same_family = [&](const IpAddress& other) { return other.family == address->family; };
  if (std::any_of(service.cluster_ips.begin(), service.cluster_ips.end(), same_family))
    return notes.error(place, fmt::format("is a second {} address; a service has one of a family", actual));
  service.cluster_ips.push_back(*address);
}

// One address of a family, each at the place of its family in ipFamilies (I-21).
void build_cluster_ips(Service& service, const ServiceView& view, BuildNotes& notes) {
  const auto& addresses = view.cluster_ips;
  const auto& families = view.ip_families;
  const auto family_of = [&](size_t i) { return i < families.size() ? families[i] : std::string_view(); };
  const std::string_view first = addresses.empty() ? view.cluster_ip : addresses[0];
  if (!view.cluster_ip.empty() && view.cluster_ip != first)
    notes.error({"spec.clusterIP"}, "differs from spec.clusterIPs[0]");
  service.headless = first == "None";
  if (service.headless) return;
  if (addresses.empty() && !first.empty())
    return add_cluster_ip(service, first, family_of(0), {"spec.clusterIP"}, notes);
  if (!families.empty() && addresses.size() > families.size())
    notes.error({"spec.ipFamilies"}, "has fewer entries than spec.clusterIPs");
  for (size_t i = 0; i < addresses.size(); ++i) {
    const auto add = [&] { add_cluster_ip(service, addresses[i], family_of(i), {"spec.clusterIPs[]", i}, notes); };
    if (!addresses[i].empty() && addresses[i] != "None") std::ignore = notes.part_of(addresses.size(), add);
  }
}

// Nothing for a port of a protocol that is newer than Waggle.
std::optional<ServicePort> build_service_port(const ServicePortView& view, size_t i, BuildNotes& notes) {
  const auto protocol = build_protocol(view.protocol, {"spec.ports[].protocol", i}, notes);
  if (!protocol) return std::nullopt;
  ServicePort out;
  out.name = build_port_name(view.name, {"spec.ports[].name", i}, notes);
  out.protocol = *protocol;
  out.port = build_port(view.port, 1, {"spec.ports[].port", i}, notes);
  out.node_port = build_port(view.node_port, 0, {"spec.ports[].nodePort", i}, notes);
  return out;
}

// Of two ports that are the same the first stays.
void check_unlike(const Service& service, const ServicePort& port, size_t i, BuildNotes& notes) {
  const auto protocol = protocol_name(port.protocol);
  const auto another = [&](const auto& same) {
    return std::ranges::any_of(
        service.ports, [&](const ServicePort& other) { return other.protocol == port.protocol && same(other); });
  };
  if (another([&](const ServicePort& other) { return other.name == port.name; }))
    notes.error({"spec.ports[].name", i},
                fmt::format("\"{}\" is the name of another {} port of this service", port.name, protocol));
  else if (another([&](const ServicePort& other) { return other.port == port.port; }))
    notes.error({"spec.ports[].port", i},
                fmt::format("{}/{} is another port of this service already", port.port, protocol));
}

void build_ports(Service& service, const ServiceView& view, BuildNotes& notes) {
  service.ports.reserve(view.ports.size());
  for (size_t i = 0; i < view.ports.size(); ++i) {
    std::optional<ServicePort> port;
    const bool good = notes.part_of(view.ports.size(), [&] {
      port = build_service_port(view.ports[i], i, notes);
      if (port && port->port != 0) check_unlike(service, *port, i, notes);
    });
    if (good && port) service.ports.push_back(std::move(*port));
  }
  if (view.ports.empty() && !service.headless && service.type != "ExternalName")
    notes.error({"spec.ports"}, "is empty; a service needs a port");
}

// What cannot be used is passed over, the rest stays (I-29).
void build_external_ips(Service& service, const ServiceView& view, BuildNotes& notes) {
  for (size_t i = 0; i < view.external_ips.size(); ++i) {
    const std::string_view text = view.external_ips[i];
    if (without_spaces_around(text).empty()) continue;
    if (const auto address = address_or_remark(text, {"spec.externalIPs[]", i}, notes))
      service.external_ips.push_back(*address);
  }
}

void build_ingress(Service& service, const ServiceView& view, BuildNotes& notes) {
  for (size_t i = 0; i < view.ingress.size(); ++i) {
    const IngressView& from = view.ingress[i];
    LoadBalancerIngress ingress;
    const bool has_ip = !without_spaces_around(from.ip).empty();
    if (has_ip) ingress.ip = address_or_remark(from.ip, {"status.loadBalancer.ingress[].ip", i}, notes);
    if (has_ip && !ingress.ip) continue;
    ingress.vip_mode = from.ip_mode.empty() || from.ip_mode == "VIP";
    if (!ingress.vip_mode && from.ip_mode != "Proxy")
      notes.remark({"status.loadBalancer.ingress[].ipMode", i}, unknown_ip_mode(from.ip_mode));
    service.load_balancer_ingress.push_back(ingress);
  }
}

// A range of all addresses lifts the restriction of its family (I-31). One that cannot be read refuses the service, for
// leaving it out could open it to everybody.
void build_source_ranges(Service& service, const ServiceView& view, BuildNotes& notes) {
  bool open[2] = {false, false};
  for (size_t i = 0; i < view.source_ranges.size(); ++i) {
    if (without_spaces_around(view.source_ranges[i]).empty()) continue;
    const auto range = build_cidr(view.source_ranges[i], {"spec.loadBalancerSourceRanges[]", i}, notes);
    if (!range) continue;
    if (range->prefix_length == 0) open[static_cast<size_t>(range->address.family)] = true;
    service.source_ranges.push_back(*range);
  }
  std::erase_if(service.source_ranges,
                [&](const Cidr& range) { return open[static_cast<size_t>(range.address.family)]; });
}

uint32_t build_affinity_timeout(const ServiceView& view, BuildNotes& notes) {
  if (known_word(view.affinity, kAffinities, {"spec.sessionAffinity"}, notes) == "None") return 0;
  if (!view.affinity_timeout) return kDefaultAffinityTimeout;
  const int64_t given = *view.affinity_timeout;
  if (given >= 1 && given <= kLongestAffinityTimeout) return static_cast<uint32_t>(given);
  notes.remark({"spec.sessionAffinityConfig.clientIP.timeoutSeconds"},
               fmt::format("{} is out of range; use 1 to {} seconds; it is left out", given, kLongestAffinityTimeout));
  return kDefaultAffinityTimeout;
}

// externalTrafficPolicy counts only where something outside can come in (I-25), the health check port only with it
// (I-27).
void build_external_policy(Service& service, const ServiceView& view, BuildNotes& notes) {
  const bool external = service.type == "NodePort" || service.type == "LoadBalancer" ||
                        (service.type == "ClusterIP" && !view.external_ips.empty());
  uint16_t health_port = 0;
  std::ignore = notes.part(
      [&] { health_port = build_port(view.health_check_node_port, 0, {"spec.healthCheckNodePort"}, notes); });
  const TrafficPolicy policy = policy_of(view.external_policy, {"spec.externalTrafficPolicy"}, notes);
  if (!external || policy == TrafficPolicy::kCluster) return;
  service.external_policy = TrafficPolicy::kLocal;
  if (service.type == "LoadBalancer") service.health_check_node_port = health_port;
}

}  // namespace

std::optional<Event> build_service(const ObjectView& view, const ObjectName& name, BuildNotes& notes) {
  std::optional<Event> event(std::in_place, std::in_place_type<Service>);
  auto& out = std::get<Service>(*event);
  out.name = name;
  out.resource_version = view.meta.resource_version;
  out.creation_timestamp = view.meta.creation_timestamp;
  out.type = known_word(view.service.type, kTypes, {"spec.type"}, notes);
  out.has_proxy_name = view.meta.proxy_name.has_value();
  out.service_proxy_name = view.meta.proxy_name.value_or("");
  build_cluster_ips(out, view.service, notes);
  build_ports(out, view.service, notes);
  build_external_ips(out, view.service, notes);
  build_ingress(out, view.service, notes);
  build_source_ranges(out, view.service, notes);
  out.internal_policy = policy_of(view.service.internal_policy, {"spec.internalTrafficPolicy"}, notes);
  build_external_policy(out, view.service, notes);
  out.affinity_timeout_s = build_affinity_timeout(view.service, notes);
  return event;
}

}  // namespace waggle
