// SPDX-License-Identifier: Apache-2.0
// Protobuf, and what surrounds objects; their JSON is in kube_json_objects.cc, random ones in kube_random_objects.cc.
#include "support/kube_objects.h"

#include <fmt/format.h>

#include <chrono>
#include <sstream>

#include "support/kube_objects_private.h"

namespace waggle {
namespace {

// Seconds since 1970 of "2026-01-02T03:04:05Z".
int64_t seconds_of(const std::string& text) {
  int year = 0;
  unsigned month = 0, day = 0;
  int hour = 0, minute = 0, second = 0;
  if (std::sscanf(text.c_str(), "%d-%u-%uT%d:%d:%dZ", &year, &month, &day, &hour, &minute, &second) != 6) return 0;
  const std::chrono::sys_days date{std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)};
  return std::chrono::seconds(date.time_since_epoch()).count() + hour * 3600 + minute * 60 + second;
}

WireWriter map_entry(std::string_view key, std::string_view value) { return WireWriter().text(1, key).text(2, value); }

WireWriter metadata(const Event& object) {
  const MetaFields fields = meta_fields_of(object);
  WireWriter out;
  out.text(1, fields.name.name).text(2, "").text(3, fields.name.name_space).text(4, "").text(5, kUid);
  out.text(6, fields.version).integer(7, 0);
  WireWriter created;
  if (!fields.created.empty()) created.integer(1, seconds_of(fields.created)).integer(2, 0);
  out.message(8, created);
  if (fields.deleting) out.message(9, WireWriter().integer(1, 1).integer(2, 0));
  for (const auto& [key, value] : fields.labels) out.message(11, map_entry(key, value));
  for (const auto& [key, value] : fields.annotations) out.message(12, map_entry(key, value));
  WireWriter managed;
  managed.text(1, "controller").text(2, "Update").text(3, "v1").text(6, "FieldsV1");
  return out.message(17, managed.message(7, WireWriter().text(1, kManagedFields)));
}

WireWriter service_spec(const Service& service) {
  WireWriter out;
  for (const ServicePort& port : service.ports) {
    WireWriter target;
    target.integer(1, 0).integer(2, 8080).text(3, "");
    out.message(1, WireWriter()
                       .text(1, port.name)
                       .text(2, protocol_name(port.protocol))
                       .integer(3, port.port)
                       .message(4, target)
                       .integer(5, port.node_port));
  }
  out.message(2, map_entry("app", service.name.name));
  const auto addresses = cluster_ips_of(service);
  out.text(3, addresses.empty() ? "" : addresses[0]).text(4, service.type);
  for (const IpAddress& address : service.external_ips) out.text(5, address.text());
  out.text(7, service.affinity_timeout_s > 0 ? "ClientIP" : "None").text(8, "");
  for (const Cidr& range : service.source_ranges) out.text(9, range.text());
  out.text(10, "").text(11, service.external_policy == TrafficPolicy::kLocal ? "Local" : "");
  out.integer(12, service.health_check_node_port).integer(13, 0);
  if (service.affinity_timeout_s > 0)
    out.message(14, WireWriter().message(1, WireWriter().integer(1, service.affinity_timeout_s)));
  for (const std::string& address : addresses) out.text(18, address);
  for (const IpAddress& address : service.cluster_ips) out.text(19, family_text(address));
  return out.text(17, "SingleStack").text(22, service.internal_policy == TrafficPolicy::kLocal ? "Local" : "Cluster");
}

WireWriter service_message(const Service& service) {
  WireWriter balancer;
  for (const LoadBalancerIngress& ingress : service.load_balancer_ingress) {
    WireWriter one;
    one.text(1, ingress.ip ? ingress.ip->text() : "").text(2, "");
    balancer.message(1, one.text(3, ingress.vip_mode ? "VIP" : "Proxy"));
  }
  return WireWriter()
      .message(1, metadata(service))
      .message(2, service_spec(service))
      .message(3, WireWriter().message(1, balancer));
}

WireWriter endpoint_message(const Endpoint& endpoint) {
  WireWriter out;
  out.text(1, endpoint.address.text());
  out.message(2, WireWriter().integer(1, endpoint.ready).integer(2, endpoint.serving).integer(3, endpoint.terminating));
  out.message(4, WireWriter().text(1, "Pod").text(2, "shop").text(3, "pod").text(4, kUid).text(5, ""));
  if (!endpoint.node_name.empty()) out.text(6, endpoint.node_name);
  out.text(7, "a");
  WireWriter hints;
  for (const std::string& zone : endpoint.zone_hints.names()) hints.message(1, WireWriter().text(1, zone));
  for (const std::string& node : endpoint.node_hints.names()) hints.message(2, WireWriter().text(1, node));
  if (!hints.bytes().empty()) out.message(8, hints);
  return out;
}

WireWriter slice_message(const EndpointSlice& slice) {
  WireWriter out;
  out.message(1, metadata(slice));
  for (const Endpoint& endpoint : slice.endpoints) out.message(2, endpoint_message(endpoint));
  for (const EndpointPort& port : slice.ports) {
    out.message(3, WireWriter().text(1, port.name).text(2, protocol_name(port.protocol)).integer(3, port.port));
  }
  return out.text(4, slice.family == Family::kIpv6 ? "IPv6" : "IPv4");
}

WireWriter node_message(const Node& node) {
  WireWriter spec;
  spec.text(1, node.pod_cidrs.empty() ? "" : node.pod_cidrs[0].text()).text(3, "").integer(4, 0);
  for (const std::string& key : node.taint_keys) spec.message(5, WireWriter().text(1, key).text(3, "NoSchedule"));
  for (const Cidr& cidr : node.pod_cidrs) spec.text(7, cidr.text());
  WireWriter status;
  for (const IpAddress& address : node.addresses)
    status.message(5, WireWriter().text(1, "InternalIP").text(2, address.text()));
  status.message(5, WireWriter().text(1, "Hostname").text(2, node.name));
  return WireWriter().message(1, metadata(node)).message(2, spec).message(3, status);
}

WireWriter cidr_message(const ServiceCidr& cidr) {
  WireWriter spec;
  for (const Cidr& one : cidr.cidrs) spec.text(1, one.text());
  return WireWriter().message(1, metadata(cidr)).message(2, spec).message(3, WireWriter());
}

WireWriter message_of(const Event& object) {
  if (const auto* service = std::get_if<Service>(&object)) return service_message(*service);
  if (const auto* slice = std::get_if<EndpointSlice>(&object)) return slice_message(*slice);
  if (const auto* node = std::get_if<Node>(&object)) return node_message(*node);
  return cidr_message(std::get<ServiceCidr>(object));
}

std::string frame(std::string_view type, const std::string& object, WireForm form) {
  if (form == WireForm::kJson) return fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, object);
  const std::string event = WireWriter().text(1, type).message(2, WireWriter().text(1, object)).bytes();
  std::string out;
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(event.size() >> shift & 0xff);
  return out + event;
}

