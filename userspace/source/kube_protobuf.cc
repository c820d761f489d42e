// SPDX-License-Identifier: Apache-2.0
#include "source/kube_protobuf.h"

#include <utility>

#include "source/kube_wire.h"

namespace waggle {
namespace {

constexpr std::string_view kNoMessage = "is cut off or is not protobuf";

// Calls on_field(WireReader&) for each field. A message that is malformed is noted, and what surrounds it goes on.
template <typename OnField>
void read_message(ObjectView& out, std::string_view path, size_t index, std::string_view message, OnField on_field) {
  WireReader in(message);
  while (in.next()) on_field(in);
  if (in.bad()) out.note(path, index, kNoMessage);
}

template <typename OnField>
void read_message(ObjectView& out, std::string_view path, std::string_view message, OnField on_field) {
  read_message(out, path, 0, message, on_field);
}

void add_text(ObjectView& out, std::vector<std::string_view>& list, std::string_view path, WireReader& in) {
  if (auto* entry = out.add(list, path)) *entry = in.bytes();
}

std::pair<std::string_view, std::string_view> read_map_entry(ObjectView& out, std::string_view path,
                                                             std::string_view message) {
  std::pair<std::string_view, std::string_view> entry;
  read_message(out, path, message, [&](WireReader& in) {
    if (in.number() == 1) entry.first = in.bytes();
    if (in.number() == 2) entry.second = in.bytes();
  });
  return entry;
}

// "" for no time at all, which the API writes as an empty message.
std::string read_time(ObjectView& out, std::string_view path, std::string_view message) {
  std::optional<int64_t> seconds;
  read_message(out, path, message, [&](WireReader& in) {
    if (in.number() == 1) seconds = in.integer();
  });
  return seconds ? timestamp_text(*seconds) : "";
}

void read_metadata(ObjectView& out, std::string_view message) {
  MetaView& meta = out.meta;
  read_message(out, "metadata", message, [&](WireReader& in) {
    switch (in.number()) {
      case 1:
        meta.name = in.bytes();
        break;
      case 3:
        meta.name_space = in.bytes();
        break;
      case 6:
        meta.resource_version = in.bytes();
        break;
      case 8:
        meta.creation_timestamp = read_time(out, "metadata.creationTimestamp", in.bytes());
        break;
      case 9:
        meta.deleting = true;
        break;
      case 11: {
        const auto [key, value] = read_map_entry(out, "metadata.labels", in.bytes());
        out.set_label(key, value);
        break;
      }
      case 12: {
        const auto [key, value] = read_map_entry(out, "metadata.annotations", in.bytes());
        out.set_annotation(key, value);
        break;
      }
      default:
        break;
    }
  });
}

// --- Service ---

void read_service_port(ObjectView& out, std::string_view message) {
  const size_t index = out.service.ports.size();
  auto* port = out.add(out.service.ports, "spec.ports[]");
  if (port == nullptr) return;
  read_message(out, "spec.ports[]", index, message, [port](WireReader& in) {
    switch (in.number()) {
      case 1:
        port->name = in.bytes();
        break;
      case 2:
        port->protocol = in.bytes();
        break;
      case 3:
        port->port = in.integer();
        break;
      case 5:
        port->node_port = in.integer();
        break;
      default:
        break;
    }
  });
}

void read_affinity_config(ObjectView& out, std::string_view message) {
  constexpr std::string_view kPath = "spec.sessionAffinityConfig";
  read_message(out, kPath, message, [&](WireReader& in) {
    if (in.number() != 1) return;
    read_message(out, kPath, in.bytes(), [&](WireReader& client_ip) {
      if (client_ip.number() == 1) out.service.affinity_timeout = client_ip.integer();
    });
  });
}

// The fields beyond the eleventh, split off for length.
void read_later_spec_field(ObjectView& out, WireReader& in) {
  ServiceView& service = out.service;
  switch (in.number()) {
    case 12:
      service.health_check_node_port = in.integer();
      break;
    case 14:
      read_affinity_config(out, in.bytes());
      break;
    case 18:
      add_text(out, service.cluster_ips, "spec.clusterIPs[]", in);
      break;
    case 19:
      add_text(out, service.ip_families, "spec.ipFamilies[]", in);
      break;
    case 22:
      service.internal_policy = in.bytes();
      break;
    default:
      break;
  }
}

void read_service_spec(ObjectView& out, std::string_view message) {
  ServiceView& service = out.service;
  read_message(out, "spec", message, [&](WireReader& in) {
    switch (in.number()) {
      case 1:
        read_service_port(out, in.bytes());
        break;
      case 3:
        service.cluster_ip = in.bytes();
        break;
      case 4:
        service.type = in.bytes();
        break;
      case 5:
        add_text(out, service.external_ips, "spec.externalIPs[]", in);
        break;
      case 7:
        service.affinity = in.bytes();
        break;
      case 9:
        add_text(out, service.source_ranges, "spec.loadBalancerSourceRanges[]", in);
        break;
      case 11:
        service.external_policy = in.bytes();
        break;
      default:
        read_later_spec_field(out, in);
    }
  });
}

void read_ingress(ObjectView& out, std::string_view message) {
  constexpr std::string_view kPath = "status.loadBalancer.ingress[]";
  const size_t index = out.service.ingress.size();
  auto* ingress = out.add(out.service.ingress, kPath);
  if (ingress == nullptr) return;
  read_message(out, kPath, index, message, [ingress](WireReader& in) {
    if (in.number() == 1) ingress->ip = in.bytes();
    if (in.number() == 3) ingress->ip_mode = in.bytes();
  });
}

void read_service_status(ObjectView& out, std::string_view message) {
  read_message(out, "status", message, [&](WireReader& in) {
    if (in.number() != 1) return;
    read_message(out, "status.loadBalancer", in.bytes(), [&](WireReader& balancer) {
      if (balancer.number() == 1) read_ingress(out, balancer.bytes());
    });
  });
}

void read_service_field(ObjectView& out, WireReader& in) {
  if (in.number() == 2) read_service_spec(out, in.bytes());
  if (in.number() == 3) read_service_status(out, in.bytes());
}

// --- EndpointSlice ---

void read_conditions(ObjectView& out, EndpointView& endpoint, size_t index, std::string_view message) {
  read_message(out, "endpoints[].conditions", index, message, [&](WireReader& in) {
    if (in.number() == 1) endpoint.ready = in.boolean();
    if (in.number() == 2) endpoint.serving = in.boolean();
    if (in.number() == 3) endpoint.terminating = in.boolean();
  });
}

void read_hints(ObjectView& out, size_t index, std::string_view message) {
  constexpr std::string_view kPath = "endpoints[].hints";
  read_message(out, kPath, index, message, [&](WireReader& in) {
    if (in.number() != 1 && in.number() != 2) return;
    const std::string_view hint_message = in.bytes();
    auto* hint = out.add(out.slice.hints, kPath);
    if (hint == nullptr) return;
    hint->zone = in.number() == 1;
    read_message(out, kPath, index, hint_message, [hint](WireReader& name) {
      if (name.number() == 1) hint->name = name.bytes();
    });
  });
}

void read_endpoint(ObjectView& out, std::string_view message) {
  const size_t index = out.slice.endpoints.size();
  auto* endpoint = out.add(out.slice.endpoints, "endpoints[]");
  if (endpoint == nullptr) return;
  endpoint->hints_begin = out.slice.hints.size();
  read_message(out, "endpoints[]", index, message, [&](WireReader& in) {
    switch (in.number()) {
      case 1:
        if (!endpoint->address) endpoint->address = in.bytes();
        break;
      case 2:
        read_conditions(out, *endpoint, index, in.bytes());
        break;
      case 6:
        endpoint->node_name = in.bytes();
        break;
      case 8:
        read_hints(out, index, in.bytes());
        break;
      default:
        break;
    }
  });
  endpoint->hints_end = out.slice.hints.size();
}

void read_endpoint_port(ObjectView& out, std::string_view message) {
  const size_t index = out.slice.ports.size();
  auto* port = out.add(out.slice.ports, "ports[]");
  if (port == nullptr) return;
  read_message(out, "ports[]", index, message, [port](WireReader& in) {
    if (in.number() == 1) port->name = in.bytes();
    if (in.number() == 2) port->protocol = in.bytes();
    if (in.number() == 3) port->port = in.integer();
  });
}

void read_slice_field(ObjectView& out, WireReader& in) {
  if (in.number() == 2) read_endpoint(out, in.bytes());
  if (in.number() == 3) read_endpoint_port(out, in.bytes());
  if (in.number() == 4) out.slice.address_type = in.bytes();
}

// --- Node and ServiceCIDR ---

void read_taint(ObjectView& out, std::string_view message) {
  const size_t index = out.node.taint_keys.size();
  auto* key = out.add(out.node.taint_keys, "spec.taints[]");
  if (key == nullptr) return;
  read_message(out, "spec.taints[]", index, message, [key](WireReader& in) {
    if (in.number() == 1) *key = in.bytes();
  });
}

void read_node_spec(ObjectView& out, std::string_view message) {
  read_message(out, "spec", message, [&](WireReader& in) {
    if (in.number() == 1) out.node.pod_cidr = in.bytes();
    if (in.number() == 5) read_taint(out, in.bytes());
    if (in.number() == 7) add_text(out, out.node.pod_cidrs, "spec.podCIDRs[]", in);
  });
}

void read_node_address(ObjectView& out, std::string_view message) {
  const size_t index = out.node.addresses.size();
  auto* address = out.add(out.node.addresses, "status.addresses[]");
  if (address == nullptr) return;
  read_message(out, "status.addresses[]", index, message, [address](WireReader& in) {
    if (in.number() == 1) address->type = in.bytes();
    if (in.number() == 2) address->address = in.bytes();
  });
}

void read_node_field(ObjectView& out, WireReader& in) {
  if (in.number() == 2) read_node_spec(out, in.bytes());
  if (in.number() != 3) return;
  read_message(out, "status", in.bytes(), [&](WireReader& status) {
    if (status.number() == 5) read_node_address(out, status.bytes());
  });
}

void read_cidr_field(ObjectView& out, WireReader& in) {
  if (in.number() != 2) return;
  read_message(out, "spec", in.bytes(), [&](WireReader& spec) {
    if (spec.number() == 1) add_text(out, out.cidrs, "spec.cidrs[]", spec);
  });
}

using ReadField = void (*)(ObjectView&, WireReader&);

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

void read_protobuf(ObjectKind kind, std::string_view message, ObjectView& out) {
  const ReadField read_field = field_reader(kind);
  read_message(out, "", message, [&](WireReader& in) {
    if (in.number() == 1) return read_metadata(out, in.bytes());
    read_field(out, in);
  });
}

}  // namespace waggle
