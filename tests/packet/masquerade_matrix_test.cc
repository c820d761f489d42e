// SPDX-License-Identifier: Apache-2.0
// The matrix of contract 2.5, cell by cell: who may be chosen for a flow and whether the node's address goes in
// between, with and without a detector and masqueradeAll. The model must say what the table says, and the real programs
// what the model says.
#include <fmt/format.h>

#include "reference_run.h"

namespace waggle {
namespace {

using namespace reference;  // NOLINT: the model's words are this test's

enum class To : uint8_t { kClusterIp, kNodePort, kLoadBalancer };
constexpr To kDestinations[] = {To::kClusterIp, To::kNodePort, To::kLoadBalancer};
constexpr Link kSources[] = {Link::kPod, Link::kHost, Link::kUplink};

// A row of the matrix: by policy, in the order of kPolicies.
struct Cells {
  const char* words[3];
};
struct Policies {
  const char* name;
  TrafficPolicy internal;
  TrafficPolicy external;
};
constexpr Policies kPolicies[] = {{"default", TrafficPolicy::kCluster, TrafficPolicy::kCluster},
                                  {"eTP=Local", TrafficPolicy::kCluster, TrafficPolicy::kLocal},
                                  {"iTP=Local", TrafficPolicy::kLocal, TrafficPolicy::kCluster}};

struct Matrix {
  const char* name;
  bool detector;
  bool masquerade_all;
  Cells cluster_ip[3];  // by source, in the order of kSources
  Cells external[3];
};
constexpr Matrix kMatrices[] = {
    {"Detector",
     true,
     false,
     {{{"cluster", "cluster", "local"}},
      {{"cluster snat", "cluster snat", "local snat"}},
      {{"cluster snat", "cluster snat", "local snat"}}},
     {{{"cluster snat", "cluster", "cluster snat"}},
      {{"cluster snat", "cluster snat", "cluster snat"}},
      {{"cluster snat", "local", "cluster snat"}}}},
    {"NoDetector",
     false,
     false,
     {{{"cluster", "cluster", "local"}}, {{"cluster", "cluster", "local"}}, {{"cluster", "cluster", "local"}}},
     {{{"cluster snat", "local", "cluster snat"}},
      {{"cluster snat", "cluster snat", "cluster snat"}},
      {{"cluster snat", "local", "cluster snat"}}}},
    {"MasqueradeAll",
     true,
     true,
     {{{"cluster snat", "cluster snat", "local snat"}},
      {{"cluster snat", "cluster snat", "local snat"}},
      {{"cluster snat", "cluster snat", "local snat"}}},
     {{{"cluster snat", "cluster", "cluster snat"}},
      {{"cluster snat", "cluster snat", "cluster snat"}},
      {{"cluster snat", "local", "cluster snat"}}}},
    {"MasqueradeAllNoDetector",
     false,
     true,
     {{{"cluster snat", "cluster snat", "local snat"}},
      {{"cluster snat", "cluster snat", "local snat"}},
      {{"cluster snat", "cluster snat", "local snat"}}},
     {{{"cluster snat", "local", "cluster snat"}},
      {{"cluster snat", "cluster snat", "cluster snat"}},
      {{"cluster snat", "local", "cluster snat"}}}},
};

struct Case {
  Matrix matrix;
  Family family;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.matrix.name; }

class MasqueradeMatrix : public testing::TestWithParam<Case> {
 protected:
  [[nodiscard]] const Places& at() const { return places(GetParam().family); }

  [[nodiscard]] Settings settings() const {
    Settings settings;
    settings.snat_always = true;
    settings.masquerade_all = GetParam().matrix.masquerade_all;
    settings.detector = GetParam().matrix.detector ? Detector::kLinks : Detector::kNone;
    return settings;
  }

  [[nodiscard]] std::vector<Event> service(const Policies& policies) const {
    std::vector<Event> events = events_of({.variant = {GetParam().family, Protocol::kTcp},
                                           .cluster_ips = {at().cluster_ip},
                                           .load_balancer_ips = {at().load_balancer_ip},
                                           .endpoints = {at().local_backend, at().remote_backend},
                                           .internal_policy = policies.internal,
                                           .external_policy = policies.external});
    std::get<Service>(events.front()).ports.front().node_port = 30080;
    return events;
  }

