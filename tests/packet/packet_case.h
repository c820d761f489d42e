// SPDX-License-Identifier: Apache-2.0
// What the packet tests have in common: who is who on the node, services in one line, and the comparison of one run
// with what is expected of it.
#pragma once

#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "support/packet_fields.h"
#include "support/plan_rig.h"
#include "support/prog_run.h"

namespace waggle {

// Families and protocols: every behaviour is tested in all combinations that the hook takes.
struct Variant {
  Family family = Family::kIpv4;
  Protocol protocol = Protocol::kTcp;

  [[nodiscard]] bool ipv6() const { return family == Family::kIpv6; }
  [[nodiscard]] bool udp() const { return protocol == Protocol::kUdp; }
  [[nodiscard]] bool sctp() const { return protocol == Protocol::kSctp; }
};
std::string variant_name(const testing::TestParamInfo<Variant>& info);  // "Tcp4"
inline const auto kVariants =
    testing::Values(Variant{Family::kIpv4, Protocol::kTcp}, Variant{Family::kIpv4, Protocol::kUdp},
                    Variant{Family::kIpv6, Protocol::kTcp}, Variant{Family::kIpv6, Protocol::kUdp});
// SCTP too, which XDP and the sockets' hooks leave to TC.
inline const auto kTcVariants =
    testing::Values(Variant{Family::kIpv4, Protocol::kTcp}, Variant{Family::kIpv4, Protocol::kUdp},
                    Variant{Family::kIpv4, Protocol::kSctp}, Variant{Family::kIpv6, Protocol::kTcp},
                    Variant{Family::kIpv6, Protocol::kUdp}, Variant{Family::kIpv6, Protocol::kSctp});

// Addresses of one family (private_node.h says what lies where).
struct Places {
  std::string pod;            // a client on this node, behind kPodLink
  std::string local_backend;  // endpoints on this node ...
  std::string local_backend2;
  std::string remote_backend;  // ... behind the first uplink
  std::string remote_backend2;
  std::string far_backend;     // ... behind the second uplink
  std::string silent_backend;  // ... behind a neighbour nobody knows
  std::string narrow_backend;  // ... behind a route with an MTU of 1280
  std::string outside;         // a client beyond the first uplink
  std::string cluster_ip;
  std::string cluster_ip2;
  std::string load_balancer_ip;
  std::string node;   // this node's address on the first uplink
  std::string node2;  // and on the second
};
const Places& places(Family family);

inline constexpr uint16_t kClientPort = 33333;
inline constexpr uint16_t kServicePort = 80;
inline constexpr uint16_t kBackendPort = 8080;

// A service with one port and its endpoints.
struct TestService {
  std::string name = "default/web";
  Variant variant = {};
  std::vector<std::string> cluster_ips = {};
  std::vector<std::string> load_balancer_ips = {};
  uint16_t port = kServicePort;
  uint16_t target_port = kBackendPort;
  std::vector<std::string> endpoints = {};  // local if private_node.h says so
  std::vector<std::string> terminating_endpoints = {};
  TrafficPolicy internal_policy = TrafficPolicy::kCluster;
  TrafficPolicy external_policy = TrafficPolicy::kCluster;
  uint32_t affinity_timeout_s = 0;
};
std::vector<Event> events_of(const TestService& service);

// One run and what it must do.
struct Expected {
  int verdict = TC_ACT_UNSPEC;
  Bytes packet = {};
  uint32_t mark = 0;
  Reasons reasons = {};
};

class PacketTest : public testing::Test {
 protected:
  // The programs are loaded once for all tests of an executable that want the same policy.
  static ProgramRig& rig();
  void SetUp() override;
  // The rest of this test runs under WG_POLICY_*. Call it before anything is served.
  void use_policy(uint32_t policy);

  void serve(const TestService& service);
  void forget(const std::string& service);  // removed from the API
  // What the tables say of a service port. The index is where it stands in `services`.
  ServiceView view_of(const std::string& service);
  void edit_service(const std::string& service, const std::function<void(wg_service&)>& change);
  void edit_backend(uint32_t index, const std::function<void(wg_backend&)>& change);
  void set_frontend_flags(const std::string& service, const std::string& address, uint32_t flags);

  // Runs the packet and compares everything; the checksums of what comes out are recomputed, too.
  void expect(const std::string& what, const RunInput& input, const Expected& expected);
  // Runs the packet; fails the test if that was impossible.
  RunOutput run(const RunInput& input);
  // A connection's first packet: answers where it went.
  std::string backend_of(const RunInput& input);

 private:
  static inline uint32_t policy_ = 0;
};

class VariantTest : public PacketTest, public testing::WithParamInterface<Variant> {
 protected:
  [[nodiscard]] const Places& at() const { return places(GetParam().family); }
  // The first packet of the client at `source` to `destination`.
  [[nodiscard]] PacketSpec request(const std::string& source, const std::string& destination) const;
  [[nodiscard]] static PacketSpec reply_to(const PacketSpec& request);
  // A service of the variant's protocol with one backend.
  void serve_on(const std::string& backend) {
    serve({.variant = GetParam(),
           .cluster_ips = {at().cluster_ip},
           .load_balancer_ips = {at().load_balancer_ip},
           .endpoints = {backend}});
  }
  // A request to it as it goes on to the backend.
  [[nodiscard]] static PacketSpec to_backend(PacketSpec spec, const std::string& backend) {
    spec.destination = backend;
    spec.destination_port = kBackendPort;
    return spec;
  }
};

// The destination (or source) address of a packet, as text.
std::string destination_of(const Bytes& packet);
std::string source_of(const Bytes& packet);
uint16_t port_of(const Bytes& packet, const char* which);  // "source port", "destination port"

}  // namespace waggle
