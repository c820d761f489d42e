// SPDX-License-Identifier: Apache-2.0
#include "server/moment.h"

#include <fmt/format.h>

#include <cctype>
#include <charconv>

namespace waggle {
namespace {

using namespace std::chrono;

std::string to_the_second(SystemTime time) {
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

int64_t nanoseconds_of(SystemTime time) { return (time - floor<seconds>(time)).count(); }

// Takes text apart from the left; after the first thing that is not there, nothing else is.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  int number(size_t digits) {
    int value = 0;
    if (rest_.size() < digits) return fail();
    for (size_t at = 0; at < digits; ++at) {
      if (std::isdigit(static_cast<unsigned char>(rest_[at])) == 0) return fail();
      value = value * 10 + (rest_[at] - '0');
    }
    rest_.remove_prefix(digits);
    return value;
  }
  bool skip(std::string_view any_of) {
    if (rest_.empty() || any_of.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(std::string_view any_of) {
    if (!skip(any_of)) fail();
  }
  // The digits after the point, as nanoseconds; more than nine are cut off.
  int64_t fraction() {
    int64_t value = 0;
    int64_t unit = 1'000'000'000;
    if (rest_.empty() || std::isdigit(static_cast<unsigned char>(rest_.front())) == 0) return fail();
    for (; !rest_.empty() && std::isdigit(static_cast<unsigned char>(rest_.front())) != 0; rest_.remove_prefix(1)) {
      unit /= 10;
      value += (rest_.front() - '0') * unit;
    }
    return value;
  }
  // "Z" or "+01:30": what local time is ahead of UTC.
  minutes offset() {
    if (skip("Zz")) return minutes{0};
    const bool behind = !rest_.empty() && rest_.front() == '-';
    expect("+-");
    const int hour = number(2);
    expect(":");
    const minutes ahead = hours{hour} + minutes{number(2)};
    return behind ? -ahead : ahead;
  }
  [[nodiscard]] bool done() const { return good_ && rest_.empty(); }

 private:
  int fail() {
    good_ = false;
    rest_ = {};
    return 0;
  }

  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

std::string rfc3339_nano(SystemTime time) {
  std::string text = to_the_second(time);
  if (const int64_t nanos = nanoseconds_of(time); nanos != 0) {
    text += fmt::format(".{:09}", nanos);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + "Z";
}

std::string rfc3339_micro(SystemTime time) {
  return fmt::format("{}.{:06}Z", to_the_second(time), nanoseconds_of(time) / 1000);
}

std::optional<SystemTime> parse_rfc3339(std::string_view text) {
  Scanner scan(text);
  const year y{scan.number(4)};
  scan.expect("-");
  const month m{static_cast<unsigned>(scan.number(2))};
  scan.expect("-");
  const day d{static_cast<unsigned>(scan.number(2))};
  scan.expect("Tt");
  const int hour = scan.number(2);
  scan.expect(":");
  const int minute = scan.number(2);
  scan.expect(":");
  const int second = scan.number(2);
  const int64_t nanos = scan.skip(".") ? scan.fraction() : 0;
  const minutes ahead = scan.offset();
  const year_month_day date(y, m, d);
  if (!scan.done() || !date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return SystemTime(sys_days(date)) + hours{hour} + minutes{minute} + seconds{second} + nanoseconds{nanos} - ahead;
}

double unix_seconds(SystemTime time) { return duration<double>(time.time_since_epoch()).count(); }

}  // namespace waggle
