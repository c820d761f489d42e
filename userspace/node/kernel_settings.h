// SPDX-License-Identifier: Apache-2.0
// Kernel settings of the node's network namespace that Waggle reads or changes (/proc/sys/net follows the namespace of
// the process, unlike /sys). Called by the daemon at start. `root` is "/proc/sys" but in tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/address.h"

namespace waggle {

inline constexpr char kProcSys[] = "/proc/sys";

// Both ends belong to the range; host byte order.
struct PortRange {
  uint16_t first = 0;
  uint16_t last = 0;

  auto operator<=>(const PortRange&) const = default;
};

// "80,1000-2000" as in net.ipv4.ip_local_reserved_ports; empty text is no range.
Result<std::vector<PortRange>> parse_port_ranges(std::string_view text);
std::string port_ranges_text(const std::vector<PortRange>& ranges);

// Sorted, overlapping and adjacent ranges joined.
std::vector<PortRange> merged_with(std::vector<PortRange> ranges, PortRange added);

// What of `ranges` is not in `taken`. Both sorted and joined, as merged_with() makes them; so is the answer.
std::vector<PortRange> without(const std::vector<PortRange>& ranges, const std::vector<PortRange>& taken);

// The ports that the kernel gives to no socket that does not ask for them (net.ipv4.ip_local_reserved_ports, valid for
// IPv6 too). Operators have theirs there, too: who adds some has to know which (node/reserved_ports.h).
Result<std::vector<PortRange>> read_reserved_ports(const std::string& root = kProcSys);
Result<void> write_reserved_ports(const std::vector<PortRange>& ranges, const std::string& root = kProcSys);

// Whether the node routes packets of this family at all; without it no pod behind a link is reached.
Result<bool> forwarding_enabled(Family family, const std::string& root = kProcSys);

// How early the kernel ends this process when memory runs out: -1000 (never) to 1000.
Result<void> set_oom_score(int score, const std::string& path = "/proc/self/oom_score_adj");

}  // namespace waggle
