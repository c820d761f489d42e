// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tc_attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <net/if.h>

#include <array>
#include <cerrno>
#include <memory>

#include "dataplane/device.h"
#include "dataplane/errors.h"
#include "dataplane/libbpf_log.h"
#include "dataplane/link_pins.h"
#include "dataplane/link_types.h"
#include "dataplane/options.h"

namespace waggle {
namespace {

// Our filter's place among those of others on the same device. Handle and priority are ours by convention only, so a
// filter found there is checked before it is replaced.
constexpr uint32_t kHandle = 1;
constexpr uint32_t kPriority = 1090;

constexpr uint32_t kNoDevice = 0x7fffffff;

struct Side {
  Hook hook;
  uint32_t tcx_type;
  bpf_tc_attach_point clsact_point;
};
constexpr Side kEgress{Hook::kTcEgress, kAttachTcxEgress, BPF_TC_EGRESS};
constexpr Side kIngress{Hook::kTcIngress, kAttachTcxIngress, BPF_TC_INGRESS};

int program_of(const Side& side, const TcPrograms& programs) {
  return side.hook == Hook::kTcIngress ? programs.ingress_fd : programs.egress_fd;
}

std::string place_words(const Side& side, uint32_t ifindex) {
  return fmt::format("attaching {} to {}", hook_name(side.hook), device_words(ifindex));
}

// Answers whether a link of a previous run was there.
Result<bool> attach_tcx_side(const PinPaths& paths, uint32_t ifindex, const Side& side, int program_fd) {
  const auto pin = paths.links / link_pin_name(hook_name(side.hook), ifindex);
  auto target = pinned_link_target(pin);
  if (!target) return tl::unexpected(target.error());
  if (target->has_value() && (*target)->type == kLinkTypeTcx && (*target)->ifindex == ifindex) {
    return update_pinned_link(pin, program_fd).map([] { return true; });
  }
  if (auto removed = remove_link(pin); !removed) return tl::unexpected(removed.error());
  UniqueFd link(
      ::bpf_link_create(program_fd, static_cast<int>(ifindex), static_cast<bpf_attach_type>(side.tcx_type), nullptr));
  if (!link.valid()) return system_failure(place_words(side, ifindex), errno);
  return pin_link(std::move(link), pin).map([] { return false; });
}

bpf_tc_hook hook_of(const Side& side, uint32_t ifindex) {
  auto hook = sized_options<bpf_tc_hook>();
  hook.ifindex = static_cast<int>(ifindex);
  hook.attach_point = side.clsact_point;
  return hook;
}

bpf_tc_opts our_place() {
  auto options = sized_options<bpf_tc_opts>();
  options.handle = kHandle;
  options.priority = kPriority;
  return options;
}

bool uses_map(uint32_t program_id, uint32_t map_id) {
  const UniqueFd fd(::bpf_prog_get_fd_by_id(program_id));
  std::array<uint32_t, 64> maps{};
  bpf_prog_info info{};
  info.nr_map_ids = maps.size();
  info.map_ids = reinterpret_cast<uint64_t>(maps.data());
  uint32_t length = sizeof(info);
  if (!fd.valid() || ::bpf_obj_get_info_by_fd(fd.get(), &info, &length) != 0) return false;
  for (size_t i = 0; i < std::min<size_t>(info.nr_map_ids, maps.size()); ++i) {
    if (maps[i] == map_id) return true;
  }
  return false;
}

enum class Found : uint8_t { kNothing, kOurs, kOther };

Found find_filter(const Side& side, uint32_t ifindex, uint32_t owner_map_id) {
  const LibbpfLog quiet;
  const bpf_tc_hook hook = hook_of(side, ifindex);
  bpf_tc_opts place = our_place();
  if (::bpf_tc_query(&hook, &place) != 0) return Found::kNothing;
  return uses_map(place.prog_id, owner_map_id) ? Found::kOurs : Found::kOther;
}

Result<bool> attach_clsact_side(uint32_t ifindex, const Side& side, int program_fd, uint32_t owner_map_id) {
  const Found found = find_filter(side, ifindex, owner_map_id);
  if (found == Found::kOther) {
    return failure(
        fmt::format("{}: another program already has priority {} there; remove it with `tc filter del dev {} {} "
                    "prio {}`",
                    place_words(side, ifindex), kPriority, device_name(ifindex),
                    side.hook == Hook::kTcIngress ? "ingress" : "egress", kPriority),
        EBUSY);
  }
  const LibbpfLog quiet;
  const bpf_tc_hook hook = hook_of(side, ifindex);
  bpf_tc_opts place = our_place();
  place.prog_fd = program_fd;
  place.flags = found == Found::kOurs ? BPF_TC_F_REPLACE : 0;
  if (const int result = ::bpf_tc_attach(&hook, &place); result != 0) {
    return system_failure(place_words(side, ifindex), result);
  }
  return found == Found::kOurs;
}

Result<void> create_clsact(uint32_t ifindex) {
  const LibbpfLog quiet;
  bpf_tc_hook hook = hook_of(kIngress, ifindex);
  hook.attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS);
  const int result = ::bpf_tc_hook_create(&hook);
  if (result == 0 || result == -EEXIST) return {};
  return system_failure(fmt::format("creating the clsact qdisc on {}", device_words(ifindex)), result);
}

struct FreeNames {
  void operator()(struct if_nameindex* names) const { ::if_freenameindex(names); }
};

}  // namespace

