// SPDX-License-Identifier: Apache-2.0
// Objects of the model in the API's JSON.
#include <array>

#include "base/json_writer.h"
#include "support/kube_objects.h"
#include "support/kube_objects_private.h"

namespace waggle {
namespace {

void write_texts(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  json.key(name).begin_array();
  for (const std::string& text : texts) json.value(text);
  json.end_array();
}

template <typename Addresses>
std::vector<std::string> texts_of(const Addresses& addresses) {
  std::vector<std::string> out;
  for (const auto& address : addresses) out.push_back(address.text());
  return out;
}

void write_map(JsonWriter& json, std::string_view name, const std::vector<std::pair<std::string, std::string>>& map) {
  if (map.empty()) return;
  json.key(name).begin_object();
  for (const auto& [key, value] : map) json.field(key, value);
  json.end_object();
}

void write_metadata(JsonWriter& json, const Event& object) {
  const MetaFields fields = meta_fields_of(object);
  json.key("metadata").begin_object().field("name", fields.name.name);
  if (!fields.name.name_space.empty()) json.field("namespace", fields.name.name_space);
  json.field("uid", kUid).field("resourceVersion", fields.version);
  json.key("creationTimestamp");
  if (fields.created.empty()) {
    json.null();
  } else {
    json.value(fields.created);
  }
  if (fields.deleting) json.field("deletionTimestamp", "1970-01-01T00:00:01Z");
  write_map(json, "labels", fields.labels);
  write_map(json, "annotations", fields.annotations);
  json.key("managedFields").begin_array().begin_object();
  json.field("manager", "controller").field("operation", "Update").field("apiVersion", "v1");
  json.field("fieldsType", "FieldsV1").key("fieldsV1").begin_object();
  json.key("f:spec").begin_object().key("f:ports").begin_object();
  json.key(R"(k:{"port":80,"protocol":"TCP"})").begin_object().key(".").begin_object().end_object();
  json.key("f:name").begin_object().end_object().key("f:port").begin_object().end_object();
  json.end_object().end_object().end_object().end_object().end_object().end_array().end_object();
}

void write_ports(JsonWriter& json, const Service& service) {
  json.key("ports").begin_array();
  for (const ServicePort& port : service.ports) {
    json.begin_object().field("name", port.name).field("protocol", protocol_name(port.protocol));
    json.field("port", port.port).field("targetPort", 8080);
    if (port.node_port != 0) json.field("nodePort", port.node_port);
    json.end_object();
  }
  json.end_array();
}

void write_spec(JsonWriter& json, const Service& service) {
  const auto addresses = cluster_ips_of(service);
  json.key("spec").begin_object();
  write_ports(json, service);
  json.key("selector").begin_object().field("app", service.name.name).end_object();
  if (!addresses.empty()) {
    json.field("clusterIP", addresses[0]);
    write_texts(json, "clusterIPs", addresses);
  }
  json.field("type", service.type);
  if (!service.external_ips.empty()) write_texts(json, "externalIPs", texts_of(service.external_ips));
  json.field("sessionAffinity", service.affinity_timeout_s > 0 ? "ClientIP" : "None");
  if (service.affinity_timeout_s > 0) {
    json.key("sessionAffinityConfig").begin_object().key("clientIP").begin_object();
    json.field("timeoutSeconds", service.affinity_timeout_s).end_object().end_object();
  }
  if (!service.source_ranges.empty()) write_texts(json, "loadBalancerSourceRanges", texts_of(service.source_ranges));
  std::vector<std::string> families;
  for (const IpAddress& address : service.cluster_ips) families.emplace_back(family_text(address));
  write_texts(json, "ipFamilies", families);
  json.field("ipFamilyPolicy", "SingleStack");
  json.field("internalTrafficPolicy", service.internal_policy == TrafficPolicy::kLocal ? "Local" : "Cluster");
  if (service.external_policy == TrafficPolicy::kLocal) json.field("externalTrafficPolicy", "Local");
  if (service.health_check_node_port != 0) json.field("healthCheckNodePort", service.health_check_node_port);
  json.end_object();
}

void write(JsonWriter& json, const Service& service) {
  write_spec(json, service);
  json.key("status").begin_object().key("loadBalancer").begin_object().key("ingress").begin_array();
  for (const LoadBalancerIngress& ingress : service.load_balancer_ingress) {
    json.begin_object();
    if (ingress.ip) json.field("ip", ingress.ip->text());
    json.field("ipMode", ingress.vip_mode ? "VIP" : "Proxy").end_object();
  }
  json.end_array().end_object().end_object();
}

void write_hints(JsonWriter& json, std::string_view name, const std::vector<std::string>& hints) {
  if (hints.empty()) return;
  json.key(name).begin_array();
  for (const std::string& hint : hints) json.begin_object().field("name", hint).end_object();
  json.end_array();
}

void write_endpoint(JsonWriter& json, const Endpoint& endpoint) {
  json.begin_object().key("addresses").begin_array().value(endpoint.address.text()).end_array();
  json.key("conditions").begin_object().field("ready", endpoint.ready).field("serving", endpoint.serving);
  json.field("terminating", endpoint.terminating).end_object();
  json.key("targetRef").begin_object().field("kind", "Pod").field("namespace", "shop");
  json.field("name", "pod").field("uid", kUid).end_object();
  if (!endpoint.node_name.empty()) json.field("nodeName", endpoint.node_name);
  json.field("zone", "a");
  if (!endpoint.zone_hints.empty() || !endpoint.node_hints.empty()) {
    json.key("hints").begin_object();
    write_hints(json, "forZones", endpoint.zone_hints.names());
    write_hints(json, "forNodes", endpoint.node_hints.names());
    json.end_object();
  }
  json.end_object();
}

void write(JsonWriter& json, const EndpointSlice& slice) {
  json.field("addressType", slice.family == Family::kIpv6 ? "IPv6" : "IPv4");
  json.key("endpoints").begin_array();
  for (const Endpoint& endpoint : slice.endpoints) write_endpoint(json, endpoint);
  json.end_array().key("ports").begin_array();
  for (const EndpointPort& port : slice.ports) {
    json.begin_object().field("name", port.name).field("protocol", protocol_name(port.protocol));
    json.field("port", port.port).end_object();
  }
  json.end_array();
}

void write(JsonWriter& json, const Node& node) {
  json.key("spec").begin_object();
  if (!node.pod_cidrs.empty()) json.field("podCIDR", node.pod_cidrs[0].text());
  write_texts(json, "podCIDRs", texts_of(node.pod_cidrs));
  json.key("taints").begin_array();
  for (const std::string& key : node.taint_keys)
    json.begin_object().field("key", key).field("effect", "NoSchedule").end_object();
  json.end_array().end_object().key("status").begin_object().key("addresses").begin_array();
  for (const IpAddress& address : node.addresses)
    json.begin_object().field("type", "InternalIP").field("address", address.text()).end_object();
  json.begin_object().field("type", "Hostname").field("address", node.name).end_object();
  json.end_array().end_object();
}

void write(JsonWriter& json, const ServiceCidr& cidr) {
  json.key("spec").begin_object();
  write_texts(json, "cidrs", texts_of(cidr.cidrs));
  json.end_object().key("status").begin_object().end_object();
}

void write(JsonWriter&, const Deletion&) {}

}  // namespace

std::string json_item(const Event& object) {
  JsonWriter json(JsonWriter::Style::kCompact);
  json.begin_object();
  write_metadata(json, object);
  std::visit([&json](const auto& one) { write(json, one); }, object);
  json.end_object();
  return json.text();
}

}  // namespace waggle
