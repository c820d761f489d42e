// SPDX-License-Identifier: Apache-2.0
#include "source/directory_watch.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace waggle {
namespace {

using namespace std::chrono_literals;

constexpr auto kQuiet = 20ms;
constexpr auto kLongestUnrest = 500ms;
constexpr auto kLookAnyway = 10s;
constexpr auto kWriterForgotten = 10s;  // after its last write; the close may have been missed

constexpr uint32_t kWritten = IN_MODIFY;
constexpr uint32_t kContent = IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr uint32_t kEntries = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;

tl::unexpected<Error> cannot(std::string_view what) {
  const int code = errno;
  return failure(fmt::format("cannot {}: {}", what, std::generic_category().message(code)), code);
}

bool add_to_epoll(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

Result<DirectoryWatch> DirectoryWatch::open(std::string directory) {
  DirectoryWatch out;
  out.directory_ = std::move(directory);
  out.inotify_ = UniqueFd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!out.inotify_.valid()) return cannot("watch files; see the limit fs.inotify.max_user_instances");
  out.timer_ = UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!out.timer_.valid()) return cannot("make a timer");
  out.epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  const bool bundled = out.epoll_.valid() && add_to_epoll(out.epoll_.get(), out.inotify_.get()) &&
                       add_to_epoll(out.epoll_.get(), out.timer_.get());
  if (!bundled) return cannot("wait for files to change");
  if (auto watched = out.watch_directory(); !watched) return tl::unexpected(std::move(watched.error()));
  out.set_timer(1ns);
  return out;
}

bool DirectoryWatch::due() {
  drain();
  if (!timer_expired()) return false;
  restless_since_.reset();
  return true;
}

Result<void> DirectoryWatch::watch_directory() {
  const uint32_t mask = kWritten | kContent | kEntries | IN_ONLYDIR;
  const int watch = inotify_add_watch(inotify_.get(), directory_.c_str(), mask);
  if (watch < 0) return cannot("watch the directory");
  if (directory_watch_ >= 0 && directory_watch_ != watch) inotify_rm_watch(inotify_.get(), directory_watch_);
  directory_watch_ = watch;
  return {};
}

void DirectoryWatch::watch_targets(const std::set<std::string>& links) {
  std::map<int, std::set<std::string>> targets;
  for (const std::string& link : links) {
    const std::string path = directory_ + "/" + link;
    const int watch = inotify_add_watch(inotify_.get(), path.c_str(), kWritten | kContent);
    if (watch >= 0) targets[watch].insert(link);
  }
  for (const auto& [watch, names] : targets_) {
    if (!targets.contains(watch)) inotify_rm_watch(inotify_.get(), watch);
  }
  targets_ = std::move(targets);
}

void DirectoryWatch::look_again_in(std::chrono::milliseconds time) {
  if (!restless_since_) set_timer(std::min<std::chrono::milliseconds>(time, kLookAnyway));
}

bool DirectoryWatch::being_written(const std::string& name) const {
  const auto found = writing_.find(name);
  return found != writing_.end() && Clock::now() - found->second < kWriterForgotten;
}

void DirectoryWatch::drain() {
  alignas(inotify_event) std::array<char, 16384> buffer;
  while (true) {
    const ssize_t size = read(inotify_.get(), buffer.data(), buffer.size());
    if (size <= 0) return;
    for (ssize_t at = 0; at < size;) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      const char* name = buffer.data() + at + sizeof(event);
      take_in(event, event.len > 0 ? std::string(name) : std::string());
      at += static_cast<ssize_t>(sizeof(event) + event.len);
    }
  }
}

void DirectoryWatch::take_in(const inotify_event& event, const std::string& name) {
  if ((event.mask & IN_IGNORED) != 0) {
    if (event.wd == directory_watch_) directory_watch_ = -1;
    targets_.erase(event.wd);
    return;
  }
  std::set<std::string> names = {name};
  if (const auto target = targets_.find(event.wd); target != targets_.end()) names = target->second;
  const auto now = Clock::now();
  if ((event.mask & IN_Q_OVERFLOW) != 0) writing_.clear();
  if ((event.mask & kWritten) != 0) {
    for (const std::string& one : names) writing_[one] = now;
    return;
  }
  if ((event.mask & (IN_CLOSE_WRITE | IN_DELETE_SELF | kEntries)) != 0) {
    for (const std::string& one : names) writing_.erase(one);
  }
  if (!restless_since_) restless_since_ = now;
  const auto latest = *restless_since_ + kLongestUnrest;
  set_timer(std::clamp<Clock::duration>(latest - now, 1ns, kQuiet));
}

void DirectoryWatch::set_timer(std::chrono::nanoseconds time) {
  itimerspec spec{};
  spec.it_value.tv_sec = static_cast<time_t>(time / 1s);
  spec.it_value.tv_nsec = static_cast<long>((time % 1s).count());
  timerfd_settime(timer_.get(), 0, &spec, nullptr);
}

bool DirectoryWatch::timer_expired() {
  uint64_t times = 0;
  return read(timer_.get(), &times, sizeof(times)) == sizeof(times);
}

}  // namespace waggle
