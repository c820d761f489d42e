// SPDX-License-Identifier: Apache-2.0
// Says when a directory is worth a look: inotify with a timer behind it, as one descriptor to poll. Owned by
// ManifestSource.
//
// A look is due once the directory has been quiet for 20 ms (half a second after the first change at the latest), and
// every 10 s anyway, because inotify sees nothing on some filesystems. A file that somebody is writing is left alone
// until it is closed: `kubectl get ... > web.yaml` empties the file long before it fills it.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

struct inotify_event;

namespace waggle {

class DirectoryWatch {
 public:
  static Result<DirectoryWatch> open(std::string directory);

  [[nodiscard]] int fd() const { return epoll_.get(); }
  // Takes in what happened. True when a look is due; the first is at once.
  bool due();
  // At the start of a look, so that what changes during it is seen: watches the directory that has the name now.
  Result<void> watch_directory();
  // At the end of a look: watches what these links of the directory lead to, and sets the time of the next look.
  void watch_targets(const std::set<std::string>& links);
  void look_again_in(std::chrono::milliseconds time);
  [[nodiscard]] bool being_written(const std::string& name) const;

 private:
  using Clock = std::chrono::steady_clock;

  DirectoryWatch() = default;
  void drain();
  void take_in(const inotify_event& event, const std::string& name);
  void set_timer(std::chrono::nanoseconds time);
  bool timer_expired();

  std::string directory_;
  UniqueFd inotify_;
  UniqueFd timer_;
  UniqueFd epoll_;
  int directory_watch_ = -1;
  std::map<int, std::set<std::string>> targets_;      // watch of a link's target -> names of the links
  std::map<std::string, Clock::time_point> writing_;  // file -> when it was last seen to be written
  std::optional<Clock::time_point> restless_since_;   // first change since the last look
};

}  // namespace waggle
