// SPDX-License-Identifier: Apache-2.0
// The ports of SNAT are reserved beside those of the operator, and cleanup takes back these and no others.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "node/reserved_ports.h"

namespace waggle {
namespace {

constexpr PortRange kSnat{61440, 65535};

// A /proc/sys and a run directory of our own.
struct ReservedPorts : testing::Test {
  std::filesystem::path base = std::filesystem::temp_directory_path() / ("waggle-ports-" + std::to_string(getpid()));
  std::filesystem::path run_dir = base / "run";
  std::string root = base / "sys";

  void SetUp() override { std::filesystem::create_directories(base / "sys/net/ipv4"); }
  void TearDown() override { std::filesystem::remove_all(base); }
  [[nodiscard]] std::filesystem::path setting() const { return base / "sys/net/ipv4/ip_local_reserved_ports"; }
  void set(const std::string& text) const { std::ofstream(setting()) << text << '\n'; }
  [[nodiscard]] std::string get() const {
    std::string text;
    std::ifstream file(setting());
    std::getline(file, text);
    return text;
  }
  // What is said to have been given back.
  [[nodiscard]] std::string released() const {
    const auto ports = release_ports(run_dir, root);
    return ports ? port_ranges_text(*ports) : ports.error().message;
  }
};

TEST_F(ReservedPorts, AreAddedToThoseOfOthersAndTakenBackAlone) {
  set("9100,50000-50010");
  EXPECT_EQ(reserve_ports(kSnat, run_dir, root).value(), "");
  EXPECT_EQ(get(), "9100,50000-50010,61440-65535");
  EXPECT_EQ(released(), "61440-65535");
  EXPECT_EQ(get(), "9100,50000-50010");
  EXPECT_EQ(released(), "") << "they went already";
}

// The second start finds its own ports there, which makes them nobody else's.
TEST_F(ReservedPorts, AreRememberedOverRestarts) {
  set("");
  ASSERT_TRUE(reserve_ports(kSnat, run_dir, root));
  ASSERT_TRUE(reserve_ports(kSnat, run_dir, root));
  EXPECT_EQ(released(), "61440-65535");
  EXPECT_EQ(get(), "");
}

TEST_F(ReservedPorts, OfTheOperatorInTheSameRangeStay) {
  set("62000,64000-65535");
  ASSERT_TRUE(reserve_ports(kSnat, run_dir, root));
  EXPECT_EQ(get(), "61440-65535");
  EXPECT_EQ(released(), "61440-61999,62001-63999");
  EXPECT_EQ(get(), "62000,64000-65535");
}

TEST_F(ReservedPorts, OfWhichTheOperatorTookSomeAwayAreNoFailure) {
  set("9100");
  ASSERT_TRUE(reserve_ports(kSnat, run_dir, root));
  set("8080,61440-61500");
  EXPECT_EQ(released(), "61440-61500");
  EXPECT_EQ(get(), "8080");
}

// Whose they are nobody can tell then.
TEST_F(ReservedPorts, StayWhereNoRecordSaysThatTheyWereAdded) {
  set("61440-65535");
  ASSERT_TRUE(reserve_ports(kSnat, run_dir, root));
  EXPECT_EQ(released(), "");
  EXPECT_EQ(get(), "61440-65535");
}

TEST_F(ReservedPorts, AreReservedWhereTheyCannotBeRememberedWhichIsSaid) {
  set("9100");
  std::ofstream(base / "file") << "no directory";
  const auto reserved = reserve_ports(kSnat, base / "file", root);
  ASSERT_TRUE(reserved);
  EXPECT_NE(reserved->find("/file/"), std::string::npos) << *reserved;
  EXPECT_EQ(get(), "9100,61440-65535");
}

TEST_F(ReservedPorts, NameTheFileThatIsMissing) {
  const auto reserved = reserve_ports(kSnat, run_dir, root);
  ASSERT_FALSE(reserved);
  EXPECT_NE(reserved.error().message.find("ip_local_reserved_ports"), std::string::npos) << reserved.error().message;
}

}  // namespace
}  // namespace waggle
