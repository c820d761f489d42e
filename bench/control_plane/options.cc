// SPDX-License-Identifier: Apache-2.0
#include "control_plane/options.h"

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <cstdio>
#include <sstream>

namespace waggle {
namespace {

namespace po = boost::program_options;

po::options_description describe(Options& options, std::string& waggle) {
  po::options_description description(
      "control_plane: what the agent needs for lists and changes of the Kubernetes API (bench/README.md)");
  auto add = description.add_options();
  add("help", "this text");
  add("json", po::bool_switch(&options.json), "one JSON object a line instead of a table");
  add("services", po::value(&options.services), "how many services (10000)");
  add("endpoints", po::value(&options.endpoints), "endpoints of each (10)");
  add("changes", po::value(&options.single_changes), "changes whose latency is measured (1000)");
  add("rate", po::value(&options.single_rate), "of those, a second (100)");
  add("load-changes", po::value(&options.load_changes), "changes under which CPU is measured (10000)");
  add("load-rate", po::value(&options.load_rate), "of those, a second (1000)");
  add("waggle", po::value(&waggle), "the program (userspace/waggle of the same build)");
  return description;
}

// Each service changes once at most, so that no change hides another.
Result<void> check(const Options& options) {
  if (options.services == 0 || options.endpoints == 0 || options.single_rate == 0 || options.load_rate == 0)
    return failure("--services, --endpoints, --rate and --load-rate must be at least 1");
  if (options.single_changes > options.services || options.load_changes > options.services)
    return failure("--changes and --load-changes must not be more than --services");
  if (options.single_changes == 0 || options.load_changes == 0)
    return failure("--changes and --load-changes must be at least 1");
  return {};
}

std::filesystem::path beside_this_program() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().parent_path() / "userspace/waggle";
}

Result<std::optional<Options>> parse(int argc, const char* const* argv) {
  Options options;
  std::string waggle;
  const auto description = describe(options, waggle);
  po::variables_map values;
  po::store(po::parse_command_line(argc, argv, description), values);
  po::notify(values);
  if (values.contains("help")) {
    std::ostringstream text;
    text << description;
    fmt::print("{}", text.str());
    return std::nullopt;
  }
  options.waggle = waggle.empty() ? beside_this_program() : std::filesystem::path(waggle);
  if (auto checked = check(options); !checked) return tl::unexpected(checked.error());
  return options;
}

}  // namespace

Result<std::optional<Options>> parse_options(int argc, const char* const* argv) {
  try {
    return parse(argc, argv);
  } catch (const po::error& error) {
    return failure(error.what());
  }
}

}  // namespace waggle
