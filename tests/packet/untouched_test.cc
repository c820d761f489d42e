// SPDX-License-Identifier: Apache-2.0
// What is none of Waggle's business, or cut short, or broken, passes byte for byte, at every hook.
#include <fmt/format.h>

#include "packet_case.h"

namespace waggle {
namespace {

constexpr const char* kFrontend4 = "10.96.0.10";
constexpr const char* kFrontend6 = "fd00:96::10";

struct Row {
  std::string name;
  Bytes packet;
  std::string reason;
};

Bytes ethernet(uint16_t type, Bytes behind, std::vector<uint16_t> vlans = {}) {
  return ethernet_layer(kNodeMac, kClientMac, vlans, type, std::move(behind));
}

// An IP packet to the frontend with anything behind the IP header.
Bytes ip_packet(bool ipv6, uint8_t protocol, Bytes behind, std::vector<Extension> extensions = {}) {
  const IpLayer ip{.source = ipv6 ? "2001:db8:f1::10" : "10.244.1.10",
                   .destination = ipv6 ? kFrontend6 : kFrontend4,
                   .protocol = protocol,
                   .extensions = std::move(extensions)};
  return ethernet(ipv6 ? kEtherIpv6 : kEtherIpv4, ip_layer(ip, std::move(behind)));
}

Bytes echo(bool ipv6) {
  const IpLayer ip{.source = ipv6 ? "2001:db8:f1::10" : "10.244.1.10",
                   .destination = ipv6 ? kFrontend6 : kFrontend4,
                   .protocol = static_cast<uint8_t>(ipv6 ? 58 : 1)};
  return ethernet(ipv6 ? kEtherIpv6 : kEtherIpv4,
                  ip_layer(ip, icmp_layer(ip, ipv6 ? 128 : 8, 0, {0, 1, 0, 2, 'p', 'i', 'n', 'g'})));
}

PacketSpec to_service(bool ipv6, Protocol protocol) {
  return {.source = ipv6 ? "2001:db8:f1::10" : "10.244.1.10",
          .destination = ipv6 ? kFrontend6 : kFrontend4,
          .protocol = protocol,
          .source_port = kClientPort,
          .destination_port = kServicePort,
          .tcp_flags = kSyn};
}

Bytes with(Bytes packet, std::string_view field, uint64_t value) {
  set_field(packet, field, value);
  return packet;
}

Bytes changed(PacketSpec spec, void (*change)(PacketSpec&)) {
  change(spec);
  return build(spec);
}

// The frontend is a load balancer's address: of a ClusterIP every port and protocol is a service's (address_test.cc).
class Untouched : public PacketTest {
 protected:
  void SetUp() override {
    PacketTest::SetUp();
    int i = 0;
    for (const Variant& variant : {Variant{Family::kIpv4, Protocol::kTcp}, Variant{Family::kIpv4, Protocol::kUdp},
                                   Variant{Family::kIpv6, Protocol::kTcp}, Variant{Family::kIpv6, Protocol::kUdp}}) {
      serve({.name = fmt::format("default/s{}", i++),
             .variant = variant,
             .cluster_ips = {places(variant.family).cluster_ip2},
             .load_balancer_ips = {variant.ipv6() ? kFrontend6 : kFrontend4},
             .endpoints = {places(variant.family).local_backend}});
    }
  }
  void expect_untouched(const std::string& what, const Bytes& packet, const std::string& reason) {
    for (const RunHook hook : {RunHook::kTcIngress, RunHook::kTcEgress, RunHook::kXdp}) {
      if (packet.size() < smallest_packet(hook, packet)) continue;
      const bool is_xdp = hook == RunHook::kXdp;
      expect(fmt::format("{} at hook {}", what, static_cast<int>(hook)),
             {.hook = hook, .ifindex = is_xdp ? kUplink : kPodLink, .mark = is_xdp ? 0u : 5u, .packet = packet},
             {.verdict = is_xdp ? XDP_PASS : TC_ACT_UNSPEC, .packet = packet, .mark = 5, .reasons = {{reason, 1}}});
    }
  }
};

std::vector<Row> strangers() {
  const PacketSpec tcp4 = to_service(false, Protocol::kTcp);
  const PacketSpec udp6 = to_service(true, Protocol::kUdp);
  const Bytes some(64, 0x5a);
  std::vector<Row> rows = {
      {"ARP", ethernet(kEtherArp, {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 96, 0, 10}), "not-ip"},
      {"LLDP", ethernet(0x88cc, some), "not-ip"},
      {"MPLS", ethernet(0x8847, some), "not-ip"},
      {"802.3 length field", ethernet(60, some), "not-ip"},
      {"three VLAN tags", ethernet(kEtherVlan, build(tcp4), {1, 2}), "not-ip"},
      {"ping to a frontend", echo(false), "protocol"},
      {"ping to a frontend, IPv6", echo(true), "protocol"},
      {"IGMP", ip_packet(false, 2, some), "protocol"},
      {"GRE", ip_packet(false, 47, some), "protocol"},
      {"ESP", ip_packet(false, 50, some), "protocol"},
      {"ESP, IPv6", ip_packet(true, 50, some), "protocol"},
      {"no next header", ip_packet(true, 59, {}), "protocol"},
      {"authentication header", ip_packet(true, 51, some), "protocol"},
      {"mobility header", ip_packet(true, 135, some), "protocol"},
  };
  const auto add = [&rows](const char* name, PacketSpec spec, void (*change)(PacketSpec&), const char* reason) {
    rows.push_back({name, changed(std::move(spec), change), reason});
  };
  add(
      "another port", tcp4, [](PacketSpec& s) { s.destination_port += 1; }, "not-service");
  add(
      "another protocol's port", udp6, [](PacketSpec& s) { s.destination_port = 81; }, "not-service");
  add(
      "pod to pod", tcp4, [](PacketSpec& s) { s.destination = "10.244.2.20"; }, "not-service");
  add(
      "pod to pod, IPv6", udp6, [](PacketSpec& s) { s.destination = "2001:db8:f2::20"; }, "not-service");
  add(
      "the neighbour of a frontend", udp6, [](PacketSpec& s) { s.destination = "fd00:96::12"; }, "not-service");
  add(
      "broadcast", tcp4, [](PacketSpec& s) { s.destination = "255.255.255.255"; }, "not-service");
  add(
      "with a VLAN tag", tcp4, [](PacketSpec& s) { s.vlans = {9}, s.destination_port = 81; }, "not-service");
  return rows;
}

// Proves: K-09, K-60
TEST_F(Untouched, EverythingThatIsNoServicesPacket) {
  for (const Row& row : strangers()) {
    expect_untouched(row.name, row.packet, row.reason);
  }
}

TEST_F(Untouched, ResponsesOfNobodysFlow) {
  for (const bool ipv6 : {false, true}) {
    PacketSpec spec = to_service(ipv6, Protocol::kTcp);
    spec.source = places(ipv6 ? Family::kIpv6 : Family::kIpv4).local_backend;
    spec.source_port = kBackendPort;
    spec.destination = places(ipv6 ? Family::kIpv6 : Family::kIpv4).pod;
    const Bytes packet = build(spec);
    expect("a backend that answers nobody", {.hook = RunHook::kTcEgress, .packet = packet},
           {.packet = packet, .reasons = {{"no-flow", 1}}});
  }
}

// Headers that contradict themselves, all to a frontend.
std::vector<Row> malformed() {
  const Bytes tcp4 = build(to_service(false, Protocol::kTcp));
  const Bytes udp4 = build(to_service(false, Protocol::kUdp));
  const Bytes tcp6 = build(to_service(true, Protocol::kTcp));
  const Bytes udp6 = build(to_service(true, Protocol::kUdp));
  const uint64_t length4 = tcp4.size() - 14;
  const uint64_t length6 = tcp6.size() - 54;
  constexpr const char* kVersion = "IPv4 version and header length";
  constexpr const char* kVersion6 = "IPv6 version, class and flow";
  return {
      {"header length 4 words", with(tcp4, kVersion, 0x44), "malformed"},
      {"header length 0", with(tcp4, kVersion, 0x40), "malformed"},
      {"header length beyond the packet", with(tcp4, kVersion, 0x4f), "malformed"},
      {"version 6 in IPv4", with(tcp4, kVersion, 0x65), "malformed"},
      {"version 0", with(tcp4, kVersion, 0x05), "malformed"},
      {"total length 0", with(tcp4, "IPv4 total length", 0), "malformed"},
      {"total length below the header", with(tcp4, "IPv4 total length", 19), "malformed"},
      {"total length ends in the TCP header", with(tcp4, "IPv4 total length", 39), "malformed"},
      {"total length ends in the UDP header", with(udp4, "IPv4 total length", 27), "malformed"},
      {"total length one too many", with(tcp4, "IPv4 total length", length4 + 1), "truncated"},
      {"total length far too many", with(tcp4, "IPv4 total length", 65535), "truncated"},
      {"TCP data offset 4", with(tcp4, "TCP data offset", 0x40), "malformed"},
      {"TCP data offset 0", with(tcp4, "TCP data offset", 0x00), "malformed"},
      {"TCP data offset beyond the packet", with(tcp4, "TCP data offset", 0xf0), "malformed"},
      {"TCP data offset 4, IPv6", with(tcp6, "TCP data offset", 0x40), "malformed"},
      {"version 4 in IPv6", with(tcp6, kVersion6, 0x40000000), "malformed"},
      {"payload length 0", with(tcp6, "IPv6 payload length", 0), "malformed"},
      {"payload length ends in the TCP header", with(tcp6, "IPv6 payload length", 19), "malformed"},
      {"payload length ends in the UDP header", with(udp6, "IPv6 payload length", 7), "malformed"},
      {"payload length one too many", with(tcp6, "IPv6 payload length", length6 + 1), "truncated"},
      {"payload length 65495", with(tcp6, "IPv6 payload length", 65495), "truncated"},
      {"payload length that wraps around", with(tcp6, "IPv6 payload length", 65535), "malformed"},
      {"UDP where the packet ends", ip_packet(false, 17, {}), "truncated"},
      {"TCP where the packet ends", ip_packet(true, 6, {}), "truncated"},
  };
}

TEST_F(Untouched, HeadersThatContradictThemselves) {
  for (const Row& row : malformed()) expect_untouched(row.name, row.packet, row.reason);
}

TEST_F(Untouched, ExtensionHeadersWithoutEnd) {
  PacketSpec spec = to_service(true, Protocol::kTcp);
  spec.extensions.assign(5, {.type = 60});
  expect_untouched("more than Waggle walks", build(spec), "protocol");
  spec.extensions.assign(40, {.type = 0});
  expect_untouched("very many", build(spec), "protocol");
  spec.extensions = {{.type = 60}};
  expect_untouched("one that says it is longer than the packet", with(build(spec), "extension 60 length", 30),
                   "truncated");
  spec.extensions.assign(4, {.type = 60, .content = Bytes(200)});
  expect_untouched("longer than Waggle looks", build(spec), "malformed");
}

TEST_F(Untouched, ExtensionHeadersThatEndInTimeAreWalked) {
  PacketSpec spec = to_service(true, Protocol::kTcp);
  for (const uint8_t type : {uint8_t{0}, uint8_t{43}, uint8_t{60}, uint8_t{60}}) {
    spec.extensions.push_back({.type = type, .content = Bytes(type)});
    PacketSpec out = spec;
    out.destination = places(Family::kIpv6).local_backend;
    out.destination_port = kBackendPort;
    expect("walked", {.packet = build(spec)}, {.packet = build(out)});
    expect("walked by XDP", {.hook = RunHook::kXdp, .ifindex = kUplink, .packet = build(spec)},
           {.verdict = XDP_PASS, .packet = build(out)});
  }
}

TEST_F(Untouched, RepliesThatAreCutShort) {
  for (const bool ipv6 : {false, true}) {
    for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
      PacketSpec spec = to_service(ipv6, protocol);
      run({.packet = build(spec)});
      spec.destination = places(ipv6 ? Family::kIpv6 : Family::kIpv4).local_backend;
      spec.destination_port = kBackendPort;
      std::swap(spec.source, spec.destination);
      std::swap(spec.source_port, spec.destination_port);
      const Bytes whole = build(spec);
      EXPECT_NE(run({.hook = RunHook::kTcEgress, .packet = whole}).packet, whole) << "the whole one is translated";
      for (size_t size = smallest_packet(RunHook::kTcEgress, whole); size < whole.size(); ++size) {
        const Bytes packet(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
        expect(fmt::format("{} of {} bytes", size, whole.size()), {.hook = RunHook::kTcEgress, .packet = packet},
               {.packet = packet, .reasons = {{"truncated", 1}}});
      }
    }
  }
}

// Every beginning of every kind of packet. BPF_PROG_TEST_RUN wants an Ethernet header; tests/native has the shorter
// ones.
TEST_F(Untouched, PacketsThatAreCutShort) {
  std::vector<PacketSpec> kinds;
  for (const bool ipv6 : {false, true}) {
    for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) kinds.push_back(to_service(ipv6, protocol));
  }
  kinds.push_back(kinds[0]);
  kinds.back().ip_options = Bytes(40, 1);
  kinds.back().tcp_options = Bytes(40, 1);
  kinds.push_back(kinds[2]);
  kinds.back().extensions = {{.type = 0}, {.type = 60, .content = Bytes(20)}};
  kinds.push_back(kinds[1]);
  kinds.back().vlans = {1, 2};
  for (const PacketSpec& kind : kinds) {
    const Bytes whole = build(kind);
    EXPECT_NE(run({.packet = whole}).packet, whole) << "the whole one is translated";
    for (size_t size = 14; size < whole.size(); ++size) {
      const Bytes packet(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      expect_untouched(fmt::format("{} of {} bytes", size, whole.size()), packet, "truncated");
    }
  }
}

}  // namespace
}  // namespace waggle