std::string with_type(ObjectKind kind, std::string_view json) {
  const KindWords& words = words_of(kind);
  return fmt::format("{{\"kind\":\"{}\",\"apiVersion\":\"{}\",{}", words.kind, words.api_version, json.substr(1));
}

}  // namespace

WireWriter& WireWriter::text(uint32_t number, std::string_view value) {
  varint(number << 3 | 2);
  varint(value.size());
  bytes_ += value;
  return *this;
}

WireWriter& WireWriter::integer(uint32_t number, int64_t value) {
  varint(number << 3);
  varint(static_cast<uint64_t>(value));
  return *this;
}

void WireWriter::varint(uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
  bytes_ += static_cast<char>(value);
}

std::string enveloped(std::string_view api_version, std::string_view kind, std::string_view message) {
  WireWriter unknown;
  unknown.message(1, WireWriter().text(1, api_version).text(2, kind)).text(2, message).text(3, "").text(4, "");
  return std::string("k8s\0", 4) + unknown.bytes();
}

std::string protobuf_item(const Event& object) { return message_of(object).bytes(); }

std::string list_body(ObjectKind kind, const std::vector<Event>& objects, const std::string& version,
                      const std::string& next_page, WireForm form) {
  const KindWords& words = words_of(kind);
  if (form == WireForm::kProtobuf) {
    WireWriter list;
    list.message(1, WireWriter().text(1, "").text(2, version).text(3, next_page));
    for (const Event& object : objects) list.message(2, message_of(object));
    return enveloped(words.api_version, words.kind + "List", list.bytes());
  }
  std::string out = fmt::format(
      "{{\"kind\":\"{}List\",\"apiVersion\":\"{}\",\"metadata\":{{\"resourceVersion\":\"{}\",\"continue\":\"{}\"}},"
      "\"items\":[",
      words.kind, words.api_version, version, next_page);
  for (size_t i = 0; i < objects.size(); ++i) out += (i == 0 ? "" : ",") + json_item(objects[i]);
  return out + "]}\n";
}

std::string watch_frame(std::string_view type, const Event& object, WireForm form) {
  const ObjectKind kind = kind_of(object);
  if (form == WireForm::kJson) return frame(type, with_type(kind, json_item(object)), form);
  return frame(type, enveloped(words_of(kind).api_version, words_of(kind).kind, protobuf_item(object)), form);
}

std::string bookmark_frame(ObjectKind kind, const std::string& version, bool initial_events_end, WireForm form) {
  const std::string end = R"(,"annotations":{"k8s.io/initial-events-end":"true"})";
  if (form == WireForm::kJson) {
    const std::string json = fmt::format("{{\"metadata\":{{\"resourceVersion\":\"{}\"{}}},\"spec\":{{}}}}", version,
                                         initial_events_end ? end : "");
    return frame("BOOKMARK", with_type(kind, json), form);
  }
  WireWriter meta;
  meta.text(1, "").text(6, version);
  if (initial_events_end) meta.message(12, map_entry("k8s.io/initial-events-end", "true"));
  const std::string object = WireWriter().message(1, meta).message(2, WireWriter()).bytes();
  return frame("BOOKMARK", enveloped(words_of(kind).api_version, words_of(kind).kind, object), form);
}

std::string status_body(int code, std::string_view reason, std::string_view message, WireForm form,
                        bool version_too_large) {
  if (form == WireForm::kJson) {
    const std::string_view details =
        version_too_large ? R"(,"details":{"causes":[{"reason":"ResourceVersionTooLarge"}],"retryAfterSeconds":1})"
                          : "";
    return fmt::format(
        R"({{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"{}","reason":"{}"{},"code":{}}})",
        message, reason, details, code);
  }
  WireWriter out;
  out.message(1, WireWriter()).text(2, "Failure").text(3, message).text(4, reason);
  if (version_too_large)
    out.message(5, WireWriter().message(4, WireWriter().text(1, "ResourceVersionTooLarge")).integer(5, 1));
  return enveloped("v1", "Status", out.integer(6, code).bytes());
}

std::string error_frame(int code, std::string_view reason, std::string_view message, WireForm form) {
  return frame("ERROR", status_body(code, reason, message, form), form);
}

std::string_view content_type_of(WireForm form) {
  return form == WireForm::kJson ? "application/json" : "application/vnd.kubernetes.protobuf";
}

}  // namespace waggle
