// SPDX-License-Identifier: Apache-2.0
#include "dataplane/cgroup_attach.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <array>
#include <cerrno>
#include <vector>

#include "dataplane/errors.h"
#include "dataplane/link_pins.h"

namespace waggle {
namespace fs = std::filesystem;

namespace {

struct SocketHook {
  const char* program;
  bpf_attach_type type;
};

// What undoes a translation comes before what makes one; detaching goes the other way.
constexpr std::array kSocketHooks = {
    SocketHook{"sock_getpeername4", BPF_CGROUP_INET4_GETPEERNAME},
    SocketHook{"sock_getpeername6", BPF_CGROUP_INET6_GETPEERNAME},
    SocketHook{"sock_recvmsg4", BPF_CGROUP_UDP4_RECVMSG},
    SocketHook{"sock_recvmsg6", BPF_CGROUP_UDP6_RECVMSG},
    SocketHook{"sock_sendmsg4", BPF_CGROUP_UDP4_SENDMSG},
    SocketHook{"sock_sendmsg6", BPF_CGROUP_UDP6_SENDMSG},
    SocketHook{"sock_connect4", BPF_CGROUP_INET4_CONNECT},
    SocketHook{"sock_connect6", BPF_CGROUP_INET6_CONNECT},
};

struct Cgroup {
  UniqueFd fd;
  uint64_t id = 0;  // as bpf_link_info has it: the directory's inode number
};

Result<Cgroup> open_cgroup(const fs::path& path) {
  Cgroup cgroup{UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))};
  if (!cgroup.fd.valid()) return system_failure(fmt::format("opening cgroup root {}", path.string()), errno);
  struct statfs filesystem {};
  if (::fstatfs(cgroup.fd.get(), &filesystem) != 0 || filesystem.f_type != CGROUP2_SUPER_MAGIC) {
    return failure(fmt::format("cgroup root {} is no cgroup2 directory: name one (often /sys/fs/cgroup, or "
                               "/sys/fs/cgroup/unified beside cgroup v1)",
                               path.string()),
                   EINVAL);
  }
  struct stat info {};
  if (::fstat(cgroup.fd.get(), &info) != 0) return system_failure(fmt::format("reading {}", path.string()), errno);
  cgroup.id = info.st_ino;
  return cgroup;
}

// Answers whether the link is new.
Result<bool> attach_hook(const PinPaths& paths, const Cgroup& cgroup, const SocketHook& hook, int program_fd) {
  const auto pin = paths.links / hook.program;
  auto target = pinned_link_target(pin);
  if (!target) return tl::unexpected(target.error());
  if (target->has_value() && (*target)->cgroup_id == cgroup.id) {
    return update_pinned_link(pin, program_fd).map([] { return false; });
  }
  if (auto removed = remove_link(pin); !removed) return tl::unexpected(removed.error());
  UniqueFd link(::bpf_link_create(program_fd, cgroup.fd.get(), hook.type, nullptr));
  if (link.valid()) return pin_link(std::move(link), pin).map([] { return true; });
  if (errno != EPERM || !missing_capabilities().empty()) {
    return system_failure(fmt::format("attaching {}", hook.program), errno);
  }
  return failure(fmt::format("attaching {}: another program is attached there exclusively", hook.program), EPERM);
}

}  // namespace

Result<void> attach_cgroup_links(const PinPaths& paths, const fs::path& path, const Programs& programs) {
  auto cgroup = open_cgroup(path);
  if (!cgroup) return tl::unexpected(cgroup.error());
  std::vector<fs::path> made;
  for (const auto& hook : kSocketHooks) {
    auto done = attach_hook(paths, *cgroup, hook, programs.fd(hook.program));
    if (!done) {
      for (auto pin = made.rbegin(); pin != made.rend(); ++pin) (void)remove_link(*pin);  // nothing half attached
      return tl::unexpected(std::move(done.error()).in(fmt::format("cgroup root {}", path.string())));
    }
    if (*done) made.push_back(paths.links / hook.program);
  }
  return {};
}

Result<void> detach_cgroup_links(const PinPaths& paths) {
  for (auto hook = kSocketHooks.rbegin(); hook != kSocketHooks.rend(); ++hook) {
    if (auto removed = remove_link(paths.links / hook->program); !removed) return tl::unexpected(removed.error());
  }
  return {};
}

bool cgroup_links_attached(const PinPaths& paths) {
  for (const auto& hook : kSocketHooks) {
    auto target = pinned_link_target(paths.links / hook.program);
    if (!target || !target->has_value() || (*target)->cgroup_id == 0) return false;
  }
  return true;
}

}  // namespace waggle
