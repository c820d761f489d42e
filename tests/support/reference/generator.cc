// SPDX-License-Identifier: Apache-2.0
#include "support/reference/generator.h"

#include <fmt/format.h>

namespace waggle::reference {
namespace {

constexpr uint32_t kServices = 5;
constexpr uint32_t kSlices = 2;  // of each service

IpAddress address(const std::string& text) { return *IpAddress::parse(text); }

// Subnets of private_node.h: 1 is this node's pods, 2 and 3 are other nodes behind either uplink.
IpAddress pod_address(Family family, uint32_t subnet, uint32_t host) {
  return address(family == Family::kIpv4 ? fmt::format("10.244.{}.{}", subnet, host)
                                         : fmt::format("2001:db8:f{}::{}", subnet, host));
}
IpAddress cluster_ip(Family family, uint32_t number) {
  return address(fmt::format("{}{}", family == Family::kIpv4 ? "10.96.0." : "fd00:96::", number));
}
IpAddress vip(Family family, uint32_t number) {
  return address(fmt::format("{}{}", family == Family::kIpv4 ? "198.18.0." : "2001:db8:80::", number));
}
IpAddress outside_client(Family family, uint32_t number) {
  return address(fmt::format("{}{}", family == Family::kIpv4 ? "203.0.113." : "2001:db8:cc::", number));
}

constexpr uint16_t kPorts[] = {80, 81, 443};
constexpr Protocol kProtocols[] = {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp};

}  // namespace

Protocol Generator::protocol() { return kProtocols[below(features_.sctp ? 3 : 2)]; }

Settings Generator::settings() {
  Settings settings;
  settings.detector = static_cast<Detector>(below(4));
  if (settings.detector != Detector::kCidr) return settings;
  if (!one_in(4)) settings.pod_cidr[0] = Cidr::parse("10.244.1.0/24");
  if (!one_in(4)) settings.pod_cidr[1] = Cidr::parse("2001:db8:f1::/64");
  return settings;
}

ObjectName Generator::name() { return {"ns", fmt::format("s{}", below(kServices))}; }

Event Generator::event() {
  switch (below(12)) {
    case 0:
      return Deletion{ObjectKind::kService, name()};
    case 1: {
      ObjectName slice = name();
      slice.name += fmt::format("-{}", below(kSlices));
      return Deletion{ObjectKind::kEndpointSlice, slice};
    }
    case 2:
      if (features_.unknown_ports && one_in(2)) return service_cidr();
      return node();
    case 3:
    case 4:
    case 5:
    case 6:
      return service();
    default:
      return slice();
  }
}

void Generator::add_addresses(Service& service) {
  const uint32_t number = 1 + static_cast<uint32_t>(service.name.name[1] - '0');
  // Now and then another one's: contested addresses.
  const uint32_t taken = one_in(6) ? 1 + below(kServices) : number;
  if (!one_in(6)) service.cluster_ips.push_back(cluster_ip(Family::kIpv4, taken));
  if (one_in(2)) service.cluster_ips.push_back(cluster_ip(Family::kIpv6, taken));
  if (features_.shared_addresses && one_in(16)) service.cluster_ips = {address("192.0.2.1")};
}

void Generator::add_ports(Service& service) {
  static const std::string kNames[] = {"a", "b", "c"};
  for (size_t place = 0; place < std::size(kPorts); ++place) {
    if (!service.ports.empty() && one_in(2)) continue;
    ServicePort port{kNames[place], protocol(), kPorts[place], 0};
    if (one_in(3))
      service.ports.push_back(
          {kNames[place], port.protocol == Protocol::kTcp ? Protocol::kUdp : Protocol::kTcp, port.port, 0});
    service.ports.push_back(port);
  }
}

void Generator::add_ranges(Service& service) {
  static const char* kRanges[] = {"203.0.113.0/29", "10.244.1.0/24",     "192.0.2.0/24",     "203.0.113.7/32",
                                  "0.0.0.0/1",      "2001:db8:cc::/125", "2001:db8:f1::/64", "2001:db8:1::/64"};
  for (uint32_t left = below(4); left > 0; --left) service.source_ranges.push_back(*Cidr::parse(one_of(kRanges)));
}

void Generator::add_outside(Service& service) {
  if (features_.node_ports && one_in(2)) {
    service.type = "NodePort";
    for (ServicePort& port : service.ports) {
      if (!one_in(3)) port.node_port = static_cast<uint16_t>(30000 + below(6));
    }
  }
  if (one_in(2)) {
    service.type = "LoadBalancer";
    for (uint32_t left = below(3); left > 0; --left) {
      service.load_balancer_ingress.push_back({vip(family(), 1 + below(3)), !one_in(6)});
    }
    if (features_.source_ranges && one_in(3)) add_ranges(service);
  }
  if (features_.external_ips && one_in(3)) {
    const Family family = this->family();
    service.external_ips.push_back(one_in(6)   ? address("192.0.2.1")
                                   : one_in(8) ? cluster_ip(family, 1 + below(kServices))
                                               : vip(family, 1 + below(4)));
  }
  const bool may_be_local = service.type != "ClusterIP" || !service.external_ips.empty();
  if (may_be_local && one_in(2)) service.external_policy = TrafficPolicy::kLocal;
}

Service Generator::service() {
  Service service;
  service.name = name();
  if (!one_in(5)) service.creation_timestamp = fmt::format("2026-01-0{}T00:00:00Z", 1 + below(3));
  add_addresses(service);
  add_ports(service);
  add_outside(service);
  if (one_in(3)) service.internal_policy = TrafficPolicy::kLocal;
  static constexpr uint32_t kTimeouts[] = {60, 600, 10800};
  if (features_.affinity && one_in(3)) service.affinity_timeout_s = one_of(kTimeouts);
  if (one_in(12)) {
    service.has_proxy_name = true;
    service.service_proxy_name = "other";
  }
  if (one_in(16)) {
    service.headless = true;
    service.cluster_ips.clear();
  }
  if (one_in(20)) service.type = "ExternalName";
  return service;
}

Endpoint Generator::endpoint(Family family) {
  static const std::string kZones[] = {"a", "b"};
  Endpoint one;
  const uint32_t subnet = 1 + below(3);
  one.address = pod_address(family, subnet, 20 + below(3));
  if (features_.shared_addresses && one_in(12)) one.address = cluster_ip(family, 1 + below(kServices));
  const bool is_here = features_.scattered_nodes ? one_in(2) : subnet == 1;
  one.node_name = is_here ? "node1" : one_in(8) ? "" : "node2";
  one.ready = !one_in(3);
  one.serving = one.ready || !one_in(3);
  one.terminating = one.ready ? one_in(12) : one_in(2);
  if (one_in(2)) one.zone_hints = HintList::Names{one_of(kZones)};
  if (!one.zone_hints.empty() && one_in(4)) one.zone_hints.add("c");
  if (one_in(4)) one.node_hints = HintList::Names{one_in(2) ? "node1" : "node2"};
  return one;
}

EndpointSlice Generator::slice() {
  EndpointSlice slice;
  slice.name = name();
  slice.service_name = one_in(10) ? name().name : slice.name.name;
  slice.name.name += fmt::format("-{}", below(kSlices));
  slice.family = family();
  for (uint32_t left = below(5); left > 0; --left) slice.endpoints.push_back(endpoint(slice.family));
  // In a third of the slices every endpoint has hints: else topology would be rare.
  if (one_in(3)) {
    for (Endpoint& one : slice.endpoints) {
      one.zone_hints = HintList::Names{one_in(2) ? "a" : "b"};
      if (one_in(2)) one.node_hints = HintList::Names{one_in(2) ? "node1" : "node2"};
    }
  }
  for (const char* port : {"a", "b", "c"}) {
    if (one_in(6)) continue;
    const auto number = static_cast<uint16_t>(8080 + below(2));
    for (const Protocol carried : kProtocols) {
      if (!one_in(5)) slice.ports.push_back({port, carried, number});
    }
  }
  return slice;
}

Node Generator::node() {
  Node node;
  node.name = "node1";
  node.zone = one_in(4) ? "" : one_in(2) ? "a" : "b";
  node.addresses = {address("192.0.2.1")};
  if (!one_in(3)) node.addresses.push_back(address("2001:db8:1::1"));
  return node;
}

Event Generator::service_cidr() {
  if (one_in(3)) return Deletion{ObjectKind::kServiceCidr, {"", "kubernetes"}};
  if (one_in(3)) return ServiceCidr{"kubernetes", "", {*Cidr::parse("10.96.0.0/30")}};
  return ServiceCidr{"kubernetes", "", {*Cidr::parse("10.96.0.0/24"), *Cidr::parse("fd00:96::/112")}};
}

Source Generator::source(Family family) {
  if (one_in(2)) return {outside_client(family, one_in(2) ? 7 : 9), Link::kUplink};
  return {pod_address(family, 1, one_in(3) ? 20 + below(3) : 10 + below(2)), Link::kPod};
}

AddressPort Generator::destination(const Model& model, Family family, Protocol protocol) {
  std::vector<AddressPort> entries;
  for (const auto& [key, frontend] : model.frontends()) {
    if (key.first.address.family == family && key.second == protocol) entries.push_back(key.first);
  }
  const bool anything = features_.unknown_ports && one_in(10);
  if (!entries.empty() && !anything) return one_of(entries);
  const IpAddress anywhere = one_in(2)   ? cluster_ip(family, 1 + below(kServices + 2))
                             : one_in(2) ? vip(family, 1 + below(4))
                                         : pod_address(family, 1 + below(3), 20 + below(3));
  return {anywhere, one_in(2) ? one_of(kPorts) : static_cast<uint16_t>(30000 + below(6))};
}

PacketStep Generator::new_packet(const Model& model) {
  PacketStep step;
  const Family family = this->family();
  const Source from = source(family);
  step.link = from.link;
  step.key.protocol = protocol();
  step.key.client = {from.address, static_cast<uint16_t>(33000 + below(one_in(2) ? 2 : 1000))};
  step.key.frontend = destination(model, family, step.key.protocol);
  step.by_xdp = step.link == Link::kUplink && one_in(2);
  const bool is_connection = step.key.protocol != Protocol::kUdp;
  if (features_.unknown_ports && one_in(16)) {
    step.signal = Signal::kPing;
    return step;
  }
  step.signal = !is_connection || one_in(8) ? Signal::kData : one_in(30) ? Signal::kReset : Signal::kOpen;
  return step;
}

PacketStep Generator::later_packet(const Model& model) {
  const auto& [key, flow] = one_of(model.flows());
  PacketStep step{.key = key};
  step.link = flow.link;
  step.is_reply = one_in(2);
  step.by_xdp = one_in(2) && (step.is_reply ? flow.node.has_value() : step.link == Link::kUplink);
  if (one_in(10) && !flow.has_ended()) {
    step.signal = one_in(2) ? Signal::kError : Signal::kPieces;
    return step;
  }
  if (key.protocol == Protocol::kUdp) return step;
  step.signal = one_in(8) ? Signal::kFinish : one_in(16) ? Signal::kReset : Signal::kData;
  if (!step.is_reply && one_in(6)) step.signal = Signal::kOpen;
  // The node's port of what has ended may be in new hands: what comes late then is nobody's.
  if (flow.has_ended() && flow.node) step.signal = Signal::kOpen;
  return step;
}

Call Generator::call(const Model& model) {
  Call call;
  const Family family = this->family();
  call.link = one_in(2) ? Link::kHost : Link::kPod;
  call.protocol = one_in(2) ? Protocol::kTcp : Protocol::kUdp;
  call.is_send = call.protocol == Protocol::kUdp && one_in(2);
  call.socket = call.is_send ? below(3) : 0;
  call.is_mapped = family == Family::kIpv4 && one_in(4);
  call.to = destination(model, family, call.protocol);
  return call;
}

// All lifetimes and timeouts are five seconds and more away from every sum of these: what a slow machine adds does not
// matter.
Pause Generator::pause() {
  static constexpr uint32_t kSeconds[] = {35, 35, 35, 35, 70, 70, 140, 350, 700, 10500, 87500};
  return {one_of(kSeconds)};
}

PacketStep Generator::packet(const Model& model) {
  return model.flows().empty() || one_in(2) ? new_packet(model) : later_packet(model);
}

}  // namespace waggle::reference
