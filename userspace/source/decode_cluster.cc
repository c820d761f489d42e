// SPDX-License-Identifier: Apache-2.0
// Node and ServiceCIDR (contract sections 1.4 and 1.5).
#include <fmt/format.h>

#include <utility>

#include "source/decode_kinds.h"

namespace waggle {
namespace {

// What cannot be read is passed over (I-61).
void add_addresses(Node& node, const Field& status, std::string_view type) {
  for (const Field& field : status.at("addresses").items()) {
    if (field.at("type").text_or_empty() != type) continue;
    const std::string text = field.at("address").text_or_empty();
    if (const auto fault = address_fault(text); fault.empty()) {
      node.addresses.push_back(*IpAddress::parse(text));
    } else {
      field.at("address").remark(fmt::format("\"{}\" {}; it is left out", text, fault));
    }
  }
}

void read_pod_cidrs(Node& node, const Field& spec) {
  const Field first = spec.at("podCIDR");
  for (const Field& field : spec.at("podCIDRs").items()) {
    if (const auto cidr = field.cidr()) node.pod_cidrs.push_back(*cidr);
  }
  if (!node.pod_cidrs.empty() || first.text_or_empty().empty()) return;
  if (const auto cidr = first.cidr()) node.pod_cidrs.push_back(*cidr);
}

}  // namespace

std::string resource_version_of(const Field& root) { return root.at("metadata").at("resourceVersion").text_or_empty(); }

std::optional<Event> decode_node(const Field& root, const ObjectName& name) {
  const Field metadata = root.at("metadata");
  Node out;
  out.name = name.name;
  out.resource_version = resource_version_of(root);
  out.zone = metadata.at("labels").at("topology.kubernetes.io/zone").text_or_empty();
  add_addresses(out, root.at("status"), "InternalIP");
  add_addresses(out, root.at("status"), "ExternalIP");
  read_pod_cidrs(out, root.at("spec"));
  out.deleting = metadata.at("deletionTimestamp").present();
  for (const Field& taint : root.at("spec").at("taints").items()) {
    if (auto key = taint.at("key").text_or_empty(); !key.empty()) out.taint_keys.push_back(std::move(key));
  }
  return out;
}

std::optional<Event> decode_service_cidr(const Field& root, const ObjectName& name) {
  ServiceCidr out;
  out.name = name.name;
  out.resource_version = resource_version_of(root);
  const Field cidrs = root.at("spec").at("cidrs");
  for (const Field& field : cidrs.items()) {
    if (const auto cidr = field.cidr()) out.cidrs.push_back(*cidr);
  }
  cidrs.require("a ServiceCIDR needs a CIDR");
  return out;
}

}  // namespace waggle
