// SPDX-License-Identifier: Apache-2.0
// A program that runs beside the loop, with what it prints: started, waited for through one descriptor, killed after
// its time. Owned by KubeCredentials. Never blocks but for the end of a process that was just killed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace waggle {

struct ExecCommand {
  std::string program;  // a path, or a name to look for in PATH
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;  // goes before the agent's own
};

class ExecRun {
 public:
  using Clock = std::chrono::steady_clock;

  static Result<std::unique_ptr<ExecRun>> start(const ExecCommand& command, std::chrono::milliseconds time_limit);
  ExecRun(const ExecRun&) = delete;
  ExecRun& operator=(const ExecRun&) = delete;
  ~ExecRun();  // kills it, and what it has started

  // Readable when drive() has something to do; time_up() is to be looked at by the caller's own timer.
  [[nodiscard]] int fd() const { return epoll_.get(); }
  [[nodiscard]] Clock::time_point time_up() const { return time_up_; }
  // True when the program has ended or was killed, because its time was up or it printed too much.
  bool drive();
  // Once drive() was true: what it printed; an Error in words, with its last words, if it did not end well.
  [[nodiscard]] Result<std::string> outcome() const;

 private:
  ExecRun() = default;
  Result<void> spawn(const ExecCommand& command, int output, int complaints);
  Result<void> watch();
  static bool read_all(int fd, std::string& into);
  void stop(std::string why);

  pid_t pid_ = -1;  // of the process, and of its group
  UniqueFd process_;
  UniqueFd output_fd_;
  UniqueFd complaints_fd_;
  UniqueFd epoll_;
  Clock::time_point time_up_;
  std::chrono::milliseconds time_limit_{0};
  std::string output_;
  std::string complaints_;
  std::string killed_because_;
  int status_ = 0;  // as waitpid() has it
};

}  // namespace waggle
