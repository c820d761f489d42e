// SPDX-License-Identifier: Apache-2.0
#include "support/plan_rig.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "plan/frontend_layout.h"

namespace waggle {

TableSizes small_sizes() {
  return {.frontend_buckets4 = 16,
          .frontend_buckets6 = 16,
          .services = 64,
          .slots = 512,
          .backends = 256,
          .reply_gate_words = 4,
          .frontend_gate_words = 4,
          .source_ranges = 256};
}

PlanRig::PlanRig(const TableSizes& sizes, std::string node)
    : config{sizes, {0x1234567890abcdef, 0xfedcba0987654321}, std::move(node)},
      addresses(node_addresses()),
      store(sizes),
      planner(config) {
  planner.set_node_addresses(addresses);
}

void PlanRig::run(const Plan& plan) {
  MemoryStore final_store = store;
  final_store.apply_all(plan.writes);
  const Picture before = picture();
  const Picture after = picture_of(final_store);
  for (size_t done = 0; done < plan.writes.size(); ++done) {
    store.apply_all({&plan.writes[done], 1});
    const auto broken = broken_invariants(store, config.sizes, config.hash_key);
    const auto wrong = wrong_between(before, picture(), after);
    for (const auto& what : broken) ADD_FAILURE() << "after write " << done + 1 << ": " << what;
    for (const auto& what : wrong) ADD_FAILURE() << "after write " << done + 1 << ": " << what;
    if (!broken.empty() || !wrong.empty()) return;
  }
}

Plan PlanRig::apply(std::vector<Event> events) {
  std::set<ObjectName> touched;
  for (Event& event : events) touched.merge(state.apply(std::move(event)));
  Plan plan = planner.plan(state, touched);
  run(plan);
  return plan;
}

Plan PlanRig::plan_all() {
  Plan plan = planner.plan_all(state);
  run(plan);
  return plan;
}

Plan PlanRig::move_node(NodeAddresses now) {
  addresses = std::move(now);
  Plan plan = planner.plan(state, planner.set_node_addresses(addresses));
  run(plan);
  return plan;
}

void PlanRig::grace() {
  planner.grace_began();
  planner.grace_passed();
}

Plan PlanRig::sweep(const FlowReferences& references) {
  grace();
  Plan plan = planner.release(references, planner.settled());
  run(plan);
  return plan;
}

Plan PlanRig::restart() {
  planner = Planner(config);
  planner.set_node_addresses(addresses);
  EXPECT_TRUE(planner.adopt(store));
  return plan_all();
}

void PlanRig::settle() {
  for (int round = 0; round < 4; ++round) sweep();
  grace();
}

ServiceView PlanRig::service(const std::string& text, Family family) {
  for (const ServiceView& view : services()) {
    if (view.family == family && service_port_text(view) == text) return view;
  }
  return {};
}

std::vector<std::byte> PlanRig::bytes(Table table) {
  const auto content = store.content(table).value();
  return {content.begin(), content.end()};
}

bool PlanRig::has_no_frontends() {
  const auto four = bytes(Table::kFrontends4), six = bytes(Table::kFrontends6);
  size_t kinds = 0;
  for (size_t way = 0; way < four.size(); way += sizeof(wg_frontend4))
    kinds += read_way(Family::kIpv4, &four[way]).kind;
  for (size_t way = 0; way < six.size(); way += sizeof(wg_frontend6)) kinds += read_way(Family::kIpv6, &six[way]).kind;
  return kinds == 0;
}

std::vector<IpAddress> addresses_of(const std::vector<std::string>& texts) {
  std::vector<IpAddress> addresses;
  for (const std::string& text : texts) addresses.push_back(IpAddress::parse(text).value());
  return addresses;
}

NodeAddresses node_addresses() {
  const auto own = addresses_of({"192.168.0.2", "fd00:168::2"});
  return {.node_port_addresses = own, .node_ips = own};
}

ObjectName object_name(const std::string& text) {
  const size_t slash = text.find('/');
  return {text.substr(0, slash), text.substr(slash + 1)};
}

Service service_object(const std::string& name, std::vector<std::string> addresses, std::vector<ServicePort> ports) {
  Service service;
  service.name = object_name(name);
  service.creation_timestamp = "2026-01-01T00:00:00Z";
  for (const std::string& address : addresses) service.cluster_ips.push_back(IpAddress::parse(address).value());
  service.ports = std::move(ports);
  return service;
}

ServicePort tcp_port(const std::string& name, uint16_t port) { return {name, Protocol::kTcp, port, 0}; }

ServicePort udp_port(const std::string& name, uint16_t port) { return {name, Protocol::kUdp, port, 0}; }

Endpoint endpoint(const std::string& address, const std::string& node) {
  Endpoint result;
  result.address = IpAddress::parse(address).value();
  result.node_name = node;
  return result;
}

EndpointSlice slice_object(const std::string& service, const std::string& suffix, std::vector<Endpoint> endpoints,
                           std::vector<EndpointPort> ports) {
  EndpointSlice slice;
  slice.name = object_name(service);
  slice.service_name = slice.name.name;
  slice.name.name += suffix;
  if (!endpoints.empty()) slice.family = endpoints.front().address.family;
  slice.endpoints = std::move(endpoints);
  slice.ports = std::move(ports);
  return slice;
}

EndpointSlice web_slice(const std::string& service, const std::vector<std::string>& addresses) {
  std::vector<Endpoint> endpoints;
  for (const std::string& address : addresses) endpoints.push_back(endpoint(address));
  return slice_object(service, "-1", std::move(endpoints), {{"", Protocol::kTcp, 8080}});
}

LoadBalancerIngress ingress(const std::string& address) { return {IpAddress::parse(address).value(), true}; }

Deletion without(ObjectKind kind, const std::string& name) { return {kind, object_name(name)}; }

std::string members(const ServiceView& service, const SetView& set) {
  std::string text;
  for (const uint32_t index : set.backends) {
    for (const BackendView& backend : service.backends) {
      if (backend.index != index) continue;
      if (!text.empty()) text += ' ';
      text += address_port_text(backend.address, backend.port);
    }
  }
  return text;
}

}  // namespace waggle
