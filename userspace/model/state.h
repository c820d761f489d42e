// SPDX-License-Identifier: Apache-2.0
// State: everything the sources know, as plain values. Written by the daemon from source events, read by the planner.
#pragma once

#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "model/objects.h"

namespace waggle {

enum class ObjectKind : uint8_t { kService, kEndpointSlice, kNode, kServiceCidr };

// One change of one object. A deletion names kind and name only.
struct Deletion {
  ObjectKind kind = ObjectKind::kService;
  ObjectName name;

  bool operator==(const Deletion&) const = default;
};
using Event = std::variant<Service, EndpointSlice, Node, ServiceCidr, Deletion>;

class State {
 public:
  // Applies one event. Answers the names of the services whose planning it touches (none if nothing changed).
  // An identical object again changes nothing (I-09), nor does a new resource version of it. A slice that moves to
  // another service touches both (I-52). A node whose zone or addresses change touches all services; its deletion
  // touches none (I-64).
  std::set<ObjectName> apply(Event event);

  [[nodiscard]] const std::map<ObjectName, Service>& services() const { return services_; }
  [[nodiscard]] const std::map<std::string, Node>& nodes() const { return nodes_; }
  [[nodiscard]] const std::map<std::string, ServiceCidr>& service_cidrs() const { return service_cidrs_; }
  [[nodiscard]] const Service* service(const ObjectName& name) const;
  [[nodiscard]] const Node* node(const std::string& name) const;
  // Slices of one service, by slice name.
  [[nodiscard]] std::vector<const EndpointSlice*> slices_of(const ObjectName& service) const;
  [[nodiscard]] size_t slice_count() const { return slices_.size(); }

  bool operator==(const State&) const = default;

 private:
  std::set<ObjectName> apply_service(Service service);
  std::set<ObjectName> apply_slice(EndpointSlice slice);
  std::set<ObjectName> apply_node(Node node);
  std::set<ObjectName> apply_deletion(const Deletion& deletion);
  std::set<ObjectName> remove_slice(const ObjectName& name);
  static ObjectName owner_of(const EndpointSlice& slice);

  std::map<ObjectName, Service> services_;
  std::map<ObjectName, EndpointSlice> slices_;
  std::map<ObjectName, std::set<ObjectName>> slices_by_service_;
  std::map<std::string, Node> nodes_;
  std::map<std::string, ServiceCidr> service_cidrs_;
};

}  // namespace waggle
