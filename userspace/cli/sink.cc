// SPDX-License-Identifier: Apache-2.0
#include "cli/sink.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace waggle::cli {
namespace {
constexpr size_t kBufferBytes = 64 * 1024;
}

void Sink::write(std::string_view text) {
  if (!open_) return;
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) flush();
}

void Sink::flush() {
  std::string_view left = buffer_;
  while (open_ && !left.empty()) {
    const ssize_t written = ::write(fd_, left.data(), left.size());
    if (written >= 0) {
      left.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      open_ = false;
      failed_ = errno == EPIPE ? 0 : errno;
    }
  }
  buffer_.clear();
}

Result<void> Sink::finish() {
  flush();
  if (failed_ != 0) return failure(std::string("cannot write to standard output: ") + std::strerror(failed_), failed_);
  return {};
}

}  // namespace waggle::cli
