// SPDX-License-Identifier: Apache-2.0
#include "support/reference/world.h"

#include <fmt/format.h>

#include <algorithm>

namespace waggle::reference {

bool ThisNode::has(const IpAddress& address) const {
  return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

std::string PortKey::text() const {
  return fmt::format("{}:{}/{}/IPv{}", service.text(), port, protocol_name(protocol), family == Family::kIpv4 ? 4 : 6);
}

namespace {

void remove(World& world, const Deletion& deletion) {
  switch (deletion.kind) {
    case ObjectKind::kService:
      world.services.erase(deletion.name);
      break;
    case ObjectKind::kEndpointSlice:
      world.slices.erase(deletion.name);
      break;
    case ObjectKind::kServiceCidr:
      world.service_cidrs.erase(deletion.name.name);
      break;
    case ObjectKind::kNode:
      break;  // I-64, I-66: what was seen last stays
  }
}

void see_node(World& world, const Node& node) {
  if (node.name != world.node.name) return;
  world.zone = node.zone;
  world.node.node_ips = node.addresses;
}

}  // namespace

void World::apply(const Event& event) {
  if (const auto* service = std::get_if<Service>(&event)) services[service->name] = *service;
  if (const auto* slice = std::get_if<EndpointSlice>(&event)) slices[slice->name] = *slice;
  if (const auto* cidr = std::get_if<ServiceCidr>(&event)) service_cidrs[cidr->name] = *cidr;
  if (const auto* seen = std::get_if<Node>(&event)) see_node(*this, *seen);
  if (const auto* deletion = std::get_if<Deletion>(&event)) remove(*this, *deletion);
}

const ServicePort* World::port_of(const Service& service, const PortKey& key) {
  for (const ServicePort& port : service.ports) {
    if (port.name == key.port && port.protocol == key.protocol) return &port;
  }
  return nullptr;
}

const Service* World::served(const PortKey& key) const {
  const auto found = services.find(key.service);
  if (found == services.end() || !is_ours(found->second)) return nullptr;
  if (!cluster_ip_of(found->second, key.family) || port_of(found->second, key) == nullptr) return nullptr;
  return &found->second;
}

bool is_ours(const Service& service) {
  return !service.has_proxy_name && !service.headless && service.type != "ExternalName";
}

std::optional<IpAddress> cluster_ip_of(const Service& service, Family family) {
  for (const IpAddress& address : service.cluster_ips) {
    if (address.family == family) return address;
  }
  return std::nullopt;
}

}  // namespace waggle::reference
