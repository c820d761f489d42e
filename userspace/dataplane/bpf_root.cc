// SPDX-License-Identifier: Apache-2.0
#include "dataplane/bpf_root.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <string>

#include "dataplane/errors.h"

namespace waggle {
namespace fs = std::filesystem;

namespace {

Result<void> make_directory(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return system_failure(fmt::format("creating directory {}", path.string()), error.value());
  return {};
}

Result<void> mount_bpf(const fs::path& path) {
  std::error_code error;
  if (!fs::is_empty(path, error)) {
    return failure(
        fmt::format("BPF root {} is an ordinary directory with files in it, not a BPF file system: mount one with "
                    "`mount -t bpf bpf DIR` and name that directory",
                    path.string()));
  }
  if (::mount("bpf", path.c_str(), "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") != 0) {
    return system_failure(
        fmt::format("BPF root {} is not a BPF file system, and mounting one there failed", path.string()), errno);
  }
  return {};
}

}  // namespace

bool is_bpf_filesystem(const fs::path& path) {
  struct statfs info {};
  return ::statfs(path.c_str(), &info) == 0 && static_cast<uint32_t>(info.f_type) == BPF_FS_MAGIC;
}

Result<void> ensure_bpf_root(const fs::path& path) {
  std::error_code error;
  if (fs::exists(path, error) && !fs::is_directory(path, error)) {
    return failure(fmt::format("BPF root {} is not a directory", path.string()), ENOTDIR);
  }
  if (auto made = make_directory(path); !made) return tl::unexpected(std::move(made.error()).in("BPF root"));
  return is_bpf_filesystem(path) ? Result<void>{} : mount_bpf(path);
}

Result<void> make_pin_directories(const PinPaths& paths) {
  for (const auto& directory : {paths.maps, paths.links}) {
    if (auto made = make_directory(directory); !made) return made;
  }
  return {};
}

int lock_owner(const PinPaths& paths) {
  struct stat info {};
  if (::stat(paths.base.c_str(), &info) != 0) return 0;
  const std::string place =
      fmt::format(" {:02x}:{:02x}:{} ", major(info.st_dev), minor(info.st_dev), static_cast<uint64_t>(info.st_ino));
  std::ifstream locks("/proc/locks");
  std::string line;
  while (std::getline(locks, line)) {
    int pid = 0;
    if (line.find(place) == std::string::npos || line.find("FLOCK") == std::string::npos) continue;
    if (std::sscanf(line.c_str(), "%*s FLOCK %*s %*s %d", &pid) == 1) return pid;
  }
  return 0;
}

Result<UniqueFd> lock_pins(const PinPaths& paths) {
  UniqueFd fd(::open(paths.base.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return system_failure(fmt::format("opening {}", paths.base.string()), errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return system_failure(fmt::format("locking {}", paths.base.string()), errno);
  const int owner = lock_owner(paths);
  const std::string who = owner > 0 ? fmt::format("another agent (pid {})", owner) : "another agent";
  return failure(
      fmt::format("{} owns these pins at {}: stop it, or give this one its own BPF root", who, paths.base.string()),
      EWOULDBLOCK);
}

std::vector<std::string> pin_names(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace waggle
