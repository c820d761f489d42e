// SPDX-License-Identifier: Apache-2.0
// A small file that may be replaced at any time: a token, a certificate, a kubeconfig. Owned by KubeCredentials and
// KubeHttp, which ask for the content before each request.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "base/result.h"

namespace waggle {

// At most 16 MiB. Errors say path and cause.
Result<std::string> read_small_file(const std::string& path);

class SmallFile {
 public:
  using Clock = std::chrono::steady_clock;

  explicit SmallFile(std::string path) : path_(std::move(path)) {}

  [[nodiscard]] const std::string& path() const { return path_; }
  // The content; read again if the file changed, if it was read longer ago than `longest`, or after forget_age().
  // A file that cannot be read any more keeps its last content, for its writer may be about to replace it.
  Result<std::string> content(std::chrono::milliseconds longest);
  // The next content() reads the file whatever its stamp says.
  void forget_age() { was_forgotten_ = true; }
  // True if the file is another one, or has another content, than the one read last.
  [[nodiscard]] bool changed() const { return stamp_of_file() != stamp_; }

 private:
  struct Stamp {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t size = 0;         // bytes
    int64_t modified_ns = 0;  // wall clock
    int64_t altered_ns = 0;   // wall clock; of the inode
    bool operator==(const Stamp&) const = default;
  };
  [[nodiscard]] Stamp stamp_of_file() const;

  std::string path_;
  std::string content_;
  Stamp stamp_;
  Clock::time_point read_at_;
  bool was_read_ = false;
  bool was_forgotten_ = false;
};

}  // namespace waggle
