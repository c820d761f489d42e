// SPDX-License-Identifier: Apache-2.0
// One long job at a time, done beside the event loop by a thread of its own: what waits in the kernel or looks at very
// much must not hold up what is urgent. Used by the dataplane for grace periods and sweeps; owned by whoever begins the
// jobs, and used by one thread.
#pragma once

#include <functional>
#include <thread>

#include "base/result.h"
#include "base/unique_fd.h"

namespace waggle {

class Aside {
 public:
  static Result<Aside> open();
  Aside(Aside&& other) noexcept = default;  // while no job is under way
  Aside& operator=(Aside&&) = delete;
  ~Aside();  // waits for the job

  // Only when none is under way. Done before it returns if there can be no thread.
  void begin(std::function<void()> job);
  [[nodiscard]] bool under_way() const { return under_way_; }
  // True once for each job, when it has ended: what it wrote may be read now.
  bool over();
  [[nodiscard]] int fd() const { return ended_.get(); }  // readable when over() has something to say

 private:
  explicit Aside(UniqueFd ended) : ended_(std::move(ended)) {}
  void join();

  UniqueFd ended_;  // an eventfd
  std::thread thread_;
  bool under_way_ = false;
};

}  // namespace waggle
