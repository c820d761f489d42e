// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "node/kernel_settings.h"

namespace waggle {
namespace {

std::string merged_text(const std::string& before, PortRange added) {
  auto ranges = parse_port_ranges(before);
  return ranges ? port_ranges_text(merged_with(*ranges, added)) : ranges.error().message;
}

TEST(PortRanges, AreKeptSortedAndJoined) {
  EXPECT_EQ(merged_text("", {61440, 65535}), "61440-65535");
  EXPECT_EQ(merged_text("8080,9148", {61440, 65535}), "8080,9148,61440-65535");
  EXPECT_EQ(merged_text("61440-65535", {61440, 65535}), "61440-65535");
  EXPECT_EQ(merged_text("62000,64000-65535", {61440, 65535}), "61440-65535");
  EXPECT_EQ(merged_text("61439", {61440, 65535}), "61439-65535");
  EXPECT_EQ(merged_text("30000-32767", {1024, 1024}), "1024,30000-32767");
}

std::string text_without(const std::string& ranges, const std::string& taken) {
  return port_ranges_text(without(*parse_port_ranges(ranges), *parse_port_ranges(taken)));
}

TEST(PortRanges, LackWhatIsTakenFromThem) {
  EXPECT_EQ(text_without("61440-65535", ""), "61440-65535");
  EXPECT_EQ(text_without("61440-65535", "61440-65535"), "");
  EXPECT_EQ(text_without("61440-65535", "62000,64000-65535"), "61440-61999,62001-63999");
  EXPECT_EQ(text_without("10-20,30-40", "15-35"), "10-14,36-40");
  EXPECT_EQ(text_without("10-20", "1-9,21-30"), "10-20");
  EXPECT_EQ(text_without("10-20", "5-12"), "13-20");
}

TEST(PortRanges, RefusesWhatIsNone) {
  for (const char* text : {"x", "5-", "-5", "70000", "9-5", "1,,2", "1 2"})
    EXPECT_FALSE(parse_port_ranges(text)) << text;
}

// A /proc/sys of our own.
struct KernelSettings : testing::Test {
  std::filesystem::path root = std::filesystem::temp_directory_path() / ("waggle-sys-" + std::to_string(getpid()));

  void SetUp() override {
    std::filesystem::create_directories(root / "net/ipv4");
    std::filesystem::create_directories(root / "net/ipv6/conf/all");
  }
  void TearDown() override { std::filesystem::remove_all(root); }
  void set(const std::string& name, const std::string& text) const { std::ofstream(root / name) << text << '\n'; }
  [[nodiscard]] std::string get(const std::string& name) const {
    std::string text;
    std::getline(std::ifstream(root / name), text);
    return text;
  }
};

// Proves: O-63
TEST_F(KernelSettings, TheOomScoreIsSetIfItCanBe) {
  set("oom_score_adj", "0");
  ASSERT_TRUE(set_oom_score(-999, root / "oom_score_adj"));
  EXPECT_EQ(get("oom_score_adj"), "-999");
  EXPECT_FALSE(set_oom_score(-999, root / "missing" / "oom_score_adj"));
}

TEST_F(KernelSettings, ForwardingIsReadPerFamily) {
  set("net/ipv4/ip_forward", "0");
  set("net/ipv6/conf/all/forwarding", "1");
  EXPECT_EQ(forwarding_enabled(Family::kIpv4, root).value(), false);
  EXPECT_EQ(forwarding_enabled(Family::kIpv6, root).value(), true);
}

// Proves: O-63
TEST(OomScore, IsWrittenAndAFailureIsSaid) {
  const std::string path = testing::TempDir() + "waggle-oom-" + std::to_string(::getpid());
  std::ofstream(path) << "0";
  ASSERT_TRUE(set_oom_score(-999, path));
  int written = 0;
  std::ifstream(path) >> written;
  EXPECT_EQ(written, -999);
  std::filesystem::remove(path);
  const auto failed = set_oom_score(-999, "/proc/self/no-such-setting");
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("/proc/self/no-such-setting"), std::string::npos);
}

}  // namespace
}  // namespace waggle
