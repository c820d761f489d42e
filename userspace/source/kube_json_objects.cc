// SPDX-License-Identifier: Apache-2.0
// The four kinds of objects in JSON: just the fields Waggle reads.
#include "source/kube_json_fields.h"

namespace waggle::kube_json {
namespace {

template <typename Take>
error_code read_text_map(ondemand::value in, ObjectView& out, std::string_view path, Take take) {
  return read_map(in, out, {path}, [&](std::string_view key, ondemand::value value) -> error_code {
    OptionalText text;
    const auto error = read_text(value, out, {path}, text);
    if (text) take(key, *text);
    return error;
  });
}

error_code note_presence(ondemand::value in, bool& there) {
  ondemand::json_type type{};
  const auto error = in.type().get(type);
  there = type != ondemand::json_type::null;
  return error;
}

error_code read_metadata(ondemand::value in, ObjectView& out) {
  MetaView& meta = out.meta;
  return read_map(in, out, {"metadata"}, [&](std::string_view key, ondemand::value value) -> error_code {
    if (key == "name") return read_text(value, out, {"metadata.name"}, meta.name);
    if (key == "namespace") return read_text(value, out, {"metadata.namespace"}, meta.name_space);
    if (key == "resourceVersion") return read_text(value, out, {"metadata.resourceVersion"}, meta.resource_version);
    if (key == "creationTimestamp")
      return read_text(value, out, {"metadata.creationTimestamp"}, meta.creation_timestamp);
    if (key == "deletionTimestamp") return note_presence(value, meta.deleting);
    if (key == "labels")
      return read_text_map(value, out, "metadata.labels", [&](auto name, auto text) { out.set_label(name, text); });
    if (key == "annotations")
      return read_text_map(value, out, "metadata.annotations",
                           [&](auto name, auto text) { out.set_annotation(name, text); });
    return SUCCESS;
  });
}

// --- Service ---

error_code read_service_port(ondemand::value in, ObjectView& out, size_t index) {
  auto* port = out.add(out.service.ports, "spec.ports[]");
  if (port == nullptr) return SUCCESS;
  return read_map(in, out, {"spec.ports[]", index}, [&](std::string_view key, ondemand::value value) -> error_code {
    if (key == "name") return read_text(value, out, {"spec.ports[].name", index}, port->name);
    if (key == "protocol") return read_text(value, out, {"spec.ports[].protocol", index}, port->protocol);
    if (key == "port") return read_integer(value, out, {"spec.ports[].port", index}, port->port);
    if (key == "nodePort") return read_integer(value, out, {"spec.ports[].nodePort", index}, port->node_port);
    return SUCCESS;
  });
}

error_code read_affinity_config(ondemand::value in, ObjectView& out) {
  constexpr std::string_view kPath = "spec.sessionAffinityConfig";
  return read_map(in, out, {kPath}, [&](std::string_view key, ondemand::value value) -> error_code {
    if (key != "clientIP") return SUCCESS;
    return read_map(value, out, {kPath}, [&](std::string_view inner, ondemand::value seconds) -> error_code {
      if (inner != "timeoutSeconds") return SUCCESS;
      return read_integer(seconds, out, {"spec.sessionAffinityConfig.clientIP.timeoutSeconds"},
                          out.service.affinity_timeout);
    });
  });
}

error_code read_spec_list(std::string_view key, ondemand::value value, ObjectView& out) {
  ServiceView& service = out.service;
  if (key == "ports") {
    return read_array(value, out, {"spec.ports"},
                      [&](ondemand::value item, size_t index) { return read_service_port(item, out, index); });
  }
  if (key == "clusterIPs") return read_texts(value, out, "spec.clusterIPs[]", service.cluster_ips);
  if (key == "ipFamilies") return read_texts(value, out, "spec.ipFamilies[]", service.ip_families);
  if (key == "externalIPs") return read_texts(value, out, "spec.externalIPs[]", service.external_ips);
  if (key == "loadBalancerSourceRanges")
    return read_texts(value, out, "spec.loadBalancerSourceRanges[]", service.source_ranges);
  if (key == "sessionAffinityConfig") return read_affinity_config(value, out);
  return SUCCESS;
}

error_code read_service_spec(ondemand::value in, ObjectView& out) {
  ServiceView& service = out.service;
  return read_map(in, out, {"spec"}, [&](std::string_view key, ondemand::value value) -> error_code {
    if (key == "type") return read_text(value, out, {"spec.type"}, service.type);
    if (key == "clusterIP") return read_text(value, out, {"spec.clusterIP"}, service.cluster_ip);
    if (key == "sessionAffinity") return read_text(value, out, {"spec.sessionAffinity"}, service.affinity);
    if (key == "internalTrafficPolicy")
      return read_text(value, out, {"spec.internalTrafficPolicy"}, service.internal_policy);
    if (key == "externalTrafficPolicy")
      return read_text(value, out, {"spec.externalTrafficPolicy"}, service.external_policy);
    if (key == "healthCheckNodePort")
      return read_integer(value, out, {"spec.healthCheckNodePort"}, service.health_check_node_port);
    return read_spec_list(key, value, out);
  });
}

error_code read_ingress(ondemand::value in, ObjectView& out, size_t index) {
  constexpr std::string_view kPath = "status.loadBalancer.ingress[]";
  auto* ingress = out.add(out.service.ingress, kPath);
  if (ingress == nullptr) return SUCCESS;
  return read_map(in, out, {kPath, index}, [&](std::string_view key, ondemand::value value) -> error_code {
    if (key == "ip") return read_text(value, out, {"status.loadBalancer.ingress[].ip", index}, ingress->ip);
    if (key == "ipMode")
      return read_text(value, out, {"status.loadBalancer.ingress[].ipMode", index}, ingress->ip_mode);
    return SUCCESS;
  });
}

error_code read_service_status(ondemand::value in, ObjectView& out) {
  return read_map(in, out, {"status"}, [&](std::string_view key, ondemand::value value) -> error_code {
    if (key != "loadBalancer") return SUCCESS;
    return read_map(
        value, out, {"status.loadBalancer"}, [&](std::string_view inner, ondemand::value list) -> error_code {
          if (inner != "ingress") return SUCCESS;
          return read_array(list, out, {"status.loadBalancer.ingress"},
                            [&](ondemand::value item, size_t index) { return read_ingress(item, out, index); });
        });
  });
}

error_code read_service_field(std::string_view key, ondemand::value value, ObjectView& out) {
  if (key == "spec") return read_service_spec(value, out);
  if (key == "status") return read_service_status(value, out);
  return SUCCESS;
}

// --- EndpointSlice ---

error_code read_conditions(ondemand::value in, ObjectView& out, EndpointView& endpoint, size_t index) {
  constexpr std::string_view kPath = "endpoints[].conditions";
  return read_map(in, out, {kPath, index}, [&](std::string_view key, ondemand::value value) -> error_code {
    if (key == "ready") return read_boolean(value, out, {kPath, index}, endpoint.ready);
    if (key == "serving") return read_boolean(value, out, {kPath, index}, endpoint.serving);
    if (key == "terminating") return read_boolean(value, out, {kPath, index}, endpoint.terminating);
    return SUCCESS;
  });
}

error_code read_hint_list(ondemand::value in, ObjectView& out, size_t index, bool zone) {
  constexpr std::string_view kPath = "endpoints[].hints";
  return read_array(in, out, {kPath, index}, [&](ondemand::value item, size_t) -> error_code {
    auto* hint = out.add(out.slice.hints, kPath);
    if (hint == nullptr) return SUCCESS;
    hint->zone = zone;
    return read_map(item, out, {kPath, index}, [&](std::string_view key, ondemand::value value) -> error_code {
      return key == "name" ? read_text(value, out, {kPath, index}, hint->name) : SUCCESS;
    });
  });
}

error_code read_hints(ondemand::value in, ObjectView& out, size_t index) {
  return read_map(in, out, {"endpoints[].hints", index},
                  [&](std::string_view key, ondemand::value value) -> error_code {
                    if (key == "forZones") return read_hint_list(value, out, index, true);
                    if (key == "forNodes") return read_hint_list(value, out, index, false);
                    return SUCCESS;
                  });
}

error_code read_first_address(ondemand::value in, ObjectView& out, EndpointView& endpoint, size_t index) {
  constexpr std::string_view kPath = "endpoints[].addresses";
  return read_array(in, out, {kPath, index}, [&](ondemand::value item, size_t number) -> error_code {
    return number == 0 ? read_text(item, out, {kPath, index}, endpoint.address) : SUCCESS;
  });
}

error_code read_endpoint(ondemand::value in, ObjectView& out, size_t index) {
  auto* endpoint = out.add(out.slice.endpoints, "endpoints[]");
  if (endpoint == nullptr) return SUCCESS;
  endpoint->hints_begin = out.slice.hints.size();
  const auto read = [&](std::string_view key, ondemand::value value) -> error_code {
    if (key == "addresses") return read_first_address(value, out, *endpoint, index);
    if (key == "conditions") return read_conditions(value, out, *endpoint, index);
    if (key == "nodeName") return read_text(value, out, {"endpoints[].nodeName", index}, endpoint->node_name);
    return key == "hints" ? read_hints(value, out, index) : SUCCESS;
  };
  const auto error = read_map(in, out, {"endpoints[]", index}, read);
  endpoint->hints_end = out.slice.hints.size();
  return error;
}

error_code read_endpoint_port(ondemand::value in, ObjectView& out, size_t index) {
  auto* port = out.add(out.slice.ports, "ports[]");
  if (port == nullptr) return SUCCESS;
  return read_map(in, out, {"ports[]", index}, [&](std::string_view key, ondemand::value value) -> error_code {
    if (key == "name") return read_text(value, out, {"ports[].name", index}, port->name);
    if (key == "protocol") return read_text(value, out, {"ports[].protocol", index}, port->protocol);
    if (key == "port") return read_integer(value, out, {"ports[].port", index}, port->port);
    return SUCCESS;
  });
}

error_code read_slice_field(std::string_view key, ondemand::value value, ObjectView& out) {
  if (key == "addressType") return read_text(value, out, {"addressType"}, out.slice.address_type);
  if (key == "endpoints") {
    return read_array(value, out, {"endpoints"},
                      [&](ondemand::value item, size_t index) { return read_endpoint(item, out, index); });
  }
  if (key == "ports") {
    return read_array(value, out, {"ports"},
                      [&](ondemand::value item, size_t index) { return read_endpoint_port(item, out, index); });
  }
  return SUCCESS;
}

// --- Node and ServiceCIDR ---

error_code read_taint(ondemand::value in, ObjectView& out, size_t index) {
  auto* taint = out.add(out.node.taint_keys, "spec.taints[]");
  if (taint == nullptr) return SUCCESS;
  return read_map(in, out, {"spec.taints[]", index}, [&](std::string_view key, ondemand::value value) -> error_code {
    return key == "key" ? read_text(value, out, {"spec.taints[].key", index}, *taint) : SUCCESS;
  });
}

error_code read_node_spec(ondemand::value in, ObjectView& out) {
  return read_map(in, out, {"spec"}, [&](std::string_view key, ondemand::value value) -> error_code {
    if (key == "podCIDR") return read_text(value, out, {"spec.podCIDR"}, out.node.pod_cidr);
    if (key == "podCIDRs") return read_texts(value, out, "spec.podCIDRs[]", out.node.pod_cidrs);
    if (key != "taints") return SUCCESS;
    return read_array(value, out, {"spec.taints"},
                      [&](ondemand::value item, size_t index) { return read_taint(item, out, index); });
  });
}

error_code read_node_address(ondemand::value in, ObjectView& out, size_t index) {
  auto* address = out.add(out.node.addresses, "status.addresses[]");
  if (address == nullptr) return SUCCESS;
  return read_map(in, out, {"status.addresses[]", index},
                  [&](std::string_view key, ondemand::value value) -> error_code {
                    if (key == "type") return read_text(value, out, {"status.addresses[].type", index}, address->type);
                    if (key == "address")
                      return read_text(value, out, {"status.addresses[].address", index}, address->address);
                    return SUCCESS;
                  });
}

error_code read_node_field(std::string_view key, ondemand::value value, ObjectView& out) {
  if (key == "spec") return read_node_spec(value, out);
  if (key != "status") return SUCCESS;
  return read_map(value, out, {"status"}, [&](std::string_view inner, ondemand::value list) -> error_code {
    if (inner != "addresses") return SUCCESS;
    return read_array(list, out, {"status.addresses"},
                      [&](ondemand::value item, size_t index) { return read_node_address(item, out, index); });
  });
}

error_code read_cidr_field(std::string_view key, ondemand::value value, ObjectView& out) {
  if (key != "spec") return SUCCESS;
  return read_map(value, out, {"spec"}, [&](std::string_view inner, ondemand::value list) -> error_code {
    return inner == "cidrs" ? read_texts(list, out, "spec.cidrs[]", out.cidrs) : SUCCESS;
  });
}

using ReadField = error_code (*)(std::string_view, ondemand::value, ObjectView&);

ReadField field_reader(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kService:
      return read_service_field;
    case ObjectKind::kEndpointSlice:
      return read_slice_field;
    case ObjectKind::kNode:
      return read_node_field;
    case ObjectKind::kServiceCidr:
      return read_cidr_field;
  }
  return read_cidr_field;
}

}  // namespace

error_code read_object(ObjectKind kind, ondemand::value in, ObjectView& out) {
  const ReadField read_field = field_reader(kind);
  return read_map(in, out, {""}, [&](std::string_view key, ondemand::value value) -> error_code {
    if (key == "metadata") return read_metadata(value, out);
    return read_field(key, value, out);
  });
}

}  // namespace waggle::kube_json
