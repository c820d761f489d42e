// SPDX-License-Identifier: Apache-2.0
// The planner against the reference model: after every change of a random history, whoever looks up any address in the
// tables is told what the contract says. WAGGLE_TEST_SEED repeats a run, WAGGLE_TEST_CASES makes it longer.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "support/plan_rig.h"
#include "support/reference/generator.h"

namespace waggle {
namespace {

using namespace reference;  // NOLINT: the model's words are this test's

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// What the tables and the model say to one question, as text that can be compared.
std::string answer_text(Verdict verdict, const std::set<std::string>& choices) {
  static constexpr const char* kVerdicts[] = {"untouched", "rejected", "dropped", "served by", "echoed"};
  return fmt::format("{} {}", kVerdicts[static_cast<size_t>(verdict)], fmt::join(choices, " "));
}

std::string expected_answer(const Decision& decision) {
  std::set<std::string> choices;
  for (const AddressPort& choice : decision.choices) choices.insert(choice.text());
  return answer_text(decision.verdict, choices);
}

std::set<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

// As the packet path reads the tables.
std::string table_answer(const FrontendPicture& frontend, const IpAddress& source, bool is_outside) {
  if (!frontend.admits(source)) return answer_text(Verdict::kDropped, {});
  const uint32_t bit = frontend.external ? WG_SERVICE_EXTERNAL_LOCAL : WG_SERVICE_INTERNAL_LOCAL;
  const bool local = (frontend.flags & bit) != 0 && (!frontend.external || is_outside);
  const std::set<std::string> choices = words_of(local ? frontend.local_set : frontend.cluster_set);
  if (!choices.empty()) return answer_text(Verdict::kServed, choices);
  const bool dropped = local && (frontend.flags & WG_SERVICE_HAS_ENDPOINTS) != 0;
  return answer_text(dropped ? Verdict::kDropped : Verdict::kRejected, {});
}

IpAddress address(const std::string& text) { return *IpAddress::parse(text); }

std::string frontend_text(const FrontendKey& key) {
  return fmt::format("{}/{}", key.first.text(), protocol_name(key.second));
}

std::string owner_text(const PortKey& owner) { return fmt::format("{}:{}", owner.service.text(), owner.port); }

// One history: the planner with its tables, and the model.
class History {
 public:
  explicit History(const Settings& settings) : store_(sizes()), planner_({sizes(), {1, 2}, "node1"}) {
    model_.world.settings = settings;
    model_.world.node.node_port_addresses = {address("192.0.2.1"), address("198.51.100.1"), address("2001:db8:1::1")};
    model_.world.node.addresses = model_.world.node.node_port_addresses;
    state_.set_own_addresses(model_.world.node.addresses);
    readdress();
  }

  void apply(const Event& event) {
    model_.apply(event);
    std::set<ObjectName> touched = state_.apply(event);
    touched.merge(readdress());
    const Plan plan = planner_.plan(state_, touched);
    store_.apply_all(plan.writes);
    planner_.grace_began();
    planner_.grace_passed();
  }

  // Sentences about what differs; empty if nothing does.
  std::string difference(uint64_t& cases) {
    const Picture picture = picture_of(store_);
    std::string text;
    for (const auto& [key, frontend] : model_.frontends()) {
      const auto found = picture.frontends.find(frontend_text(key));
      if (found == picture.frontends.end()) {
        text += fmt::format("{} is not in the tables\n", frontend_text(key));
      } else {
        text += compare(key, frontend, found->second, cases);
      }
    }
    text += compare_any_ports(picture, cases);
    for (const auto& [name, frontend] : picture.frontends) {
      if (!known(name)) text += fmt::format("{} should not be in the tables\n", name);
      ++cases;
    }
    return text;
  }

 private:
  static TableSizes sizes() {
    TableSizes sizes = small_sizes();
    sizes.backends = sizes.slots = 4096;
    sizes.services = 256;
    sizes.frontend_buckets4 = sizes.frontend_buckets6 = 64;
    return sizes;
  }

  std::set<ObjectName> readdress() {
    const ThisNode& node = model_.world.node;
    return planner_.set_node_addresses({.node_port_addresses = node.node_port_addresses, .node_ips = node.node_ips});
  }

