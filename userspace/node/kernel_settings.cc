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

Result<void> reserve_ports(PortRange range, const std::string& root) {
  const std::string path = root + "/" + kReservedPorts;
  const auto text = read_setting(path);
  if (!text) return tl::unexpected(text.error());
  auto ranges = parse_port_ranges(*text);
  if (!ranges) return tl::unexpected(std::move(ranges.error()).in(path));
  const std::string wanted = port_ranges_text(merged_with(std::move(*ranges), range));
  if (wanted == *text) return {};
  return write_setting(path, wanted);
}

Result<bool> forwarding_enabled(Family family, const std::string& root) {
  const auto text =
      read_setting(root + (family == Family::kIpv4 ? "/net/ipv4/ip_forward" : "/net/ipv6/conf/all/forwarding"));
  if (!text) return tl::unexpected(text.error());
  return *text != "0";
}

Result<void> set_oom_score(int score, const std::string& path) { return write_setting(path, fmt::format("{}", score)); }

}  // namespace waggle
