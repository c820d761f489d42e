// SPDX-License-Identifier: Apache-2.0
// Where data goes: a file descriptor, buffered. One per command run, owned by cli_command() or a test.
//
// A reader that goes away (`waggle flow list | head`) is no error: from then on everything is swallowed and open() says
// no, so that long lists stop early.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace waggle::cli {

class Sink {
 public:
  explicit Sink(int fd) : fd_(fd) {}  // borrows the descriptor
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  void write(std::string_view text);
  // Somebody still reads and nothing has failed.
  [[nodiscard]] bool open() const { return open_; }
  // Writes what is left. Fails when data was lost although somebody wanted it (disk full).
  Result<void> finish();

 private:
  void flush();

  int fd_;
  bool open_ = true;
  int failed_ = 0;  // errno of the write that failed
  std::string buffer_;
};

}  // namespace waggle::cli
