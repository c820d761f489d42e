// SPDX-License-Identifier: Apache-2.0
#include "node/kernel_settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "node/setting_file.h"

namespace waggle {
namespace {

constexpr char kReservedPorts[] = "net/ipv4/ip_local_reserved_ports";

std::optional<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

std::optional<PortRange> parse_range(std::string_view text) {
  const size_t dash = text.find('-');
  const auto first = parse_port(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_port(text.substr(dash + 1));
  if (!first.has_value() || !last.has_value() || *first > *last) return std::nullopt;
  return PortRange{*first, *last};
}

}  // namespace

Result<std::vector<PortRange>> parse_port_ranges(std::string_view text) {
  std::vector<PortRange> ranges;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const auto range = parse_range(part);
    if (!range.has_value()) return failure(fmt::format("'{}' is no port or range of ports", part));
    ranges.push_back(*range);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return ranges;
}

std::string port_ranges_text(const std::vector<PortRange>& ranges) {
  std::vector<std::string> parts;
  for (const PortRange& range : ranges)
    parts.push_back(range.first == range.last ? fmt::format("{}", range.first)
                                              : fmt::format("{}-{}", range.first, range.last));
  return fmt::format("{}", fmt::join(parts, ","));
}

std::vector<PortRange> merged_with(std::vector<PortRange> ranges, PortRange added) {
  ranges.push_back(added);
  std::ranges::sort(ranges);
  std::vector<PortRange> merged;
  for (const PortRange& range : ranges) {
    if (!merged.empty() && range.first <= merged.back().last + 1)
      merged.back().last = std::max(merged.back().last, range.last);
    else
      merged.push_back(range);
  }
  return merged;
}

std::vector<PortRange> without(const std::vector<PortRange>& ranges, const std::vector<PortRange>& taken) {
  std::vector<PortRange> left;
  for (const PortRange& range : ranges) {
    uint32_t first = range.first;  // of what is left of it; past the last port where nothing is
    for (const PortRange& gone : taken) {
      if (gone.last < first || gone.first > range.last) continue;
      if (gone.first > first) left.push_back({static_cast<uint16_t>(first), static_cast<uint16_t>(gone.first - 1)});
      first = gone.last + 1u;
    }
    if (first <= range.last) left.push_back({static_cast<uint16_t>(first), range.last});
  }
  return left;
}

Result<std::vector<PortRange>> read_reserved_ports(const std::string& root) {
  const std::string path = root + "/" + kReservedPorts;
  const auto text = read_setting(path);
  if (!text) return tl::unexpected(text.error());
  auto ranges = parse_port_ranges(*text);
  if (!ranges) return tl::unexpected(std::move(ranges.error()).in(path));
  return ranges;
}

// An empty text would be no write at all: a line feed clears the setting.
Result<void> write_reserved_ports(const std::vector<PortRange>& ranges, const std::string& root) {
  return write_setting(root + "/" + kReservedPorts, port_ranges_text(ranges) + "\n");
}

Result<bool> forwarding_enabled(Family family, const std::string& root) {
  const auto text =
      read_setting(root + (family == Family::kIpv4 ? "/net/ipv4/ip_forward" : "/net/ipv6/conf/all/forwarding"));
  if (!text) return tl::unexpected(text.error());
  return *text != "0";
}

Result<void> set_oom_score(int score, const std::string& path) { return write_setting(path, fmt::format("{}", score)); }

}  // namespace waggle
