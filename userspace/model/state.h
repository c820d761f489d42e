// SPDX-License-Identifier: Apache-2.0
// State: everything the sources know, as plain values, and which addresses this node has. Written by the daemon from
// source events, read by the planner.
#pragma once

#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "model/address_filter.h"
#include "model/objects.h"
#include "model/service_cidrs.h"

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
  // touches none (I-64). A ServiceCIDR and an address of a node or an endpoint touch the services whose ClusterIP they
  // make or cease to make doubtful (cluster_ip_doubt.h).
  std::set<ObjectName> apply(Event event);
  // Those of this node's links. Answers what apply() does.
  std::set<ObjectName> set_own_addresses(std::vector<IpAddress> addresses);

  [[nodiscard]] const std::map<ObjectName, Service>& services() const { return services_; }
  [[nodiscard]] const std::map<std::string, Node>& nodes() const { return nodes_; }
  [[nodiscard]] const std::map<std::string, ServiceCidr>& service_cidrs() const { return service_cidrs_; }
  [[nodiscard]] const Service* service(const ObjectName& name) const;
  [[nodiscard]] const Node* node(const std::string& name) const;
  // Slices of one service, by slice name.
  [[nodiscard]] std::vector<const EndpointSlice*> slices_of(const ObjectName& service) const;
  [[nodiscard]] const std::map<ObjectName, EndpointSlice>& slices() const { return slices_; }
  [[nodiscard]] size_t slice_count() const { return slices_.size(); }
  [[nodiscard]] const std::vector<IpAddress>& own_addresses() const { return own_addresses_; }
  [[nodiscard]] const ServiceRanges& ranges() const { return ranges_; }
  // Could a node or an endpoint have this address, which lies in the ranges? No is certain.
  [[nodiscard]] bool may_be_hosts(const IpAddress& address) const { return hosts_.may_have(address); }
  // Could a service have it as ClusterIP?
  [[nodiscard]] bool may_be_cluster_ip(const IpAddress& address) const { return cluster_ips_.may_have(address); }

  bool operator==(const State&) const = default;

 private:
  std::set<ObjectName> apply_service(Service service);
  std::set<ObjectName> apply_slice(EndpointSlice slice);
  std::set<ObjectName> apply_node(Node node);
  std::set<ObjectName> apply_deletion(const Deletion& deletion);
  std::set<ObjectName> apply_cidr(ServiceCidr cidr);
  std::set<ObjectName> remove_service(const ObjectName& name);
  std::set<ObjectName> remove_slice(const ObjectName& name);
  std::set<ObjectName> remove_node(const std::string& name);
  // Answer the services that have the address, if there are any.
  std::set<ObjectName> host_came(const IpAddress& address);
  std::set<ObjectName> host_went(const IpAddress& address);
  [[nodiscard]] std::set<ObjectName> services_with(const IpAddress& cluster_ip) const;
  std::set<ObjectName> follow_ranges();
  void find_hosts();
  static ObjectName owner_of(const EndpointSlice& slice);

  std::map<ObjectName, Service> services_;
  std::map<ObjectName, EndpointSlice> slices_;
  std::map<ObjectName, std::set<ObjectName>> slices_by_service_;
  std::map<std::string, Node> nodes_;
  std::map<std::string, ServiceCidr> service_cidrs_;
  std::vector<IpAddress> own_addresses_;
  // What follows from these.
  ServiceRanges ranges_;
  AddressFilter cluster_ips_;
  AddressFilter hosts_;  // of nodes and endpoints, as far as they lie in the ranges
};

}  // namespace waggle
