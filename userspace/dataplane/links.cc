// SPDX-License-Identifier: Apache-2.0
#include "dataplane/links.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <set>

#include "dataplane/link_pins.h"
#include "dataplane/tc_attach.h"
#include "dataplane/xdp_attach.h"

namespace waggle {
namespace {

constexpr std::array<std::string_view, 3> kHookNames = {"tc_ingress", "tc_egress", "xdp_ingress"};
constexpr std::array<std::string_view, 4> kModeNames = {"tcx", "clsact", "native", "generic"};

std::optional<Hook> hook_of(std::string_view program) {
  const auto* name = std::ranges::find(kHookNames, program);
  if (name == kHookNames.end()) return std::nullopt;
  return static_cast<Hook>(name - kHookNames.begin());
}

using DeviceLinkVisitor = std::function<Result<void>(const std::filesystem::path& pin, uint32_t ifindex, Hook hook,
                                                     const LinkTarget& target)>;

Result<void> visit_device_links(const PinPaths& paths, const DeviceLinkVisitor& visit) {
  for (const auto& name : pin_names(paths.links)) {
    const auto parsed = parse_link_pin(name);
    const auto hook = parsed ? hook_of(parsed->program) : std::nullopt;
    if (!hook) continue;
    auto target = pinned_link_target(paths.links / name);
    if (!target) return tl::unexpected(target.error());
    if (!target->has_value()) continue;  // removed since it was listed
    if (auto done = visit(paths.links / name, parsed->ifindex, *hook, **target); !done) return done;
  }
  return {};
}

}  // namespace

std::string_view hook_name(Hook hook) { return kHookNames[static_cast<size_t>(hook)]; }
std::string_view attach_mode_name(AttachMode mode) { return kModeNames[static_cast<size_t>(mode)]; }

Result<std::vector<AttachedLink>> list_attached(const PinPaths& paths, uint32_t owner_map_id) {
  std::vector<AttachedLink> attached = attached_clsact(owner_map_id);
  auto done = visit_device_links(
      paths, [&](const std::filesystem::path&, uint32_t ifindex, Hook hook, const LinkTarget& target) -> Result<void> {
        if (target.ifindex != ifindex) return {};
        attached.push_back({ifindex, hook, hook == Hook::kXdp ? xdp_mode(ifindex) : AttachMode::kTcx});
        return {};
      });
  if (!done) return tl::unexpected(done.error());
  std::ranges::sort(attached, {}, [](const AttachedLink& link) { return std::pair(link.ifindex, link.hook); });
  return attached;
}

Result<std::vector<uint32_t>> prune_links(const PinPaths& paths) {
  std::set<uint32_t> gone;
  auto done = visit_device_links(
      paths, [&](const std::filesystem::path& pin, uint32_t ifindex, Hook, const LinkTarget& target) -> Result<void> {
        if (target.ifindex != 0) return {};
        gone.insert(ifindex);
        return remove_link(pin).map([](bool) {});
      });
  if (!done) return tl::unexpected(done.error());
  return std::vector<uint32_t>(gone.begin(), gone.end());
}

}  // namespace waggle
