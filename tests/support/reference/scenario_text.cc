// SPDX-License-Identifier: Apache-2.0
// Scenarios as text: objects as the manifests that the product's own decoder reads.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sstream>

#include "support/reference/scenario.h"

namespace waggle::reference {
namespace {

std::string quoted(const std::string& text) { return fmt::format("\"{}\"", text); }

template <typename Range, typename Text>
std::string list_of(const Range& range, Text text) {
  std::vector<std::string> all;
  for (const auto& one : range) all.push_back(text(one));
  return fmt::format("[{}]", fmt::join(all, ", "));
}

template <typename Addresses>
std::string texts_of(const Addresses& addresses) {
  return list_of(addresses, [](const auto& one) { return quoted(one.text()); });
}

std::string port_text(const ServicePort& port) {
  const std::string node_port = port.node_port == 0 ? "" : fmt::format(", nodePort: {}", port.node_port);
  return fmt::format("{{name: \"{}\", port: {}, protocol: {}{}}}", port.name, port.port, protocol_name(port.protocol),
                     node_port);
}

std::string cluster_ip_text(const Service& service) {
  if (service.headless) return "  clusterIP: None\n";
  if (service.cluster_ips.empty()) return "  clusterIP: \"\"\n";
  return fmt::format("  clusterIPs: {}\n  ipFamilies: {}\n", texts_of(service.cluster_ips),
                     list_of(service.cluster_ips, [](const IpAddress& one) {
                       return std::string(one.family == Family::kIpv4 ? "IPv4" : "IPv6");
                     }));
}

std::string policy_text(const Service& service) {
  std::string text;
  if (service.internal_policy == TrafficPolicy::kLocal) text += "  internalTrafficPolicy: Local\n";
  if (service.external_policy == TrafficPolicy::kLocal) text += "  externalTrafficPolicy: Local\n";
  if (service.affinity_timeout_s != 0) {
    text += fmt::format("  sessionAffinity: ClientIP\n  sessionAffinityConfig: {{clientIP: {{timeoutSeconds: {}}}}}\n",
                        service.affinity_timeout_s);
  }
  return text;
}

std::string outside_text(const Service& service) {
  std::string text;
  if (!service.external_ips.empty()) text += fmt::format("  externalIPs: {}\n", texts_of(service.external_ips));
  if (!service.source_ranges.empty()) {
    text += fmt::format("  loadBalancerSourceRanges: {}\n", texts_of(service.source_ranges));
  }
  if (service.load_balancer_ingress.empty()) return text;
  const auto ingress = list_of(service.load_balancer_ingress, [](const LoadBalancerIngress& one) {
    if (!one.ip) return std::string("{hostname: lb.example}");
    return fmt::format("{{ip: \"{}\", ipMode: {}}}", one.ip->text(), one.vip_mode ? "VIP" : "Proxy");
  });
  return text + fmt::format("status: {{loadBalancer: {{ingress: {}}}}}\n", ingress);
}

std::string manifest(const Service& service) {
  const std::string labels =
      service.has_proxy_name ? ", labels: {service.kubernetes.io/service-proxy-name: other}" : "";
  const std::string created = service.creation_timestamp.empty()
                                  ? ""
                                  : fmt::format(", creationTimestamp: {}", quoted(service.creation_timestamp));
  return fmt::format("apiVersion: v1\nkind: Service\nmetadata: {{name: {}, namespace: {}{}{}}}\nspec:\n  type: {}\n",
                     service.name.name, service.name.name_space, created, labels, service.type) +
         cluster_ip_text(service) + fmt::format("  ports: {}\n", list_of(service.ports, port_text)) +
         policy_text(service) + outside_text(service);
}

std::string hint_text(const char* name, const HintList& hints) {
  return fmt::format("{}: {}", name,
                     list_of(hints.names(), [](const std::string& one) { return fmt::format("{{name: {}}}", one); }));
}

std::string endpoint_text(const Endpoint& endpoint) {
  const std::string node = endpoint.node_name.empty() ? "" : fmt::format(", nodeName: {}", endpoint.node_name);
  const bool has_hints = !endpoint.zone_hints.empty() || !endpoint.node_hints.empty();
  const std::string hints = has_hints ? fmt::format(", hints: {{{}, {}}}", hint_text("forZones", endpoint.zone_hints),
                                                    hint_text("forNodes", endpoint.node_hints))
                                      : "";
  return fmt::format("\n- {{addresses: [\"{}\"], conditions: {{ready: {}, serving: {}, terminating: {}}}{}{}}}",
                     endpoint.address.text(), endpoint.ready, endpoint.serving, endpoint.terminating, node, hints);
}

std::string manifest(const EndpointSlice& slice) {
  std::string endpoints;
  for (const Endpoint& endpoint : slice.endpoints) endpoints += endpoint_text(endpoint);
  const auto ports = list_of(slice.ports, [](const EndpointPort& one) {
    return fmt::format("{{name: \"{}\", port: {}, protocol: {}}}", one.name, one.port, protocol_name(one.protocol));
  });
  return fmt::format(
      "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: {}, namespace: {}, "
      "labels: {{kubernetes.io/service-name: {}}}}}\naddressType: IPv{}\nports: {}\nendpoints:{}\n",
      slice.name.name, slice.name.name_space, slice.service_name, slice.family == Family::kIpv4 ? 4 : 6, ports,
      endpoints.empty() ? " []" : endpoints);
}

std::string manifest(const Node& node) {
  const std::string labels =
      node.zone.empty() ? "" : fmt::format(", labels: {{topology.kubernetes.io/zone: {}}}", node.zone);
  return fmt::format("apiVersion: v1\nkind: Node\nmetadata: {{name: {}{}}}\nstatus: {{addresses: {}}}\n", node.name,
                     labels, list_of(node.addresses, [](const IpAddress& one) {
                       return fmt::format("{{type: InternalIP, address: \"{}\"}}", one.text());
                     }));
}

std::string manifest(const ServiceCidr& cidr) {
  return fmt::format(
      "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {{name: {}}}\nspec: {{cidrs: {}}}\n", cidr.name,
      texts_of(cidr.cidrs));
}

std::string deletion_text(const Deletion& deletion) {
  static constexpr const char* kKinds[] = {"Service", "EndpointSlice", "Node", "ServiceCIDR"};
  return fmt::format("{} {}\n", kKinds[static_cast<size_t>(deletion.kind)], deletion.name.text());
}

std::string event_text(const Event& event) {
  if (const auto* deletion = std::get_if<Deletion>(&event)) return "=== delete\n" + deletion_text(*deletion);
  return "=== apply\n" + std::visit(
                             [](const auto& object) -> std::string {
                               if constexpr (std::is_same_v<std::decay_t<decltype(object)>, Deletion>)
                                 return "";
                               else
                                 return manifest(object);
                             },
                             event);
}

constexpr const char* kLinks[] = {"pod", "uplink", "host"};
constexpr const char* kSignals[] = {"open", "data", "finish", "reset", "ping", "error", "pieces"};

std::string settings_text(const Settings& settings) {
  static constexpr const char* kDetectors[] = {"none", "links", "cidr", "every-link"};
  std::string text = fmt::format("detector={}", kDetectors[static_cast<size_t>(settings.detector)]);
  for (const auto& cidr : settings.pod_cidr) {
    if (cidr) text += " pods=" + cidr->text();
  }
  if (settings.snat_always) text += " snat=always";
  if (settings.masquerade_all) text += " masquerade=all";
  if (!settings.answer_ping) text += " ping=reject";
  if (!settings.reject_unknown) text += " ports=pass";
  if (!settings.drop_unallocated) text += " unallocated=pass";
  return text + "\n";
}

std::string call_text(const Call& call) {
  const std::string what = call.is_send ? fmt::format("send {}", call.socket) : "connect";
  return fmt::format("call {} {} {} {}{}\n", call.link == Link::kHost ? "node" : "pod", what, call.to.text(),
                     protocol_name(call.protocol), call.is_mapped ? " mapped" : "");
}

}  // namespace

std::string text_of(const PacketStep& step) {
  return fmt::format("{} {} {} {} {} {} {}{}{}\n", kLinks[static_cast<size_t>(step.link)], step.by_xdp ? "xdp" : "tc",
                     step.key.client.text(), step.is_reply ? "<" : ">", step.key.frontend.text(),
                     protocol_name(step.key.protocol), kSignals[static_cast<size_t>(step.signal)],
                     step.outcome.empty() ? "" : " = ", step.outcome);
}

std::string text_of(const Step& step) {
  if (const auto* event = std::get_if<Event>(&step)) return event_text(*event);
  if (const auto* pause = std::get_if<Pause>(&step)) return fmt::format("wait {}\n", pause->seconds);
  if (const auto* call = std::get_if<Call>(&step)) return call_text(*call);
  return text_of(std::get<PacketStep>(step));
}

std::string text_of(const Scenario& scenario) {
  std::string text = "=== settings\n" + settings_text(scenario.settings);
  bool in_packets = false;
  for (const Step& step : scenario.steps) {
    const bool is_packet = !std::holds_alternative<Event>(step);
    if (is_packet && !in_packets) text += "=== packets\n";
    in_packets = is_packet;
    text += text_of(step);
  }
  return text;
}

}  // namespace waggle::reference
