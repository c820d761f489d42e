// SPDX-License-Identifier: Apache-2.0
#include "dataplane/xdp_attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/if_link.h>

#include <cerrno>

#include "dataplane/device.h"
#include "dataplane/errors.h"
#include "dataplane/libbpf_log.h"
#include "dataplane/link_pins.h"
#include "dataplane/options.h"

namespace waggle {
namespace {

Result<UniqueFd> create_link(uint32_t ifindex, int program_fd, uint32_t mode_flag) {
  auto options = sized_options<bpf_link_create_opts>();
  options.flags = mode_flag;
  UniqueFd link(::bpf_link_create(program_fd, static_cast<int>(ifindex), BPF_XDP, &options));
  if (!link.valid()) return system_failure(fmt::format("attaching xdp_ingress to {}", device_words(ifindex)), errno);
  return link;
}

uint32_t attached_program(uint32_t ifindex) {
  const LibbpfLog quiet;
  uint32_t id = 0;
  return ::bpf_xdp_query_id(static_cast<int>(ifindex), 0, &id) == 0 ? id : 0;
}

tl::unexpected<Error> occupied(uint32_t ifindex, uint32_t program_id) {
  return failure(
      fmt::format("attaching xdp_ingress to {}: another XDP program (id {}) is there, and a device has room for "
                  "one; remove it with `ip link set dev {} xdp off` (or end its owner), or run without XDP",
                  device_words(ifindex), program_id, device_name(ifindex)),
      EBUSY);
}

Result<AttachOutcome> attach_new(const std::filesystem::path& pin, uint32_t ifindex, int program_fd) {
  if (const uint32_t other = attached_program(ifindex); other != 0) return occupied(ifindex, other);
  AttachOutcome outcome{.mode = AttachMode::kXdpNative, .adopted = false, .notice = {}};
  auto link = create_link(ifindex, program_fd, XDP_FLAGS_DRV_MODE);
  if (!link && (link.error().code == EOPNOTSUPP || link.error().code == EINVAL)) {
    outcome.mode = AttachMode::kXdpGeneric;
    outcome.notice = fmt::format("{}: its driver cannot run XDP ({}), so XDP runs in the kernel's slower generic hook",
                                 device_words(ifindex), error_words(link.error().code));
    link = create_link(ifindex, program_fd, XDP_FLAGS_SKB_MODE);
  }
  if (!link) return tl::unexpected(link.error());
  if (auto pinned = pin_link(std::move(*link), pin); !pinned) return tl::unexpected(pinned.error());
  return outcome;
}

std::filesystem::path pin_of(const PinPaths& paths, uint32_t ifindex) {
  return paths.links / link_pin_name(hook_name(Hook::kXdp), ifindex);
}

}  // namespace

AttachMode xdp_mode(uint32_t ifindex) {
  const LibbpfLog quiet;
  auto query = sized_options<bpf_xdp_query_opts>();
  const bool known = ::bpf_xdp_query(static_cast<int>(ifindex), 0, &query) == 0;
  return known && query.attach_mode == XDP_ATTACHED_SKB ? AttachMode::kXdpGeneric : AttachMode::kXdpNative;
}

Result<AttachOutcome> attach_xdp_link(const PinPaths& paths, uint32_t ifindex, int program_fd) {
  const auto pin = pin_of(paths, ifindex);
  auto target = pinned_link_target(pin);
  if (!target) return tl::unexpected(target.error());
  if (target->has_value() && (*target)->ifindex == ifindex) {
    if (auto updated = update_pinned_link(pin, program_fd); !updated) return tl::unexpected(updated.error());
    return AttachOutcome{.mode = xdp_mode(ifindex), .adopted = true, .notice = {}};
  }
  if (auto removed = remove_link(pin); !removed) return tl::unexpected(removed.error());
  return attach_new(pin, ifindex, program_fd);
}

Result<void> detach_xdp_link(const PinPaths& paths, uint32_t ifindex) {
  return remove_link(pin_of(paths, ifindex)).map([](bool) {});
}

}  // namespace waggle
