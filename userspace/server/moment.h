// SPDX-License-Identifier: Apache-2.0
// One moment on both clocks: intervals are measured on the steady one, people and scrapers are told the wall clock's.
// The daemon reads the clocks and hands moments in; nothing in server/ reads one itself.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace waggle {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using SystemTime = std::chrono::sys_time<std::chrono::nanoseconds>;

struct Moment {
  TimePoint steady{};
  SystemTime wall{};

  static Moment now() { return {Clock::now(), std::chrono::system_clock::now()}; }
  Moment operator+(std::chrono::nanoseconds later) const {
    return {steady + std::chrono::duration_cast<Clock::duration>(later), wall + later};
  }
};

// "2026-01-02T03:04:05.25Z": as many digits of the second as it needs, at most nine (RFC 3339, what Go writes).
std::string rfc3339_nano(SystemTime time);
// "2026-01-02T03:04:05.250000Z": always six digits, what the API's MicroTime wants.
std::string rfc3339_micro(SystemTime time);
// None if `text` is not RFC 3339. Offsets other than Z are understood.
std::optional<SystemTime> parse_rfc3339(std::string_view text);

double unix_seconds(SystemTime time);

}  // namespace waggle