  [[nodiscard]] AddressPort destination(To to) const {
    switch (to) {
      case To::kClusterIp:
        return {address_of(at().cluster_ip), kServicePort};
      case To::kNodePort:
        return {address_of(at().node), 30080};
      case To::kLoadBalancer:
        break;
    }
    return {address_of(at().load_balancer_ip), kServicePort};
  }

  [[nodiscard]] Source source(Link link) const {
    return {address_of(link == Link::kPod ? at().pod : link == Link::kHost ? at().node : at().outside), link};
  }

  // "cluster snat": what the model says of the cell.
  [[nodiscard]] std::string model_says(const World& world, const Frontend& frontend, const Source& from) const {
    const Decision decision = decide(world, frontend, from);
    std::string words = decision.choices.size() == 2 ? "cluster" : decision.choices.size() == 1 ? "local" : "nobody";
    if (decision.choices.size() == 1 && decision.choices.begin()->address.text() != at().local_backend) words = "?";
    size_t masked = 0;
    for (const AddressPort& chosen : decision.choices) masked += needs_snat(world, frontend, from, decision, chosen);
    if (masked != 0) words += masked == decision.choices.size() ? " snat" : " sometimes snat";
    return words;
  }

  // New flows through the programs; the run compares each with the model.
  std::string programs_say(ReferenceRun& run, Link link, const AddressPort& to) {
    for (uint16_t port = 20000; port < 20024; ++port) {
      PacketStep step{.link = link, .key = {{source(link).address, port}, to, Protocol::kTcp}, .signal = Signal::kOpen};
      if (std::string wrong = run.take(step); !wrong.empty()) return wrong;
    }
    return "";
  }
};

INSTANTIATE_TEST_SUITE_P(, MasqueradeMatrix,
                         testing::Values(Case{kMatrices[0], Family::kIpv4}, Case{kMatrices[0], Family::kIpv6},
                                         Case{kMatrices[1], Family::kIpv4}, Case{kMatrices[1], Family::kIpv6},
                                         Case{kMatrices[2], Family::kIpv4}, Case{kMatrices[2], Family::kIpv6},
                                         Case{kMatrices[3], Family::kIpv4}, Case{kMatrices[3], Family::kIpv6}),
                         [](const auto& one) {
                           return fmt::format("{}{}", one.param.matrix.name, one.param.family == Family::kIpv4 ? 4 : 6);
                         });

// Proves: K-50, K-51, K-52, K-53, K-54, K-55, K-56, K-57, X-131, X-132, X-133, X-134
TEST_P(MasqueradeMatrix, AllTwentySevenFlows) {
  ReferenceCounts counts;
  for (size_t policy = 0; policy < std::size(kPolicies); ++policy) {
    ReferenceRun run(rig_of(settings()), settings(), counts);
    for (const Event& event : service(kPolicies[policy])) ASSERT_EQ(run.take(event), "");
    for (size_t from = 0; from < std::size(kSources); ++from) {
      for (const To to : kDestinations) {
        const Matrix& matrix = GetParam().matrix;
        const Cells& cells = to == To::kClusterIp ? matrix.cluster_ip[from] : matrix.external[from];
        const auto entry = run.model().frontends().find({destination(to), Protocol::kTcp});
        ASSERT_NE(entry, run.model().frontends().end()) << "destination " << static_cast<int>(to);
        const std::string cell =
            fmt::format("{}, source {}, destination {}", kPolicies[policy].name, from, static_cast<int>(to));
        EXPECT_EQ(model_says(run.model().world, entry->second, source(kSources[from])), cells.words[policy]) << cell;
        if (kSources[from] == Link::kHost) continue;  // not at these hooks: tests/socket and the host's edge
        EXPECT_EQ(programs_say(run, kSources[from], destination(to)), "") << cell;
      }
    }
  }
}

}  // namespace
}  // namespace waggle
