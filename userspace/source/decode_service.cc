// SPDX-License-Identifier: Apache-2.0
// Service (contract section 1.2). What the API server would fill in or clear is filled in or cleared here, because a
// manifest has not gone through it.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "source/decode_kinds.h"

namespace waggle {
namespace {

constexpr uint32_t kDefaultAffinityTimeout = 10800;  // seconds (I-33)
constexpr int64_t kLongestAffinityTimeout = 86400;   // seconds

std::string_view family_name(Family family) { return family == Family::kIpv4 ? "IPv4" : "IPv6"; }

// A word that is not known counts as none.
std::string choice_or_none(const Field& field, std::initializer_list<std::string_view> words) {
  std::string word;
  return field.part([&] { word = field.choice(words); }) ? word : std::string(*words.begin());
}

TrafficPolicy policy_of(const Field& field) {
  return choice_or_none(field, {"Cluster", "Local"}) == "Local" ? TrafficPolicy::kLocal : TrafficPolicy::kCluster;
}

bool is_cluster_ip(const Field& field) {
  const std::string text = field.text_or_empty();
  return !text.empty() && text != "None";
}

// `family`: what ipFamilies says of this address, or null.
void add_cluster_ip(Service& service, const Field& field, const Field* family) {
  const auto address = field.address();
  if (!address) return;
  const auto actual = family_name(address->family);
  const std::string wanted = family == nullptr ? std::string(actual) : family->choice({"IPv4", "IPv6"});
  if (wanted != actual) {
    return field.error(fmt::format("{} is not {}, as spec.ipFamilies has it", address->text(), wanted));
  }
  const auto same_family = [&](const IpAddress& other) { return other.family == address->family; };
  if (std::any_of(service.cluster_ips.begin(), service.cluster_ips.end(), same_family)) {
    return field.error(fmt::format("is a second {} address; a service has one of a family", wanted));
  }
  service.cluster_ips.push_back(*address);
}

// One address of a family, each at the place of its family in ipFamilies (I-21); families beyond the addresses have
// none.
void read_cluster_ips(Service& service, const Field& spec) {
  const Field first = spec.at("clusterIP");
  std::vector<Field> addresses = spec.at("clusterIPs").items();
  const std::vector<Field> families = spec.at("ipFamilies").items();
  if (!addresses.empty() && first.present() && first.text() != addresses[0].text()) {
    first.error("differs from spec.clusterIPs[0]; make them the same");
  }
  if (addresses.empty()) addresses.push_back(first);
  service.headless = addresses[0].text_or_empty() == "None";
  if (service.headless) return;
  if (!families.empty() && addresses.size() > families.size()) {
    spec.at("ipFamilies").error("has fewer entries than spec.clusterIPs; name the family of each");
  }
  for (size_t i = 0; i < addresses.size(); ++i) {
    const auto add = [&] { add_cluster_ip(service, addresses[i], i < families.size() ? &families[i] : nullptr); };
    if (is_cluster_ip(addresses[i])) std::ignore = addresses[i].part_of(addresses, add);
  }
}

ServicePort read_port(const Field& field) {
  ServicePort out;
  out.name = field.at("name").name(kLongestLabel, false);
  out.protocol = field.at("protocol").protocol();
  out.port = field.at("port").port();
  out.node_port = field.at("nodePort").port(0);
  field.at("port").require("give the port's number");
  return out;
}

// Of two ports that are the same the first stays.
void check_unlike(const Service& service, const ServicePort& port, const Field& field) {
  const auto protocol = protocol_name(port.protocol);
  const auto another = [&](const auto& same) {
    return std::ranges::any_of(
        service.ports, [&](const ServicePort& other) { return other.protocol == port.protocol && same(other); });
  };
  if (another([&](const ServicePort& other) { return other.name == port.name; }))
    field.at("name").error(fmt::format("\"{}\" is the name of another {} port of this service", port.name, protocol));
  if (another([&](const ServicePort& other) { return other.port == port.port; }))
    field.at("port").error(fmt::format("{}/{} is another port of this service already", port.port, protocol));
}

void read_ports(Service& service, const Field& ports) {
  const std::vector<Field> list = ports.items();
  for (const Field& field : list) {
    ServicePort port;
    const auto read = [&] {
      port = read_port(field);
      if (port.port != 0) check_unlike(service, port, field);
    };
    if (field.part_of(list, read)) service.ports.push_back(std::move(port));
  }
}

// What cannot be used is passed over, the rest stays (I-29).
std::optional<IpAddress> address_or_remark(const Field& field, const std::string& text) {
  if (const auto fault = address_fault(text); !fault.empty()) {
    field.remark(fmt::format("\"{}\" {}; it is left out", text, fault));
    return std::nullopt;
  }
  const auto address = IpAddress::parse(text);
  if (const auto doubt = address_doubt(*address); !doubt.empty()) field.remark(fmt::format("\"{}\" {}", text, doubt));
  return address;
}

void read_external_ips(Service& service, const Field& list) {
  for (const Field& field : list.items()) {
    const auto text = field.text();
    if (!text || without_spaces_around(*text).empty()) continue;
    if (const auto address = address_or_remark(field, *text)) service.external_ips.push_back(*address);
  }
}

void read_ingress(Service& service, const Field& list) {
  for (const Field& field : list.items()) {
    LoadBalancerIngress ingress;
    const std::string text = field.at("ip").text_or_empty();
    const bool has_ip = !without_spaces_around(text).empty();
    if (has_ip) ingress.ip = address_or_remark(field.at("ip"), text);
    if (has_ip && !ingress.ip) continue;
    std::string mode;
    if (!field.part([&] { mode = field.at("ipMode").text_or_empty(); })) continue;
    ingress.vip_mode = mode.empty() || mode == "VIP";
    if (!ingress.vip_mode && mode != "Proxy") field.at("ipMode").remark(unknown_ip_mode(mode));
    service.load_balancer_ingress.push_back(ingress);
  }
}

// A range of all addresses lifts the restriction of its family, as does a list without a range of the family (I-31):
// then none of the family is left. One that cannot be read refuses the service, for leaving it out could open it to
// everybody.
void read_source_ranges(Service& service, const Field& list) {
  std::set<Family> open;
  for (const Field& field : list.items()) {
    const auto text = field.text();
    if (!text || without_spaces_around(*text).empty()) continue;
    const auto range = field.cidr();
    if (!range) continue;
    if (range->prefix_length == 0) open.insert(range->address.family);
    service.source_ranges.push_back(*range);
  }
  std::erase_if(service.source_ranges, [&](const Cidr& range) { return open.contains(range.address.family); });
}

uint32_t affinity_timeout(const Field& spec) {
  if (choice_or_none(spec.at("sessionAffinity"), {"None", "ClientIP"}) == "None") return 0;
  const Field field = spec.at("sessionAffinityConfig").at("clientIP").at("timeoutSeconds");
  int64_t timeout = kDefaultAffinityTimeout;
  const bool good = field.part([&] {
    timeout = field.number().value_or(kDefaultAffinityTimeout);
    if (timeout < 1 || timeout > kLongestAffinityTimeout)
      field.error(fmt::format("{} is out of range; use 1 to {} seconds", timeout, kLongestAffinityTimeout));
  });
  return good ? static_cast<uint32_t>(timeout) : kDefaultAffinityTimeout;
}

// externalTrafficPolicy counts only where something outside can come in (I-25), the health check port only with it
// (I-27).
void read_external_policy(Service& service, const Field& spec) {
  const bool external = service.type == "NodePort" || service.type == "LoadBalancer" ||
                        (service.type == "ClusterIP" && !spec.at("externalIPs").items().empty());
  const TrafficPolicy policy = policy_of(spec.at("externalTrafficPolicy"));
  uint16_t health_port = 0;
  const Field health = spec.at("healthCheckNodePort");
  if (!health.part([&] { health_port = health.port(0); })) health_port = 0;
  if (!external || policy == TrafficPolicy::kCluster) return;
  service.external_policy = policy;
  if (service.type == "LoadBalancer") service.health_check_node_port = health_port;
}

void check_complete(const Service& service, const Field& spec) {
  if (service.headless || service.type == "ExternalName") return;
  spec.at("ports").require("a service needs a port");
  if (service.cluster_ips.empty()) {
    spec.at("clusterIP").remark("is missing and nothing here allocates one, so the service is not served; write one");
  }
}

}  // namespace

std::optional<Event> decode_service(const Field& root, const ObjectName& name) {
  const Field metadata = root.at("metadata");
  const Field spec = root.at("spec");
  const Field proxy_name = metadata.at("labels").at("service.kubernetes.io/service-proxy-name");
  Service out;
  out.name = name;
  out.resource_version = resource_version_of(root);
  out.creation_timestamp = metadata.at("creationTimestamp").text_or_empty();
  out.type = choice_or_none(spec.at("type"), {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"});
  out.has_proxy_name = proxy_name.present();
  out.service_proxy_name = proxy_name.text_or_empty();
  read_cluster_ips(out, spec);
  read_ports(out, spec.at("ports"));
  read_external_ips(out, spec.at("externalIPs"));
  read_ingress(out, root.at("status").at("loadBalancer").at("ingress"));
  read_source_ranges(out, spec.at("loadBalancerSourceRanges"));
  out.internal_policy = policy_of(spec.at("internalTrafficPolicy"));
  read_external_policy(out, spec);
  out.affinity_timeout_s = affinity_timeout(spec);
  check_complete(out, spec);
  return out;
}

}  // namespace waggle
