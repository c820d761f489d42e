// SPDX-License-Identifier: Apache-2.0
#include "daemon/config_duration.h"

#include <gtest/gtest.h>

namespace waggle {
namespace {

using namespace std::chrono_literals;

TEST(ConfigDuration, ReadsWhatKubernetesReads) {
  const std::pair<const char*, Duration> cases[] = {
      {"0", 0s},       {"0s", 0s},        {"30s", 30s},           {"1h30m", 90min},
      {"1.5h", 90min}, {"24h", 24h},      {"15m0s", 15min},       {"100ms", 100ms},
      {"5us", 5us},    {"5\u00b5s", 5us}, {"5\u03bcs", 5us},      {"7ns", 7ns},
      {"-3s", -3s},    {"+3s", 3s},       {".5s", 500ms},         {"1.s", 1s},
      {"1m1m", 2min},  {"0.25m", 15s},    {"2562047h", 2562047h}, {"1.9ns", 1ns},
  };
  for (const auto& [text, wanted] : cases) EXPECT_EQ(parse_duration(text), wanted) << text;
}

TEST(ConfigDuration, RefusesWhatIsNone) {
  for (const char* text : {"", "30", "s", ".s", "1d", "1h ", " 1h", "1 h", "--1s", "1e3s", "-", "+", "2562048h",
                           "99999999999999999999s", "1.5", "3s4", "1S"})
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(ConfigDuration, IsWrittenAsKubernetesWritesIt) {
  const std::pair<Duration, const char*> cases[] = {
      {0s, "0s"},         {30s, "30s"},     {15min, "15m0s"},       {24h, "24h0m0s"},
      {90min, "1h30m0s"}, {1500ms, "1.5s"}, {100ms, "100ms"},       {1us, "1\u00b5s"},
      {1ns, "1ns"},       {-90s, "-1m30s"}, {1ms + 500us, "1.5ms"}, {3661s + 1ns, "1h1m1.000000001s"},
  };
  for (const auto& [duration, wanted] : cases) {
    EXPECT_EQ(duration_text(duration), wanted);
    EXPECT_EQ(parse_duration(wanted), duration) << wanted;
  }
  EXPECT_EQ(parse_duration(duration_text(Duration::max())), Duration::max());
}

}  // namespace
}  // namespace waggle
