// SPDX-License-Identifier: Apache-2.0
#include "source/small_file.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <system_error>

#include "base/unique_fd.h"

namespace waggle {
namespace {

constexpr size_t kLargest = size_t{16} << 20;  // bytes

tl::unexpected<Error> cannot_read(const std::string& path, int code) {
  return failure(fmt::format("{}: cannot be read: {}", path, std::generic_category().message(code)), code);
}

int64_t nanoseconds(const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

}  // namespace

Result<std::string> read_small_file(const std::string& path) {
  // Without O_NONBLOCK a pipe in the file's place would stop the agent.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return cannot_read(path, errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return cannot_read(path, errno);
  if (!S_ISREG(status.st_mode)) return failure(fmt::format("{}: is not a regular file", path));
  std::string out;
  char buffer[16384];
  while (true) {
    const ssize_t size = ::read(fd.get(), buffer, sizeof buffer);
    if (size < 0) return cannot_read(path, errno);
    if (size == 0) return out;
    out.append(buffer, static_cast<size_t>(size));
    if (out.size() > kLargest) return failure(fmt::format("{}: is larger than {} MiB", path, kLargest >> 20));
  }
}

SmallFile::Stamp SmallFile::stamp_of_file() const {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino, status.st_size, nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
}

Result<std::string> SmallFile::content(std::chrono::milliseconds longest) {
  const Stamp now = stamp_of_file();
  const bool fresh = was_read_ && !was_forgotten_ && now == stamp_ && Clock::now() - read_at_ < longest;
  if (fresh) return content_;
  auto read = read_small_file(path_);
  if (!read && was_read_) return content_;
  if (!read) return read;
  content_ = std::move(*read);
  stamp_ = now;
  read_at_ = Clock::now();
  was_read_ = true;
  was_forgotten_ = false;
  return content_;
}

}  // namespace waggle
