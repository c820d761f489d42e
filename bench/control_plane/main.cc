// SPDX-License-Identifier: Apache-2.0
// control_plane: how fast the tables follow the Kubernetes API at scale, and what the agent needs for it. Definitions
// and results: bench/README.md.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "control_plane/options.h"
#include "control_plane/report.h"
#include "control_plane/rig.h"

namespace waggle {
namespace {

constexpr double kMs = 1e6;             // nanoseconds
constexpr double kMb = 1e6;             // bytes
constexpr double kMbOfKb = 1024 / 1e6;  // the kernel's kB

// What is asked for.
constexpr double kSyncMs = 100;
constexpr double kMedianMs = 1;
constexpr double kP99Ms = 5;
constexpr double kCpuPercent = 10;
constexpr double kResidentMb = 60;
constexpr double kMapsMb = 32;

class Report {
 public:
  explicit Report(bool json) : json_(json) {}

  void add(std::string what, double value, std::string unit, std::optional<double> limit = std::nullopt) {
    const Measured measured{std::move(what), value, std::move(unit), limit};
    fmt::print("{}", json_ ? json_row(measured) : table_row(measured));
    std::fflush(stdout);
  }

 private:
  bool json_;
};

double percent_of_core(const Changes& changes) {
  return 100.0 * static_cast<double>(changes.cpu_ns) / (changes.seconds * 1e9);
}

void report_latency(Report& report, const std::string& when, Changes changes, bool judged) {
  const auto limit = [judged](double value) { return judged ? std::optional(value) : std::nullopt; };
  report.add(when + ": server to published word, median", quantile(changes.from_server_ns, 0.5) / kMs, "ms",
             limit(kMedianMs));
  report.add(when + ": server to published word, p99", quantile(changes.from_server_ns, 0.99) / kMs, "ms",
             limit(kP99Ms));
  report.add(when + ": wire to published word, median", quantile(changes.from_wire_ns, 0.5) / kMs, "ms");
  report.add(when + ": wire to published word, p99", quantile(changes.from_wire_ns, 0.99) / kMs, "ms");
}

void report_sync(Report& report, const FirstSync& sync) {
  report.add("last byte of the lists to all tables", static_cast<double>(sync.published_ns - sync.listed_ns) / kMs,
             "ms", kSyncMs);
  report.add("CPU of the agent from its start to there", static_cast<double>(sync.cpu_ns) / kMs, "ms");
}

Result<void> report_room(Report& report, const Rig& rig) {
  const auto memory = rig.agent().memory();
  if (!memory) return tl::unexpected(memory.error());
  const auto maps = rig.tables().map_bytes();
  if (!maps) return tl::unexpected(maps.error());
  report.add("resident memory of the agent, maps apart", static_cast<double>(memory->resident_kb) * kMbOfKb, "MB",
             kResidentMb);
  report.add("peak of it, mapped maps included", static_cast<double>(memory->peak_kb) * kMbOfKb, "MB");
  report.add("maps beside the flow tables", static_cast<double>(maps->others) / kMb, "MB", kMapsMb);
  report.add("flow tables", static_cast<double>(maps->flow_tables) / kMb, "MB");
  return {};
}

Result<void> run(const Options& options) {
  auto rig = Rig::make(options);
  if (!rig) return tl::unexpected(rig.error());
  Report report(options.json);
  const auto sync = (*rig)->sync();
  if (!sync) return tl::unexpected(sync.error());
  report_sync(report, *sync);
  std::this_thread::sleep_for(std::chrono::seconds(3));  // the tables of the first sync are let go of
  const auto single = (*rig)->change(options.single_changes, options.single_rate);
  if (!single) return tl::unexpected(single.error());
  report_latency(report, fmt::format("{} changes/s", options.single_rate), *single, true);
  const auto load = (*rig)->change(options.load_changes, options.load_rate);
  if (!load) return tl::unexpected(load.error());
  report.add("changes a second that the server managed", options.load_changes / load->seconds, "1/s");
  report.add(fmt::format("CPU at {} changes/s, of a core", options.load_rate), percent_of_core(*load), "%",
             kCpuPercent);
  report_latency(report, fmt::format("{} changes/s", options.load_rate), *load, false);
  return report_room(report, **rig);
}

int main_with(int argc, const char* const* argv) {
  const auto options = parse_options(argc, argv);
  if (!options) {
    fmt::print(stderr, "control_plane: {}\n", options.error().message);
    return 2;
  }
  if (!*options) return 0;
  if (auto done = run(**options); !done) {
    fmt::print(stderr, "control_plane: {}\n", done.error().message);
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace waggle

int main(int argc, char** argv) { return waggle::main_with(argc, argv); }
