// SPDX-License-Identifier: Apache-2.0
// One pinned BPF link: made, given a new program, looked at, removed. Used by Attacher, TableReader and cleanup. No
// descriptor is kept: the pin holds the link, so it outlives the agent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace waggle {

// Where a link is attached, as the kernel says.
struct LinkTarget {
  uint32_t type = 0;       // enum bpf_link_type
  uint32_t ifindex = 0;    // tcx and xdp; 0: the device is gone
  uint64_t cgroup_id = 0;  // cgroup links; 0: the cgroup is gone
};

// The pinned link's target; nothing if there is no such pin.
Result<std::optional<LinkTarget>> pinned_link_target(const std::filesystem::path& pin);

// Gives a pinned link another program, without a gap.
Result<void> update_pinned_link(const std::filesystem::path& pin, int program_fd);

// Pins a new link; if that fails the link goes with its descriptor.
Result<void> pin_link(UniqueFd link, const std::filesystem::path& pin);

// Detaches at once and removes the pin; a pin that is not there is fine. Answers whether it was there.
Result<bool> remove_link(const std::filesystem::path& pin);

// "tc_ingress" and 7 out of "tc_ingress_7".
struct LinkPinName {
  std::string program;
  uint32_t ifindex = 0;
};
std::optional<LinkPinName> parse_link_pin(const std::string& name);
std::string link_pin_name(std::string_view program, uint32_t ifindex);

}  // namespace waggle
