// SPDX-License-Identifier: Apache-2.0
#include "node/reserved_ports.h"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>

#include "node/setting_file.h"

namespace waggle {
namespace {

namespace fs = std::filesystem;

fs::path record_in(const fs::path& run_dir) { return run_dir / "reserved_ports"; }

// None where there is no record.
Result<std::vector<PortRange>> remembered(const fs::path& run_dir) {
  const auto text = read_setting(record_in(run_dir));
  if (!text && text.error().code == ENOENT) return std::vector<PortRange>{};
  if (!text) return tl::unexpected(text.error());
  auto ranges = parse_port_ranges(*text);
  if (!ranges) return tl::unexpected(std::move(ranges.error()).in(record_in(run_dir).string()));
  return ranges;
}

tl::unexpected<Error> cannot_remember(const fs::path& path) {
  return failure(fmt::format("{}: cannot write down which ports Waggle reserves", path.string()));
}

Result<void> remember_all(const std::vector<PortRange>& ranges, const fs::path& run_dir) {
  std::error_code error;
  fs::create_directories(run_dir, error);
  const fs::path draft = run_dir / ".reserved_ports";
  std::ofstream out(draft, std::ios::trunc);
  out << port_ranges_text(ranges) << '\n';
  out.close();
  if (!out) return cannot_remember(draft);
  fs::rename(draft, record_in(run_dir), error);
  if (error) return cannot_remember(record_in(run_dir));
  return {};
}

std::vector<PortRange> merged(std::vector<PortRange> ranges, const std::vector<PortRange>& added) {
  for (const PortRange& range : added) ranges = merged_with(std::move(ranges), range);
  return ranges;
}

Result<void> remember_too(const std::vector<PortRange>& added, const fs::path& run_dir) {
  auto known = remembered(run_dir);
  if (!known) return tl::unexpected(known.error());
  return remember_all(merged(std::move(*known), added), run_dir);
}

}  // namespace

Result<std::string> reserve_ports(PortRange range, const fs::path& run_dir, const std::string& root) {
  const auto reserved = read_reserved_ports(root);
  if (!reserved) return tl::unexpected(reserved.error());
  const auto added = without({range}, merged({}, *reserved));
  if (added.empty()) return "";
  const auto noted = remember_too(added, run_dir);
  if (auto set = write_reserved_ports(merged(*reserved, added), root); !set) return tl::unexpected(set.error());
  return noted ? "" : noted.error().message;
}

Result<std::vector<PortRange>> release_ports(const fs::path& run_dir, const std::string& root) {
  const auto known = remembered(run_dir);
  if (!known || known->empty()) return known;
  const auto reserved = read_reserved_ports(root);
  if (!reserved) return tl::unexpected(reserved.error());
  const auto before = merged({}, *reserved);
  const auto left = without(before, *known);
  if (left != before) {
    if (auto set = write_reserved_ports(left, root); !set) return tl::unexpected(set.error());
  }
  std::error_code absent;
  fs::remove(record_in(run_dir), absent);
  return without(before, left);
}

}  // namespace waggle
