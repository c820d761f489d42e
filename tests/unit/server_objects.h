// SPDX-License-Identifier: Apache-2.0
// Small objects for the tests of server/.
#pragma once

#include <string>
#include <vector>

#include "model/state.h"

namespace waggle {

inline Service load_balancer(const std::string& name, uint16_t health_port) {
  Service service;
  service.name = {"ns", name};
  service.type = "LoadBalancer";
  service.cluster_ips = {*IpAddress::parse("10.0.0.1")};
  service.ports = {{.name = "http", .port = 80, .node_port = 30080}};
  service.external_policy = TrafficPolicy::kLocal;
  service.health_check_node_port = health_port;
  return service;
}

inline Endpoint endpoint(const std::string& address, const std::string& node) {
  Endpoint one;
  one.address = *IpAddress::parse(address);
  one.node_name = node;
  return one;
}

inline Node node_named(const std::string& name, std::vector<std::string> taint_keys = {}) {
  Node node;
  node.name = name;
  node.taint_keys = std::move(taint_keys);
  return node;
}

inline Node deleting_node(const std::string& name) {
  Node node = node_named(name);
  node.deleting = true;
  return node;
}

inline Node node_in_zone(const std::string& name, const std::string& zone) {
  Node node = node_named(name);
  node.zone = zone;
  return node;
}

inline EndpointSlice slice_of(const std::string& service, std::vector<Endpoint> endpoints) {
  EndpointSlice slice;
  slice.name = {"ns", service + "-1"};
  slice.service_name = service;
  slice.endpoints = std::move(endpoints);
  slice.ports = {{.name = "http", .port = 8080}};
  return slice;
}

}  // namespace waggle
