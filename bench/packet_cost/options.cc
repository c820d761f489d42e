// SPDX-License-Identifier: Apache-2.0
#include "packet_cost/options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <boost/program_options.hpp>
#include <cstdio>
#include <sstream>

namespace waggle {
namespace {

namespace po = boost::program_options;

constexpr uint32_t kMaxFlows = 1u << 21;

po::options_description describe(Options& options, std::string& families) {
  po::options_description description(
      "packet_cost: what a packet costs in the programs, beside a floor and beside an LRU hash (bench/README.md)");
  auto add = description.add_options();
  add("help", "this text");
  add("json", po::bool_switch(&options.json), "one JSON object a line instead of a table");
  add("features", po::bool_switch(&options.features),
      "what affinity, source ranges, fragments and SCTP cost beside plain services, as a table in Markdown");
  add("quick", "small tables and few rounds: seconds, and numbers that only show that it runs");
  add("flows", po::value<std::vector<uint32_t>>()->multitoken(), "how many flows; powers of two (1 131072 1048576)");
  add("rounds", po::value(&options.rounds), "interleaved rounds (9)");
  add("loads", po::value(&options.loads), "how often all is loaded anew; results are medians over loads (1)");
  add("repeats", po::value(&options.repeats), "packets of one measurement (200000)");
  add("cpu", po::value(&options.cpu), "the CPU to run on (1)");
  add("case", po::value(&options.only), "only cases whose name contains this");
  add("family", po::value(&families), "4 or 6: only IPv4 or IPv6");
  return description;
}

void apply_quick(Options& options) {
  options.flows = {1, 1024};
  options.rounds = 3;
  options.repeats = 2000;
}

Result<void> check(Options& options) {
  std::ranges::sort(options.flows);
  for (const uint32_t flows : options.flows)
    if (!std::has_single_bit(flows) || flows > kMaxFlows)
      return failure(fmt::format("--flows {}: it must be a power of two, {} at most", flows, kMaxFlows));
  if (options.flows.empty() || options.rounds == 0 || options.loads == 0 || options.repeats == 0)
    return failure("--flows, --rounds, --loads and --repeats must be at least 1");
  const auto cpus = static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN));
  options.cpu = std::min(options.cpu, cpus - 1);
  return {};
}

Result<std::optional<Options>> parse(int argc, const char* const* argv) {
  Options options;
  std::string families;
  const auto description = describe(options, families);
  po::variables_map values;
  po::store(po::parse_command_line(argc, argv, description), values);
  if (values.contains("help")) {
    std::ostringstream text;
    text << description;
    fmt::print("{}", text.str());
    return std::nullopt;
  }
  if (values.contains("quick")) apply_quick(options);
  po::notify(values);
  if (values.contains("flows")) options.flows = values["flows"].as<std::vector<uint32_t>>();
  if (!families.empty() && families != "4" && families != "6")
    return failure(fmt::format("--family {}: it must be 4 or 6", families));
  options.ipv4 = families != "6";
  options.ipv6 = families != "4";
  if (auto checked = check(options); !checked) return tl::unexpected(checked.error());
  return options;
}

}  // namespace

Result<std::optional<Options>> parse_options(int argc, const char* const* argv) {
  try {
    return parse(argc, argv);
  } catch (const std::exception& error) {
    return failure(error.what());
  }
}

}  // namespace waggle
