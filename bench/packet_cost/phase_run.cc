// SPDX-License-Identifier: Apache-2.0
#include "packet_cost/phase_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>

namespace waggle {
namespace {

// Flows of cases that open new ones start here, beyond any that is filled in.
constexpr uint32_t kNewFlows = 1u << 23;

using Key = std::pair<size_t, uint32_t>;  // number of the case in its phase, flows

struct Collected {
  std::vector<Numbers> loads;
  ProgramSize size;
};

class PhaseRun {
 public:
  PhaseRun(const Options& options, const Phase& phase, wg_family family, uint32_t uplink)
      : options_(options), phase_(phase), family_(family), uplink_(uplink) {}

  [[nodiscard]] bool wanted() const {
    return std::ranges::any_of(phase_.cases, [this](const Case& test) { return is_wanted(test); });
  }

  Result<void> load() {
    auto rig = Rig::make({family_, phase_.snat, most_flows(), uplink_, phase_.feature});
    if (!rig) return tl::unexpected(rig.error());
    if (phase_.table == TableState::kEstablished) return established(*rig);
    if (phase_.table == TableState::kFull)
      if (auto filled = rig->fill_up(); !filled) return filled;
    return opening(*rig);
  }

  [[nodiscard]] std::vector<ResultRow> rows() const {
    std::vector<ResultRow> rows;
    for (const auto& [key, collected] : collected_) {
      const Case& test = phase_.cases[key.first];
      rows.push_back({test.name, test.hook, family_, key.second, median_of(collected.loads), collected.size});
    }
    return rows;
  }

 private:
  [[nodiscard]] bool is_wanted(const Case& test) const {
    return std::string_view(test.name).find(options_.only) != std::string_view::npos;
  }
  // Features are measured on few flows: what they add does not depend on the flow table.
  [[nodiscard]] std::vector<uint32_t> established_flows() const {
    if (options_.features || phase_.feature != Feature::kPlain) return {options_.flows.front()};
    return options_.flows;
  }
  [[nodiscard]] uint32_t most_flows() const { return options_.flows.back(); }

  // Often enough that what is cached by chance at the start does not matter; short enough to end within the second in
  // which flows count as just seen.
  [[nodiscard]] uint32_t repeats_for(uint32_t flows) const {
    return std::clamp(4 * flows, options_.repeats, 3 * options_.repeats);
  }

  Result<void> established(Rig& rig) {
    uint32_t filled = 0;
    for (const uint32_t flows : established_flows()) {
      if (auto done = rig.fill(filled, flows); !done) return done;
      filled = flows;
      for (size_t i = 0; i < phase_.cases.size(); ++i) {
        const MeasureRequest request{phase_.cases[i], phase_.feature,  family_,           0,
                                     flows,           options_.rounds, repeats_for(flows)};
        if (auto done = measure(rig, i, request); !done) return done;
      }
    }
    return {};
  }

  // Every packet opens a flow. All cases together, with their rehearsals, stay within the live flows there is room for.
  Result<void> opening(const Rig& rig) {
    const auto stretches = static_cast<uint32_t>(phase_.cases.size()) * (options_.rounds + 1);
    const uint32_t repeats = std::clamp(most_flows() / stretches, 1u, options_.repeats);
    const uint32_t room = std::max(1u << 20, most_flows());
    for (size_t i = 0; i < phase_.cases.size(); ++i) {
      const auto first = kNewFlows + static_cast<uint32_t>(i) * room;
      MeasureRequest request{phase_.cases[i], phase_.feature, family_, first, room, options_.rounds, repeats};
      if (auto done = measure(rig, i, request); !done) return done;
    }
    return {};
  }

  Result<void> measure(const Rig& rig, size_t number, const MeasureRequest& request) {
    if (!is_wanted(request.test)) return {};
    show_progress(request);
    auto rounds = measure_case(rig, request);
    if (!rounds) return tl::unexpected(rounds.error());
    auto size = program_size(rig.contestants(request.test.hook, request.test.egress).product);
    if (!size) return tl::unexpected(size.error());
    const bool opens = phase_.table != TableState::kEstablished;
    Collected& collected = collected_[{number, opens ? most_flows() : request.flows}];
    collected.loads.push_back(numbers_of(*rounds));
    collected.size = *size;
    return {};
  }

  void show_progress(const MeasureRequest& request) const {
    if (::isatty(STDERR_FILENO) == 0) return;
    fmt::print(stderr, "\r\x1b[K{} {} IPv{} {} flows\r", request.test.name, test_hook_name(request.test.hook),
               family_ == WG_IPV4 ? 4 : 6, request.flows);
  }

  const Options& options_;
  const Phase& phase_;
  wg_family family_;
  uint32_t uplink_;
  std::map<Key, Collected> collected_;
};

}  // namespace

Result<std::vector<ResultRow>> run_phase(const Options& options, const Phase& phase, wg_family family,
                                         uint32_t uplink_ifindex) {
  PhaseRun run(options, phase, family, uplink_ifindex);
  if (!run.wanted()) return std::vector<ResultRow>();
  for (unsigned load = 0; load < options.loads; ++load)
    if (auto loaded = run.load(); !loaded) return tl::unexpected(loaded.error());
  return run.rows();
}

}  // namespace waggle