  // K-85: every ClusterIP that is no host's is known as a whole, and no other address.
  std::string compare_any_ports(const Picture& picture, uint64_t& cases) const {
    std::set<std::string> wanted, found;
    for (const auto& [name, service] : model_.world.services) {
      if (!is_ours(service) || service.ports.empty()) continue;
      for (const IpAddress& cluster_ip : service.cluster_ips) {
        if (is_whole(model_.world, cluster_ip)) wanted.insert(any_port_text(cluster_ip));
      }
    }
    for (const auto& [address, owner] : picture.any_ports) found.insert(address);
    cases += wanted.size();
    if (wanted == found) return "";
    return fmt::format("ClusterIPs: {} expected, {} in the tables\n", fmt::join(wanted, " "), fmt::join(found, " "));
  }

  bool known(const std::string& name) const {
    return std::any_of(model_.frontends().begin(), model_.frontends().end(),
                       [&](const auto& one) { return frontend_text(one.first) == name; });
  }

  std::string compare(const FrontendKey& key, const Frontend& frontend, const FrontendPicture& seen,
                      uint64_t& cases) const {
    if (seen.service != owner_text(frontend.owner) || seen.external != frontend.is_external() ||
        seen.node_port != (frontend.kind == FrontendKind::kNodePort)) {
      return fmt::format("{} leads to {}, not to {}\n", frontend_text(key), seen.service, owner_text(frontend.owner));
    }
    std::string text;
    const bool ipv4 = key.first.address.family == Family::kIpv4;
    const Source sources[] = {{address(ipv4 ? "203.0.113.7" : "2001:db8:cc::7"), Link::kUplink},
                              {address(ipv4 ? "203.0.113.9" : "2001:db8:cc::9"), Link::kUplink},
                              {address(ipv4 ? "10.244.1.10" : "2001:db8:f1::10"), Link::kPod},
                              {address(ipv4 ? "198.18.0.1" : "2001:db8:80::1"), Link::kHost},
                              {address(ipv4 ? "192.0.2.1" : "2001:db8:1::1"), Link::kHost}};
    for (const Source& source : sources) {
      const bool is_outside = source.link != Link::kHost && !is_local_pod(model_.world, source);
      const std::string wanted = expected_answer(decide(model_.world, frontend, source));
      const std::string found = table_answer(seen, source.address, is_outside);
      if (found != wanted) {
        text += fmt::format("{} from {}: {} expected, {} in the tables\n", frontend_text(key), source.address.text(),
                            wanted, found);
      }
      ++cases;
    }
    return text;
  }

  Model model_;
  State state_;
  MemoryStore store_;
  Planner planner_;
};

Features features() { return {.scattered_nodes = true, .shared_addresses = true}; }

std::string run(const Scenario& scenario, uint64_t& cases) {
  History history(scenario.settings);
  for (const Step& step : scenario.steps) {
    history.apply(std::get<Event>(step));
    if (std::string wrong = history.difference(cases); !wrong.empty()) return wrong;
  }
  return "";
}

// Proves: I-20, I-25, I-26, I-40, I-41, I-42, I-43, I-44, I-47, I-48, I-54, I-80, I-81, I-82, I-83, I-84, I-85,
// K-06, K-10, K-11, K-15, K-16, K-17, K-22, K-27, K-28, K-30, K-31, K-32, K-33, K-34
TEST(PlannerAgainstTheModel, TablesSayWhatTheContractSays) {
  const uint64_t seed = from_environment("WAGGLE_TEST_SEED", std::random_device{}());
  const uint64_t wanted = from_environment("WAGGLE_TEST_CASES", 800'000);
  fmt::print("WAGGLE_TEST_SEED={}\n", seed);
  uint64_t cases = 0;
  for (uint64_t history = 0; cases < wanted; ++history) {
    Generator generator(seed + history, features());
    Scenario scenario{.settings = generator.settings()};
    for (int step = 0; step < 60; ++step) scenario.steps.emplace_back(generator.event());
    const std::string wrong = run(scenario, cases);
    if (wrong.empty()) continue;
    uint64_t uncounted = 0;
    const Scenario small = shrunk(scenario, [&](const Scenario& one) { return !run(one, uncounted).empty(); });
    FAIL() << "WAGGLE_TEST_SEED=" << seed << ", history " << history << ":\n"
           << wrong << "\nThe same, smaller:\n"
           << run(small, uncounted) << text_of(small);
  }
  fmt::print("{} cases\n", cases);
}

}  // namespace
}  // namespace waggle
