// SPDX-License-Identifier: Apache-2.0
// Says when the configuration file became another one: it was written, renamed, or replaced, also the way kubelet
// replaces a ConfigMap (a link in its directory is renamed). Touching or removing it says nothing (contract O-15).
// Owned by the agent, which ends then, so that its supervisor starts it with the new content.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

struct inotify_event;

namespace waggle {

class ConfigWatch {
 public:
  // content: what was read when the configuration was taken from the file. Fails if the file has other content now.
  static Result<ConfigWatch> open(const std::filesystem::path& file, std::string content);

  // Readable: ask changed().
  [[nodiscard]] int fd() const { return inotify_.get(); }
  // Takes in what happened since the last call. Never waits.
  [[nodiscard]] bool changed();
  [[nodiscard]] const std::filesystem::path& file() const { return file_; }

 private:
  ConfigWatch() = default;
  Result<void> watch();
  [[nodiscard]] bool renamed(const inotify_event& event, std::string_view name) const;
  [[nodiscard]] bool has_other_content() const;

  std::filesystem::path file_;
  std::string content_;
  UniqueFd inotify_;
  int directory_watch_ = -1;
};

}  // namespace waggle
