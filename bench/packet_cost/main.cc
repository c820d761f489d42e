// SPDX-License-Identifier: Apache-2.0
// packet_cost: what a packet costs in the product's programs. Definitions and results: bench/README.md.
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "dataplane/errors.h"
#include "packet_cost/options.h"
#include "packet_cost/phase_run.h"
#include "packet_cost/test_network.h"

namespace waggle {
namespace {

Result<void> pin_to_cpu(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (::sched_setaffinity(0, sizeof(set), &set) != 0)
    return system_failure(fmt::format("moving to CPU {}", cpu), errno);
  return {};
}

void print_rows(const Options& options, const std::vector<ResultRow>& rows) {
  for (const auto& row : rows) fmt::print("{}", options.json ? json_line(row) + "\n" : table_line(row));
  std::fflush(stdout);
}

Result<void> run(const Options& options) {
  if (auto pinned = pin_to_cpu(options.cpu); !pinned) return pinned;
  auto uplink = enter_test_network();
  if (!uplink) return tl::unexpected(uplink.error());
  if (!options.json && !options.features) fmt::print("{}", table_head());
  std::vector<ResultRow> all;
  for (const wg_family family : {WG_IPV4, WG_IPV6}) {
    if (!(family == WG_IPV4 ? options.ipv4 : options.ipv6)) continue;
    for (const auto& phase : phases()) {
      if (options.features && !phase.is_about_features()) continue;
      auto rows = run_phase(options, phase, family, *uplink);
      if (!rows) return tl::unexpected(rows.error());
      if (!options.features || options.json) print_rows(options, *rows);
      all.insert(all.end(), rows->begin(), rows->end());
    }
  }
  if (options.features && !options.json) fmt::print("{}", features_table(all));
  return {};
}

int main_with(int argc, const char* const* argv) {
  auto options = parse_options(argc, argv);
  if (!options) {
    fmt::print(stderr, "packet_cost: {}\n", options.error().message);
    return 2;
  }
  if (!*options) return 0;
  if (auto done = run(**options); !done) {
    fmt::print(stderr, "packet_cost: {}\n", done.error().message);
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace waggle

int main(int argc, char** argv) { return waggle::main_with(argc, argv); }
