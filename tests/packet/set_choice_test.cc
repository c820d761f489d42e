// SPDX-License-Identifier: Apache-2.0
// Which backends a new flow may get and whether it is masqueraded: traffic policies, who the client is, `snat: always`
// and masqueradeAll (contract 2.3 and 2.5). At TC and at XDP, where the same client comes in by an uplink.
#include <fmt/format.h>

#include <set>

#include "packet_case.h"

namespace waggle {
namespace {

constexpr TrafficPolicy kCluster = TrafficPolicy::kCluster;
constexpr TrafficPolicy kLocal = TrafficPolicy::kLocal;

// A cell of the contract's matrix.
struct Cell {
  const char* row;
  bool from_pod;
  bool external;
  TrafficPolicy internal_policy;
  TrafficPolicy external_policy;
  bool local_only;
  bool masqueraded;
};

constexpr Cell kWithDetector[] = {
    {"K-50", true, false, kCluster, kCluster, false, false}, {"K-50", true, false, kCluster, kLocal, false, false},
    {"K-50", true, false, kLocal, kCluster, true, false},    {"K-52", false, false, kCluster, kCluster, false, true},
    {"K-52", false, false, kCluster, kLocal, false, true},   {"K-52", false, false, kLocal, kCluster, true, true},
    {"K-53", true, true, kCluster, kCluster, false, true},   {"K-53", true, true, kCluster, kLocal, false, false},
    {"K-53", true, true, kLocal, kCluster, false, true},     {"K-55", false, true, kCluster, kCluster, false, true},
    {"K-55", false, true, kCluster, kLocal, true, false},    {"K-55", false, true, kLocal, kCluster, false, true},
};

constexpr Cell kWithoutDetector[] = {
    {"K-50", true, false, kCluster, kCluster, false, false},  {"K-50", true, false, kLocal, kCluster, true, false},
    {"K-56", false, false, kCluster, kCluster, false, false}, {"K-56", false, false, kLocal, kCluster, true, false},
    {"K-53", true, true, kCluster, kCluster, false, true},    {"K-56", true, true, kCluster, kLocal, true, false},
    {"K-55", false, true, kCluster, kCluster, false, true},   {"K-55", false, true, kCluster, kLocal, true, false},
};

class SetChoice : public VariantTest {
 protected:
  void serve_cell(const Cell& cell, const std::vector<std::string>& endpoints) {
    serve({.variant = GetParam(),
           .cluster_ips = {at().cluster_ip},
           .load_balancer_ips = {at().load_balancer_ip},
           .endpoints = endpoints,
           .internal_policy = cell.internal_policy,
           .external_policy = cell.external_policy});
  }
  [[nodiscard]] PacketSpec request_of(const Cell& cell) const {
    return request(cell.from_pod ? at().pod : at().outside, cell.external ? at().load_balancer_ip : at().cluster_ip);
  }
  [[nodiscard]] std::vector<FlowCopy> flows() const {
    return rig().flows(GetParam().ipv6() ? FlowTable::kFlows6 : FlowTable::kFlows4);
  }
  [[nodiscard]] std::vector<Cidr> pod_cidrs() const {
    return {Cidr::parse("10.244.1.0/24").value(), Cidr::parse("2001:db8:f1::/64").value()};
  }
  // Backends and whether flows to them are masqueraded, after enough flows of one client to have met each.
  std::set<std::pair<std::string, bool>> outcomes(const Cell& cell, RunHook hook) {
    rig().forget_all_flows();
    PacketSpec spec = request_of(cell);
    for (int i = 0; i < 40; ++i) {
      spec.source_port = static_cast<uint16_t>(20000 + i);
      run({.hook = hook, .ifindex = cell.from_pod ? kPodLink : kUplink, .packet = build(spec)});
    }
    std::set<std::pair<std::string, bool>> seen;
    for (const FlowCopy& flow : flows()) {
      seen.emplace(IpAddress::from_words(GetParam().family, flow.backend.data()).text(),
                   (flow.head.backend & WG_FLOW_SNAT) != 0);
    }
    return seen;
  }
  // masqueraded: of (cell, backend on this node)
  void check(const Cell& cell, const std::function<bool(const Cell&, bool)>& masqueraded) {
    const std::string what =
        fmt::format("{} from {} to {}, iTP {} eTP {}", cell.row, cell.from_pod ? "pod" : "outside",
                    cell.external ? "LB" : "ClusterIP", cell.internal_policy == kLocal ? "Local" : "Cluster",
                    cell.external_policy == kLocal ? "Local" : "Cluster");
    serve_cell(cell, {at().local_backend, at().remote_backend});
    std::set<std::pair<std::string, bool>> wanted{{at().local_backend, masqueraded(cell, true)}};
    if (!cell.local_only) wanted.emplace(at().remote_backend, masqueraded(cell, false));
    EXPECT_EQ(outcomes(cell, RunHook::kTcIngress), wanted) << what << " at TC";
    if (!cell.from_pod) {
      EXPECT_EQ(outcomes(cell, RunHook::kXdp), wanted) << what << " at XDP";
    }
  }
  static bool as_matrix(const Cell& cell, bool /*is_local*/) { return cell.masqueraded; }
  static bool as_needed(const Cell& cell, bool is_local) { return !cell.from_pod && !is_local; }
  static bool all_internal(const Cell& cell, bool is_local) { return !cell.external || as_needed(cell, is_local); }
};
INSTANTIATE_TEST_SUITE_P(, SetChoice, kVariants, variant_name);

// Proves: K-20, K-21, K-23, K-26, K-27, K-28, K-50, K-52, K-53, K-55, K-56
TEST_P(SetChoice, SnatAlwaysMasqueradesAsKubeProxy) {
  use_policy(WG_POLICY_SNAT_ALWAYS);
  rig().set_detector(WG_DETECT_LINKS);
  for (const Cell& cell : kWithDetector) check(cell, as_matrix);
  rig().set_detector(WG_DETECT_CIDR, pod_cidrs());
  for (const Cell& cell : kWithDetector) check(cell, as_matrix);
  rig().set_detector(WG_DETECT_NONE);
  for (const Cell& cell : kWithoutDetector) check(cell, as_matrix);
}

// Proves: K-61
TEST_P(SetChoice, SnatNeededChoosesTheSameSets) {
  rig().set_detector(WG_DETECT_LINKS);
  for (const Cell& cell : kWithDetector) check(cell, as_needed);
  rig().set_detector(WG_DETECT_CIDR, pod_cidrs());
  for (const Cell& cell : kWithDetector) check(cell, as_needed);
  rig().set_detector(WG_DETECT_NONE);
  for (const Cell& cell : kWithoutDetector) check(cell, as_needed);
}

// Proves: K-57
TEST_P(SetChoice, MasqueradeAllAddsFlowsToTheClusterIp) {
  use_policy(WG_POLICY_MASQUERADE_ALL);
  for (const Cell& cell : kWithoutDetector) check(cell, all_internal);
  use_policy(WG_POLICY_MASQUERADE_ALL | WG_POLICY_SNAT_ALWAYS);
  rig().set_detector(WG_DETECT_LINKS);
  for (const Cell& cell : kWithDetector) {
    check(cell, [](const Cell& each, bool) { return each.masqueraded || !each.external; });
  }
}

// Proves: K-61
TEST_P(SetChoice, AFamilyWithoutAPodCidrHasNoDetector) {
  const Cell cell{"K-61", true, true, kCluster, kLocal, false, false};
  std::vector<Cidr> other = pod_cidrs();
  other.erase(other.begin() + (GetParam().ipv6() ? 1 : 0));
  rig().set_detector(WG_DETECT_CIDR, other);
  check({"K-56", true, true, kCluster, kLocal, true, false}, as_needed);
  rig().set_detector(WG_DETECT_CIDR, {Cidr::parse("10.244.0.0/24").value(), Cidr::parse("2001:db8:f0::/64").value()});
  check({"K-55", true, true, kCluster, kLocal, true, false}, as_needed);
  rig().set_detector(WG_DETECT_CIDR, pod_cidrs());
  check(cell, as_needed);
}

// Proves: K-17, K-18, K-22, K-23, K-26, K-31
TEST_P(SetChoice, WithoutALocalEndpointOnlyLocalPodsAreServed) {
  const Cell from_pod{"K-18", true, true, kCluster, kLocal, false, false};
  const Cell from_outside{"K-17", false, true, kCluster, kLocal, true, false};
  serve_cell(from_pod, {at().remote_backend});
  rig().set_detector(WG_DETECT_LINKS);
  EXPECT_EQ(backend_of({.packet = build(request_of(from_pod))}), at().remote_backend);
  const Bytes outside = build(request_of(from_outside));
  const Expected dropped{.verdict = TC_ACT_SHOT, .packet = outside, .reasons = {{"no-local-endpoints", 1}}};
  expect("outside", {.ifindex = kUplink, .packet = outside}, dropped);
  expect("outside at XDP", {.hook = RunHook::kXdp, .ifindex = kUplink, .packet = outside},
         {.verdict = XDP_PASS, .packet = outside, .reasons = {{"to-stack", 1}}});
  rig().forget_all_flows();
  rig().set_detector(WG_DETECT_NONE);
  const Bytes pod = build(request_of(from_pod));
  expect("a pod nobody detects", {.packet = pod},
         {.verdict = TC_ACT_SHOT, .packet = pod, .reasons = {{"no-local-endpoints", 1}}});
}

// Proves: K-58
TEST_P(SetChoice, HairpinIsMasqueradedWhateverTheMatrixSays) {
  for (const uint32_t policy : {0u, WG_POLICY_SNAT_ALWAYS}) {
    use_policy(policy);
    rig().set_detector(WG_DETECT_LINKS);
    for (const bool external : {false, true}) {
      const Cell cell{"K-58", true, external, kCluster, kLocal, false, true};
      serve_cell(cell, {at().pod});
      const std::set<std::pair<std::string, bool>> wanted{{at().pod, true}};
      EXPECT_EQ(outcomes(cell, RunHook::kTcIngress), wanted);
    }
  }
}

// Proves: K-03, K-20, K-53
TEST_P(SetChoice, ANodePortIsAnExternalDestination) {
  serve({.variant = GetParam(),
         .cluster_ips = {at().cluster_ip},
         .load_balancer_ips = {at().load_balancer_ip},
         .endpoints = {at().local_backend, at().remote_backend},
         .internal_policy = kLocal});
  set_frontend_flags("default/web", at().cluster_ip, WG_FRONTEND_EXTERNAL | WG_FRONTEND_NODE_PORT);
  const Cell cell{"K-53", true, false, kLocal, kCluster, false, false};
  const std::set<std::pair<std::string, bool>> wanted{{at().local_backend, false}, {at().remote_backend, false}};
  EXPECT_EQ(outcomes(cell, RunHook::kTcIngress), wanted);
}

}  // namespace
}  // namespace waggle