bool kernel_has_tcx(int program_fd) {
  const UniqueFd link(::bpf_link_create(program_fd, static_cast<int>(kNoDevice),
                                        static_cast<bpf_attach_type>(kAttachTcxIngress), nullptr));
  return errno == ENODEV;
}

Result<AttachOutcome> attach_tcx(const PinPaths& paths, uint32_t ifindex, const TcPrograms& programs) {
  auto egress = attach_tcx_side(paths, ifindex, kEgress, programs.egress_fd);
  if (!egress) return tl::unexpected(egress.error());
  auto ingress = attach_tcx_side(paths, ifindex, kIngress, programs.ingress_fd);
  if (!ingress) {
    Error error = std::move(ingress.error());
    if (auto undone = detach_tcx(paths, ifindex); !undone) error.message += "; undoing: " + undone.error().message;
    return tl::unexpected(std::move(error));
  }
  return AttachOutcome{.mode = AttachMode::kTcx, .adopted = *egress && *ingress, .notice = {}};
}

Result<void> detach_tcx(const PinPaths& paths, uint32_t ifindex) {
  for (const Side& side : {kIngress, kEgress}) {
    auto removed = remove_link(paths.links / link_pin_name(hook_name(side.hook), ifindex));
    if (!removed) return tl::unexpected(removed.error());
  }
  return {};
}

Result<AttachOutcome> attach_clsact(uint32_t ifindex, const TcPrograms& programs, uint32_t owner_map_id) {
  if (auto created = create_clsact(ifindex); !created) return tl::unexpected(created.error());
  AttachOutcome outcome{.mode = AttachMode::kClsact, .adopted = true, .notice = {}};
  for (const Side& side : {kEgress, kIngress}) {
    auto done = attach_clsact_side(ifindex, side, program_of(side, programs), owner_map_id);
    if (done) {
      outcome.adopted = outcome.adopted && *done;
      continue;
    }
    Error error = std::move(done.error());
    if (auto undone = detach_clsact(ifindex, owner_map_id); !undone) {
      error.message += "; undoing: " + undone.error().message;
    }
    return tl::unexpected(std::move(error));
  }
  return outcome;
}

Result<unsigned> detach_clsact(uint32_t ifindex, uint32_t owner_map_id) {
  unsigned removed = 0;
  for (const Side& side : {kIngress, kEgress}) {
    if (find_filter(side, ifindex, owner_map_id) != Found::kOurs) continue;
    const LibbpfLog quiet;
    const bpf_tc_hook hook = hook_of(side, ifindex);
    const bpf_tc_opts place = our_place();
    if (const int result = ::bpf_tc_detach(&hook, &place); result != 0 && result != -ENOENT) {
      return system_failure(fmt::format("detaching {} from {}", hook_name(side.hook), device_words(ifindex)), result);
    }
    ++removed;
  }
  return removed;
}

std::vector<AttachedLink> attached_clsact(uint32_t owner_map_id) {
  std::vector<AttachedLink> attached;
  const std::unique_ptr<struct if_nameindex, FreeNames> names(::if_nameindex());
  for (const struct if_nameindex* name = names.get(); name != nullptr && name->if_index != 0; ++name) {
    for (const Side& side : {kIngress, kEgress}) {
      if (find_filter(side, name->if_index, owner_map_id) != Found::kOurs) continue;
      attached.push_back({name->if_index, side.hook, AttachMode::kClsact});
    }
  }
  return attached;
}

}  // namespace waggle
