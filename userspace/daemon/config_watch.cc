// SPDX-License-Identifier: Apache-2.0
#include "daemon/config_watch.h"

#include <fmt/format.h>
#include <sys/inotify.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace waggle {
namespace {

// A file that somebody writes counts when it is closed: before, it is half of a file.
constexpr uint32_t kFileEvents = IN_CLOSE_WRITE | IN_MOVE_SELF;
constexpr uint32_t kDirectoryEvents = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;

tl::unexpected<Error> watch_failure(const std::filesystem::path& path, int code) {
  return failure(fmt::format("{}: cannot be watched for changes: {}; see the limits fs.inotify.max_user_instances and "
                             "max_user_watches",
                             path.string(), std::strerror(code)),
                 code);
}

}  // namespace

Result<ConfigWatch> ConfigWatch::open(const std::filesystem::path& file, std::string content) {
  ConfigWatch out;
  out.file_ = file;
  out.content_ = std::move(content);
  if (auto watched = out.watch(); !watched) return tl::unexpected(watched.error());
  if (out.has_other_content())
    return failure(fmt::format("{} was changed while the agent started; start it again", file.string()));
  return out;
}

Result<void> ConfigWatch::watch() {
  inotify_ = UniqueFd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify_.valid()) return watch_failure(file_, errno);
  const std::filesystem::path directory = file_.has_parent_path() ? file_.parent_path() : ".";
  directory_watch_ = ::inotify_add_watch(inotify_.get(), directory.c_str(), kDirectoryEvents);
  if (directory_watch_ < 0) return watch_failure(directory, errno);
  // Behind a link, the file lies elsewhere.
  if (::inotify_add_watch(inotify_.get(), file_.c_str(), kFileEvents) < 0) return watch_failure(file_, errno);
  return {};
}

bool ConfigWatch::changed() {
  bool moved = false;
  bool touched = false;
  alignas(inotify_event) std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t size = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (size <= 0) break;
    for (ssize_t at = 0; at < size;) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* name = event.len > 0 ? buffer.data() + at + sizeof event : "";
      moved = moved || renamed(event, name);
      touched = true;
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
  return moved || (touched && has_other_content());
}

bool ConfigWatch::renamed(const inotify_event& event, std::string_view name) const {
  if (event.wd != directory_watch_) return (event.mask & IN_MOVE_SELF) != 0;
  return (event.mask & IN_MOVED_FROM) != 0 && name == file_.filename().string();
}

// A file that is not there, for now or for good, is no other content.
bool ConfigWatch::has_other_content() const {
  std::ifstream file(file_, std::ios::binary);
  if (!file.is_open()) return false;
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return !file.bad() && text != content_;
}

}  // namespace waggle
