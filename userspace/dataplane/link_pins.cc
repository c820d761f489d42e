// SPDX-License-Identifier: Apache-2.0
#include "dataplane/link_pins.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "dataplane/errors.h"
#include "dataplane/link_types.h"

namespace waggle {
namespace fs = std::filesystem;

namespace {

Result<UniqueFd> open_link(const fs::path& pin) {
  UniqueFd fd(::bpf_obj_get(pin.c_str()));
  if (!fd.valid()) return system_failure(fmt::format("opening link {}", pin.string()), errno);
  return fd;
}

}  // namespace

Result<std::optional<LinkTarget>> pinned_link_target(const fs::path& pin) {
  auto fd = open_link(pin);
  if (!fd && fd.error().code == ENOENT) return std::nullopt;
  if (!fd) return tl::unexpected(fd.error());
  bpf_link_info info{};
  uint32_t length = sizeof(info);
  if (::bpf_obj_get_info_by_fd(fd->get(), &info, &length) != 0) {
    return system_failure(fmt::format("asking about link {}", pin.string()), errno);
  }
  LinkTarget target{.type = info.type};
  if (info.type == BPF_LINK_TYPE_CGROUP) target.cgroup_id = info.cgroup.cgroup_id;
  // A tcx link's ifindex stands at the same place of the union.
  if (info.type == BPF_LINK_TYPE_XDP || info.type == kLinkTypeTcx) target.ifindex = info.xdp.ifindex;
  return target;
}

Result<void> update_pinned_link(const fs::path& pin, int program_fd) {
  auto fd = open_link(pin);
  if (!fd) return tl::unexpected(fd.error());
  if (::bpf_link_update(fd->get(), program_fd, nullptr) != 0) {
    return system_failure(fmt::format("putting the new program into link {}", pin.string()), errno);
  }
  return {};
}

Result<void> pin_link(UniqueFd link, const fs::path& pin) {
  if (::bpf_obj_pin(link.get(), pin.c_str()) != 0) {
    return system_failure(fmt::format("pinning link {}", pin.string()), errno);
  }
  return {};
}

Result<bool> remove_link(const fs::path& pin) {
  // Without its own word a link would go only some time after its pin, and the same program could not come back at
  // once. A link whose device is gone has nothing to detach: what counts is that the pin goes.
  const UniqueFd fd(::bpf_obj_get(pin.c_str()));
  if (fd.valid()) ::bpf_link_detach(fd.get());
  if (::unlink(pin.c_str()) == 0) return true;
  if (errno == ENOENT) return false;
  return system_failure(fmt::format("removing link {}", pin.string()), errno);
}

std::optional<LinkPinName> parse_link_pin(const std::string& name) {
  const size_t end = name.rfind('_');
  if (end == std::string::npos) return std::nullopt;
  LinkPinName parsed{name.substr(0, end), 0};
  const char* last = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + end + 1, last, parsed.ifindex);
  if (error != std::errc{} || stop != last) return std::nullopt;
  return parsed;
}

std::string link_pin_name(std::string_view program, uint32_t ifindex) { return fmt::format("{}_{}", program, ifindex); }

}  // namespace waggle
