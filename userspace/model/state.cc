// SPDX-License-Identifier: Apache-2.0
#include "model/state.h"

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
  if (auto* cidr = std::get_if<ServiceCidr>(&event)) {
    service_cidrs_.insert_or_assign(cidr->name, *cidr);
    return {};
  }
  return apply_deletion(std::get<Deletion>(event));
}

std::set<ObjectName> State::apply_service(Service service) {
  const Service* known = this->service(service.name);
  const bool changed = known == nullptr || !same_content(*known, service);
  const ObjectName name = service.name;
  services_.insert_or_assign(name, std::move(service));
  return changed ? std::set{name} : std::set<ObjectName>{};
}

std::set<ObjectName> State::apply_slice(EndpointSlice slice) {
  if (slice.service_name.empty()) return remove_slice(slice.name);
  const auto known = slices_.find(slice.name);
  std::set<ObjectName> touched;
  if (known == slices_.end() || !same_content(known->second, slice)) {
    touched = remove_slice(slice.name);
    touched.insert(owner_of(slice));
  }
  slices_by_service_[owner_of(slice)].insert(slice.name);
  const ObjectName name = slice.name;
  slices_.insert_or_assign(name, std::move(slice));
  return touched;
}

std::set<ObjectName> State::apply_node(Node node) {
  const bool replan = !plans_alike(this->node(node.name), node);
  const std::string name = node.name;
  nodes_.insert_or_assign(name, std::move(node));
  return replan ? names_of(services_) : std::set<ObjectName>{};
}

std::set<ObjectName> State::apply_deletion(const Deletion& deletion) {
  switch (deletion.kind) {
    case ObjectKind::kService:
      return services_.erase(deletion.name) > 0 ? std::set{deletion.name} : std::set<ObjectName>{};
    case ObjectKind::kEndpointSlice:
      return remove_slice(deletion.name);
    case ObjectKind::kNode:
      nodes_.erase(deletion.name.name);
      return {};
    case ObjectKind::kServiceCidr:
      service_cidrs_.erase(deletion.name.name);
      return {};
  }
  return {};
}

std::set<ObjectName> State::remove_slice(const ObjectName& name) {
  const auto known = slices_.find(name);
  if (known == slices_.end()) return {};
  const ObjectName owner = owner_of(known->second);
  const auto index = slices_by_service_.find(owner);
  index->second.erase(name);
  if (index->second.empty()) slices_by_service_.erase(index);
  slices_.erase(known);
  return {owner};
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
