// SPDX-License-Identifier: Apache-2.0
// A planner with its state and its tables in memory, driven step by step by the planner's tests. Every write is applied
// by itself, and after each one the tables must be whole for everyone who reads them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plan/dump.h"
#include "support/memory_store.h"
#include "support/plan_checks.h"

namespace waggle {

TableSizes small_sizes();

class PlanRig {
 public:
  explicit PlanRig(const TableSizes& sizes = small_sizes(), std::string node = "node1");

  // Applies the events, plans what they touch, and applies the writes one by one.
  Plan apply(std::vector<Event> events);
  Plan plan_all();
  // The node's addresses are others now.
  Plan move_node(NodeAddresses now);
  void grace();
  // A sweep that found these references, after a grace period.
  Plan sweep(const FlowReferences& references = {});
  // As after a restart of the agent: a new planner takes over the tables. Answers the plan over all services.
  Plan restart();

  // Grace and sweeps until nothing is left to do.
  void settle();

  std::vector<ServiceView> services() { return services_view(store).value(); }
  // The one service port with this text; an empty view if there is none.
  ServiceView service(const std::string& text, Family family = Family::kIpv4);
  Picture picture() { return picture_of(store); }
  std::vector<std::byte> bytes(Table table);
  // Neither frontends, live or not, nor overflow bits.
  bool has_no_frontends();
  std::vector<std::pair<uint32_t, wg_service_name>> names() { return store.service_names().value(); }

  PlannerConfig config;
  NodeAddresses addresses;
  State state;
  MemoryStore store;
  Planner planner;

  void run(const Plan& plan);
};

// 192.168.0.2 and fd00:168::2, for node ports and as its own: what a rig's node has at first.
NodeAddresses node_addresses();
std::vector<IpAddress> addresses_of(const std::vector<std::string>& texts);

// Builders for objects: what a test does not say is as the API server defaults it.
ObjectName object_name(const std::string& text);  // "default/web"
Service service_object(const std::string& name, std::vector<std::string> addresses, std::vector<ServicePort> ports);
ServicePort tcp_port(const std::string& name, uint16_t port);
ServicePort udp_port(const std::string& name, uint16_t port);
Endpoint endpoint(const std::string& address, const std::string& node = "node2");
EndpointSlice slice_object(const std::string& service, const std::string& suffix, std::vector<Endpoint> endpoints,
                           std::vector<EndpointPort> ports);
// TCP, unnamed port 8080.
EndpointSlice web_slice(const std::string& service, const std::vector<std::string>& addresses);
LoadBalancerIngress ingress(const std::string& address);
Deletion without(ObjectKind kind, const std::string& name);

// Set members as text: "10.0.0.1:8080 10.0.0.2:8080".
std::string members(const ServiceView& service, const SetView& set);

}  // namespace waggle
