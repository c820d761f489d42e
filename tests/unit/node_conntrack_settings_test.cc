// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "node/conntrack_settings.h"

namespace waggle {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kMax[] = "sys/net/netfilter/nf_conntrack_max";
constexpr char kEstablished[] = "sys/net/netfilter/nf_conntrack_tcp_timeout_established";
constexpr char kCloseWait[] = "sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait";
constexpr char kLiberal[] = "sys/net/netfilter/nf_conntrack_tcp_be_liberal";
constexpr char kUdp[] = "sys/net/netfilter/nf_conntrack_udp_timeout";
constexpr char kUdpStream[] = "sys/net/netfilter/nf_conntrack_udp_timeout_stream";
constexpr char kHashSize[] = "module/hashsize";

//
// Proves: O-60, X-234
TEST(ConntrackMax, FollowsTheCpusWithinItsBounds) {
  const auto wanted = [](uint32_t per_core, uint32_t min, unsigned cpus) {
    return wanted_conntrack_max({.max_per_core = per_core, .min = min}, cpus);
  };
  EXPECT_EQ(wanted(0, 123456, 4), 0u);
  EXPECT_EQ(wanted(1, 123456, 4), 123456u);
  EXPECT_EQ(wanted(67890, 1, 4), 271560u);
  EXPECT_EQ(wanted(67890, 0, 4), 271560u);
  EXPECT_EQ(wanted(4294967295u, 1, 64), 1048576u);
  EXPECT_EQ(wanted(32768, 2000000, 2), 2000000u);
  EXPECT_EQ(wanted(32768, 2000000, 64), 1048576u);
  EXPECT_EQ(wanted(32768, 131072, 1), 131072u);
}

// A /proc/sys and a /sys/module of our own.
struct Conntrack : testing::Test {
  std::filesystem::path root = std::filesystem::temp_directory_path() / ("waggle-ct-" + std::to_string(::getpid()));

  void SetUp() override {
    std::filesystem::create_directories(root / "sys/net/netfilter");
    std::filesystem::create_directories(root / "module");
    set(kMax, "65536");
    set(kHashSize, "16384");
    set(kEstablished, "432000");
    set(kCloseWait, "60");
    set(kLiberal, "0");
    set(kUdp, "30");
    set(kUdpStream, "120");
  }
  void TearDown() override { std::filesystem::remove_all(root); }
  void set(const std::string& name, const std::string& text) const { std::ofstream(root / name) << text << '\n'; }
  [[nodiscard]] std::string get(const std::string& name) const {
    std::string text;
    std::ifstream file(root / name);
    std::getline(file, text);
    return text;
  }
  [[nodiscard]] Result<std::vector<std::string>> apply(const ConntrackSettings& settings, unsigned cpus = 8) const {
    return apply_conntrack(settings, cpus, {.proc_sys = root / "sys", .module = root / "module"});
  }
};

// Proves: O-61
TEST_F(Conntrack, DefaultsAreThoseOfKubeProxy) {
  const auto notices = apply({});
  ASSERT_TRUE(notices) << notices.error().message;
  EXPECT_THAT(*notices, IsEmpty());
  EXPECT_EQ(get(kMax), "262144");
  EXPECT_EQ(get(kHashSize), "65536");
  EXPECT_EQ(get(kEstablished), "86400");
  EXPECT_EQ(get(kCloseWait), "3600");
  EXPECT_EQ(get(kLiberal), "0");
  EXPECT_EQ(get(kUdp), "30");
  EXPECT_EQ(get(kUdpStream), "120");
}

TEST_F(Conntrack, TheMaximumIsNeverLowered) {
  set(kMax, "500000");
  set(kHashSize, "125000");
  ASSERT_TRUE(apply({}));
  EXPECT_EQ(get(kMax), "500000");
  EXPECT_EQ(get(kHashSize), "125000");
}

TEST_F(Conntrack, EverySettingIsWritten) {
  ASSERT_TRUE(apply({.max_per_core = 100000,
                     .min = 1,
                     .tcp_established = std::chrono::seconds(1),
                     .tcp_close_wait = std::chrono::seconds(2),
                     .udp = std::chrono::seconds(3),
                     .udp_stream = std::chrono::seconds(4),
                     .tcp_be_liberal = true}));
  EXPECT_EQ(get(kMax), "800000");
  EXPECT_EQ(get(kEstablished), "1");
  EXPECT_EQ(get(kCloseWait), "2");
  EXPECT_EQ(get(kUdp), "3");
  EXPECT_EQ(get(kUdpStream), "4");
  EXPECT_EQ(get(kLiberal), "1");
}

//
// Proves: X-235
TEST_F(Conntrack, ZeroLeavesAlone) {
  ASSERT_TRUE(apply({.max_per_core = 0,
                     .min = 999999,
                     .tcp_established = std::chrono::seconds(0),
                     .tcp_close_wait = std::chrono::seconds(0)}));
  EXPECT_EQ(get(kMax), "65536");
  EXPECT_EQ(get(kHashSize), "16384");
  EXPECT_EQ(get(kEstablished), "432000");
  EXPECT_EQ(get(kCloseWait), "60");
}

TEST_F(Conntrack, WhatIsNotThereIsToldAndTheRestIsSet) {
  std::filesystem::remove(root / kMax);
  const auto notices = apply({});
  ASSERT_TRUE(notices) << notices.error().message;
  EXPECT_THAT(*notices, ElementsAre(HasSubstr("nf_conntrack_max")));
  EXPECT_EQ(get(kHashSize), "16384");  // goes with the maximum
  EXPECT_EQ(get(kCloseWait), "3600");
}

TEST_F(Conntrack, AKernelWithoutConnectionTrackingIsToldOnce) {
  std::filesystem::remove_all(root / "sys/net/netfilter");
  const auto notices = apply({});
  ASSERT_TRUE(notices);
  EXPECT_THAT(*notices, ElementsAre(HasSubstr("nf_conntrack is not loaded")));
}

// Proves: X-235
TEST_F(Conntrack, AnyOtherFailureIsAnError) {
  std::filesystem::remove(root / kCloseWait);
  std::filesystem::create_directory(root / kCloseWait);  // EISDIR
  const auto notices = apply({});
  ASSERT_FALSE(notices);
  EXPECT_THAT(notices.error().message, HasSubstr("nf_conntrack_tcp_timeout_close_wait"));
}

}  // namespace
}  // namespace waggle
