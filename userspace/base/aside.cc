// SPDX-License-Identifier: Apache-2.0
#include "base/aside.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>
#include <utility>

namespace waggle {

Result<Aside> Aside::open() {
  UniqueFd ended(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!ended.valid())
    return failure(fmt::format("cannot make an eventfd for work beside the event loop: {}", std::strerror(errno)),
                   errno);
  return Aside(std::move(ended));
}

Aside::~Aside() { join(); }

void Aside::begin(std::function<void()> job) {
  under_way_ = true;
  auto whole = [job = std::move(job), fd = ended_.get()] {
    job();
    ::eventfd_write(fd, 1);
  };
  try {
    thread_ = std::thread(whole);
  } catch (const std::system_error&) {
    whole();
  }
}

bool Aside::over() {
  uint64_t count = 0;
  if (!under_way_ || ::eventfd_read(ended_.get(), &count) != 0) return false;
  join();
  under_way_ = false;
  return true;
}

void Aside::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace waggle
