// SPDX-License-Identifier: Apache-2.0
// The real TC and XDP programs against the reference model: random objects, packets of clients, answers of backends,
// changes in between, and every packet compared whole. WAGGLE_TEST_SEED repeats a run, WAGGLE_TEST_CASES makes it
// longer. A mismatch shrinks to a case that can be kept in cases/.
#include <fmt/format.h>

#include <random>

#include "reference_run.h"
#include "support/random_packets.h"
#include "support/reference/generator.h"

namespace waggle {
namespace {

using namespace reference;  // NOLINT: the model's words are this test's

constexpr int kFirstEvents = 16;
constexpr int kPackets = 300;
constexpr uint32_t kPacketsAnEvent = 25;
constexpr uint32_t kPacketsAPause = 60;
constexpr uint32_t kPacketsACall = 12;
constexpr uint64_t kPacketsForChance = 100'000;

struct Policy {
  const char* name;
  bool snat_always;
  bool masquerade_all;
};
void PrintTo(const Policy& policy, std::ostream* out) { *out << policy.name; }

class PacketsAgainstTheModel : public testing::TestWithParam<Policy> {
 protected:
  [[nodiscard]] Settings settings(Generator& generator) const {
    Settings settings = generator.settings();
    settings.snat_always = GetParam().snat_always;
    settings.masquerade_all = GetParam().masquerade_all;
    return settings;
  }

  static Step any_step(Generator& generator, const Model& model) {
    if (generator.one_in(kPacketsAnEvent)) return generator.event();
    if (generator.one_in(kPacketsAPause)) return generator.pause();
    if (generator.one_in(kPacketsACall)) return generator.call(model);
    return generator.packet(model);
  }

  // A random history as far as it goes well; what went wrong with its last step.
  std::string live_through(Generator& generator, Scenario& scenario) {
    scenario.settings = settings(generator);
    ReferenceRun run(rig_of(scenario.settings), scenario.settings, counts_);
    for (int step = 0; step < kFirstEvents + kPackets; ++step) {
      scenario.steps.push_back(step < kFirstEvents ? Step(generator.event()) : any_step(generator, run.model()));
      if (std::string wrong = run.take(scenario.steps.back()); !wrong.empty()) {
        return fmt::format("{}{}\n{} entries spilled\n", text_of(scenario.steps.back()), wrong,
                           rig_of(scenario.settings).spilled());
      }
    }
    return "";
  }

  // What is chosen at random may hide a failure: it counts if one of several runs fails.
  static bool fails(const Scenario& scenario) {
    ReferenceCounts uncounted;
    for (int attempt = 0; attempt < 6; ++attempt) {
      ReferenceRun run(rig_of(scenario.settings), scenario.settings, uncounted);
      if (!run.take_all(scenario).empty()) return true;
    }
    return false;
  }

  static std::string report(const Scenario& scenario) {
    if (!fails(scenario)) return "It does not fail each time: nothing to make smaller.\n" + text_of(scenario);
    const Scenario small = shrunk(scenario, fails);
    ReferenceCounts uncounted;
    std::string wrong;
    for (int attempt = 0; attempt < 20 && wrong.empty(); ++attempt) {
      wrong = ReferenceRun(rig_of(small.settings), small.settings, uncounted).take_all(small);
    }
    return fmt::format("{}\nThe whole case, for tests/packet/cases:\n{}", wrong, text_of(small));
  }

  ReferenceCounts counts_;
};

INSTANTIATE_TEST_SUITE_P(, PacketsAgainstTheModel,
                         testing::Values(Policy{"SnatNeeded", false, false}, Policy{"SnatAlways", true, false},
                                         Policy{"MasqueradeAll", true, true}),
                         [](const auto& one) { return one.param.name; });

// Proves: K-01, K-02, K-03, K-05, K-06, K-09, K-10, K-13, K-14, K-15, K-16, K-17, K-18, K-19, K-20, K-21, K-22, K-23,
// K-26, K-27, K-28, K-50, K-52, K-53, K-55, K-56, K-57, K-58, K-59, K-61, K-62, K-63, K-64, K-66, K-68, K-69, K-75,
// K-76, K-78, K-79, K-80, K-83, K-85, K-86, K-87, K-90, K-101, K-122, K-123, K-125, O-75
TEST_P(PacketsAgainstTheModel, DoWhatTheContractSays) {
  const uint64_t seed = from_environment("WAGGLE_TEST_SEED", std::random_device{}());
  const uint64_t wanted = from_environment("WAGGLE_TEST_CASES", 140'000);
  fmt::print("WAGGLE_TEST_SEED={}\n", seed);
  for (uint64_t history = 0; counts_["packets"] < wanted; ++history) {
    Generator generator(seed + history, Features{});
    Scenario scenario;
    const std::string wrong = live_through(generator, scenario);
    if (wrong.empty()) continue;
    FAIL() << "WAGGLE_TEST_SEED=" << seed << ", history " << history << ":\n" << wrong << "\n" << report(scenario);
  }
  for (const auto& [what, count] : counts_) fmt::print("{:10} {}\n", count, what);
  if (wanted >= kPacketsForChance) {
    EXPECT_GT(counts_[kNotAsMemorySays], 0u) << "memories do not age (K-65)";
  }
}

}  // namespace
}  // namespace waggle
