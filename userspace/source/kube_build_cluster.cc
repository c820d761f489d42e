// SPDX-License-Identifier: Apache-2.0
// Node and ServiceCIDR (contract sections 1.4 and 1.5), by the rules of decode_cluster.cc.
#include <utility>

#include "source/field.h"
#include "source/kube_builder.h"
#include "source/kube_kinds.h"

namespace waggle {
namespace {

// What cannot be read is passed over (I-61).
void add_addresses(Node& node, const NodeView& view, std::string_view type, BuildNotes& notes) {
  for (size_t i = 0; i < view.addresses.size(); ++i) {
    if (view.addresses[i].type != type) continue;
    const std::string_view text = view.addresses[i].address;
    if (const auto address = address_or_remark(text, {"status.addresses[].address", i}, notes))
      node.addresses.push_back(*address);
  }
}

void add_pod_cidrs(Node& node, const NodeView& view, BuildNotes& notes) {
  for (size_t i = 0; i < view.pod_cidrs.size(); ++i) {
    if (const auto cidr = build_cidr(view.pod_cidrs[i], {"spec.podCIDRs[]", i}, notes)) node.pod_cidrs.push_back(*cidr);
  }
  if (!node.pod_cidrs.empty() || view.pod_cidr.empty()) return;
  if (const auto cidr = build_cidr(view.pod_cidr, {"spec.podCIDR"}, notes)) node.pod_cidrs.push_back(*cidr);
}

}  // namespace

std::optional<Event> build_node(const ObjectView& view, const ObjectName& name, BuildNotes& notes) {
  Node out;
  out.name = name.name;
  out.resource_version = view.meta.resource_version;
  out.zone = view.meta.zone;
  add_addresses(out, view.node, "InternalIP", notes);
  add_addresses(out, view.node, "ExternalIP", notes);
  add_pod_cidrs(out, view.node, notes);
  out.deleting = view.meta.deleting;
  for (const std::string_view key : view.node.taint_keys) {
    if (!key.empty()) out.taint_keys.emplace_back(key);
  }
  return out;
}

std::optional<Event> build_service_cidr(const ObjectView& view, const ObjectName& name, BuildNotes& notes) {
  ServiceCidr out;
  out.name = name.name;
  out.resource_version = view.meta.resource_version;
  for (size_t i = 0; i < view.cidrs.size(); ++i) {
    if (const auto cidr = build_cidr(view.cidrs[i], {"spec.cidrs[]", i}, notes)) out.cidrs.push_back(*cidr);
  }
  if (view.cidrs.empty()) notes.error({"spec.cidrs"}, "is missing; a ServiceCIDR needs a CIDR");
  return out;
}

}  // namespace waggle
