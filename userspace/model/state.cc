// SPDX-License-Identifier: Apache-2.0
#include "model/state.h"

#include <algorithm>
#include <utility>

namespace waggle {
namespace {

// Equal but for the resource version: nothing to plan (contract I-34).
template <typename Object>
bool same_content(const Object& one, Object other) {
  other.resource_version = one.resource_version;
  return one == other;
}

// What planning reads of a node; status heartbeats touch neither.
bool plans_alike(const Node* one, const Node& other) {
  static const Node kUnknown;
  const Node& before = one == nullptr ? kUnknown : *one;
  return before.zone == other.zone && before.addresses == other.addresses;
}

std::set<ObjectName> names_of(const std::map<ObjectName, Service>& services) {
  std::set<ObjectName> names;
  for (const auto& [name, service] : services) names.insert(names.end(), name);
  return names;
}

}  // namespace

std::set<ObjectName> State::apply(Event event) {
  if (auto* service = std::get_if<Service>(&event)) return apply_service(std::move(*service));
  if (auto* slice = std::get_if<EndpointSlice>(&event)) return apply_slice(std::move(*slice));
  if (auto* node = std::get_if<Node>(&event)) return apply_node(std::move(*node));
  if (auto* cidr = std::get_if<ServiceCidr>(&event)) return apply_cidr(std::move(*cidr));
  return apply_deletion(std::get<Deletion>(event));
}

std::set<ObjectName> State::set_own_addresses(std::vector<IpAddress> addresses) {
  std::set<ObjectName> touched;
  if (addresses == own_addresses_) return touched;
  for (const IpAddress& address : own_addresses_) touched.merge(host_went(address));
  for (const IpAddress& address : addresses) touched.merge(host_came(address));
  own_addresses_ = std::move(addresses);
  return touched;
}

std::set<ObjectName> State::apply_service(Service service) {
  const Service* known = this->service(service.name);
  const bool changed = known == nullptr || !same_content(*known, service);
  const ObjectName name = service.name;
  if (known != nullptr) std::ranges::for_each(known->cluster_ips, [this](const auto& ip) { cluster_ips_.remove(ip); });
  std::ranges::for_each(service.cluster_ips, [this](const auto& ip) { cluster_ips_.add(ip); });
  services_.insert_or_assign(name, std::move(service));
  return changed ? std::set{name} : std::set<ObjectName>{};
}

std::set<ObjectName> State::remove_service(const ObjectName& name) {
  const auto known = services_.find(name);
  if (known == services_.end()) return {};
  for (const IpAddress& ip : known->second.cluster_ips) cluster_ips_.remove(ip);
  services_.erase(known);
  return {name};
}

std::set<ObjectName> State::apply_slice(EndpointSlice slice) {
  if (slice.service_name.empty()) return remove_slice(slice.name);
  const auto known = slices_.find(slice.name);
  if (known != slices_.end() && same_content(known->second, slice)) {
    known->second = std::move(slice);
    return {};
  }
  std::set<ObjectName> touched = remove_slice(slice.name);
  touched.insert(owner_of(slice));
  for (const Endpoint& endpoint : slice.endpoints) touched.merge(host_came(endpoint.address));
  slices_by_service_[owner_of(slice)].insert(slice.name);
  const ObjectName name = slice.name;
  slices_.insert_or_assign(name, std::move(slice));
  return touched;
}

std::set<ObjectName> State::apply_node(Node node) {
  const Node* known = this->node(node.name);
  const bool replan = !plans_alike(known, node);
  const bool moved = known == nullptr || known->addresses != node.addresses || known->pod_cidrs != node.pod_cidrs;
  if (moved && known != nullptr) std::ranges::for_each(known->addresses, [this](const auto& ip) { host_went(ip); });
  if (moved) std::ranges::for_each(node.addresses, [this](const auto& ip) { host_came(ip); });
  const std::string name = node.name;
  nodes_.insert_or_assign(name, std::move(node));
  std::set<ObjectName> touched = moved ? follow_ranges() : std::set<ObjectName>{};
  return replan ? names_of(services_) : touched;
}

std::set<ObjectName> State::remove_node(const std::string& name) {
  std::set<ObjectName> touched;
  const auto known = nodes_.find(name);
  if (known == nodes_.end()) return touched;
  for (const IpAddress& address : known->second.addresses) touched.merge(host_went(address));
  nodes_.erase(known);
  touched.merge(follow_ranges());
  return touched;
}

std::set<ObjectName> State::apply_cidr(ServiceCidr cidr) {
  const std::string name = cidr.name;
  service_cidrs_.insert_or_assign(name, std::move(cidr));
  return follow_ranges();
}

std::set<ObjectName> State::apply_deletion(const Deletion& deletion) {
  switch (deletion.kind) {
    case ObjectKind::kService:
      return remove_service(deletion.name);
    case ObjectKind::kEndpointSlice:
      return remove_slice(deletion.name);
    case ObjectKind::kNode:
      return remove_node(deletion.name.name);
    case ObjectKind::kServiceCidr:
      service_cidrs_.erase(deletion.name.name);
      return follow_ranges();
  }
  return {};
}

std::set<ObjectName> State::remove_slice(const ObjectName& name) {
  const auto known = slices_.find(name);
  if (known == slices_.end()) return {};
  const ObjectName owner = owner_of(known->second);
  std::set<ObjectName> touched{owner};
  for (const Endpoint& endpoint : known->second.endpoints) touched.merge(host_went(endpoint.address));
  const auto index = slices_by_service_.find(owner);
  index->second.erase(name);
  if (index->second.empty()) slices_by_service_.erase(index);
  slices_.erase(known);
  return touched;
}

std::set<ObjectName> State::host_came(const IpAddress& address) {
  if (!ranges_.may_hold(address)) return {};
  hosts_.add(address);
  return services_with(address);
}

std::set<ObjectName> State::host_went(const IpAddress& address) {
  if (!ranges_.may_hold(address)) return {};
  hosts_.remove(address);
  return services_with(address);
}

std::set<ObjectName> State::services_with(const IpAddress& cluster_ip) const {
  std::set<ObjectName> names;
  if (!may_be_cluster_ip(cluster_ip)) return names;
  for (const auto& [name, service] : services_) {
    if (std::ranges::find(service.cluster_ips, cluster_ip) != service.cluster_ips.end())
      names.insert(names.end(), name);
  }
  return names;
}

// ServiceCIDRs changed, or what decides which of them can be meant. Answers the services that came to lie in them or
// outside.
std::set<ObjectName> State::follow_ranges() {
  std::set<ObjectName> touched;
  const ServiceRanges before = std::exchange(ranges_, service_ranges(*this));
  if (before == ranges_) return touched;
  find_hosts();
  for (const auto& [name, service] : services_) {
    const bool crosses = std::ranges::any_of(
        service.cluster_ips, [&](const IpAddress& ip) { return before.may_hold(ip) != ranges_.may_hold(ip); });
    if (crosses) touched.insert(touched.end(), name);
  }
  return touched;
}

void State::find_hosts() {
  hosts_ = {};
  const auto add = [this](const IpAddress& address) {
    if (ranges_.may_hold(address)) hosts_.add(address);
  };
  std::ranges::for_each(own_addresses_, add);
  for (const auto& [name, node] : nodes_) std::ranges::for_each(node.addresses, add);
  for (const auto& [name, slice] : slices_) std::ranges::for_each(slice.endpoints, add, &Endpoint::address);
}

ObjectName State::owner_of(const EndpointSlice& slice) { return {slice.name.name_space, slice.service_name}; }

const Service* State::service(const ObjectName& name) const {
  const auto found = services_.find(name);
  return found == services_.end() ? nullptr : &found->second;
}

const Node* State::node(const std::string& name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : &found->second;
}

std::vector<const EndpointSlice*> State::slices_of(const ObjectName& service) const {
  std::vector<const EndpointSlice*> out;
  const auto index = slices_by_service_.find(service);
  if (index == slices_by_service_.end()) return out;
  for (const ObjectName& name : index->second) out.push_back(&slices_.at(name));
  return out;
}

}  // namespace waggle
