// SPDX-License-Identifier: Apache-2.0
// When to try again what failed: twice as long after each failure, from 100 ms to 30 s, and not all at once (jitter).
// Reads no clock; whoever retries owns one and hands in the time.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>

namespace waggle {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

// The earlier of two times, where none means never.
inline std::optional<TimePoint> earlier(std::optional<TimePoint> a, std::optional<TimePoint> b) {
  if (!a.has_value() || !b.has_value()) return a.has_value() ? a : b;
  return std::min(*a, *b);
}

class Backoff {
 public:
  static constexpr std::chrono::milliseconds kFirst{100};
  static constexpr std::chrono::milliseconds kLongest{30'000};

  explicit Backoff(uint32_t seed = std::random_device{}(), std::chrono::milliseconds first = kFirst,
                   std::chrono::milliseconds longest = kLongest)
      : random_(seed), first_(first), longest_(longest) {}

  // The attempt at `now` failed. `at_least`: what who refused it asked for.
  void failed(TimePoint now, std::chrono::milliseconds at_least = {}) {
    const auto longest = std::min(longest_, first_ * (1u << std::min(failures_, 9u)));
    std::uniform_int_distribution<int64_t> wait(longest.count() / 2, longest.count());
    const std::chrono::milliseconds drawn{wait(random_)};
    retry_at_ = now + std::max(drawn, at_least + drawn / 4);
    ++failures_;
  }
  void succeeded() {
    failures_ = 0;
    retry_at_.reset();
  }

  // May be tried now: nothing failed, or the wait is over.
  [[nodiscard]] bool due(TimePoint now) const { return !retry_at_.has_value() || now >= *retry_at_; }
  [[nodiscard]] std::optional<TimePoint> retry_at() const { return retry_at_; }  // none: nothing failed
  [[nodiscard]] unsigned failures() const { return failures_; }                  // in a row

 private:
  std::minstd_rand random_;
  std::chrono::milliseconds first_;
  std::chrono::milliseconds longest_;
  unsigned failures_ = 0;
  std::optional<TimePoint> retry_at_;
};

}  // namespace waggle
