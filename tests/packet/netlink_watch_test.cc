// SPDX-License-Identifier: Apache-2.0
// The real netlink watch, in a network namespace of this process alone (it vanishes with the process).
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>

#include "node/node_watch.h"

namespace waggle {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

void ip(const std::string& arguments) { ASSERT_EQ(std::system(("ip " + arguments).c_str()), 0) << "ip " << arguments; }

// Takes changes until `done` says so, five seconds at most.
testing::AssertionResult take_until(NodeWatch& watch, NodeChanges& seen, const std::function<bool()>& done) {
  const auto deadline = steady_clock::now() + milliseconds(5000);
  while (!done()) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()).count();
    pollfd poll{.fd = watch.fd(), .events = POLLIN, .revents = 0};
    if (left <= 0 || ::poll(&poll, 1, static_cast<int>(left)) <= 0) return testing::AssertionFailure() << "timed out";
    auto changes = watch.take();
    if (!changes) return testing::AssertionFailure() << changes.error().message;
    seen.vanished.merge(changes->vanished);
    seen.changed.merge(changes->changed);
    seen.next_hops = seen.next_hops || changes->next_hops;
  }
  return testing::AssertionSuccess();
}

struct NetlinkWatch : testing::Test {
  std::unique_ptr<NodeWatch> watch;
  NodeChanges seen;

  void SetUp() override {
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0) << "needs root";
    ip("link set lo up");
    ip("link add eth0 mtu 1400 type veth peer name fabric");
    ip("link set eth0 up");
    ip("address add 10.1.0.2/24 dev eth0");
    ip("address add fd01::2/64 dev eth0 nodad");
  }

  void open() {
    auto opened = watch_netlink();
    ASSERT_TRUE(opened) << opened.error().message;
    watch = std::move(*opened);
    const auto first = watch->take();
    ASSERT_TRUE(first) << first.error().message;
    seen = *first;
  }
};

TEST_F(NetlinkWatch, FirstTakeListsLinksAndAddresses) {
  open();
  const Interface* eth0 = watch->interfaces().find("eth0");
  ASSERT_NE(eth0, nullptr);
  EXPECT_EQ(eth0->kind, "veth");
  EXPECT_EQ(eth0->mtu, 1400u);
  EXPECT_TRUE(eth0->up);
  EXPECT_TRUE(eth0->ethernet);
  EXPECT_EQ(eth0->primary_address(Family::kIpv4), IpAddress::parse("10.1.0.2"));
  EXPECT_EQ(eth0->primary_address(Family::kIpv6), IpAddress::parse("fd01::2"));
  EXPECT_TRUE(watch->interfaces().find("lo")->loopback);
  EXPECT_FALSE(watch->interfaces().find("lo")->ethernet);
  EXPECT_EQ(seen.changed.size(), 3u);
  EXPECT_TRUE(seen.vanished.empty());
}

TEST_F(NetlinkWatch, SeesLinksComeAndGo) {
  open();
  seen = {};
  ip("link add cali1 type veth peer name pod1");
  ASSERT_TRUE(take_until(*watch, seen, [&] { return watch->interfaces().find("cali1") != nullptr; }));
  const uint32_t index = watch->interfaces().find("cali1")->index;
  EXPECT_TRUE(seen.changed.contains(index));
  ip("link del cali1");
  ASSERT_TRUE(take_until(*watch, seen, [&] { return watch->interfaces().find("cali1") == nullptr; }));
  EXPECT_TRUE(seen.vanished.contains(index));
}

TEST_F(NetlinkWatch, SeesAddressesComeAndGo) {
  open();
  const IpAddress added = *IpAddress::parse("10.1.0.77");
  ip("address add 10.1.0.77/32 dev eth0");
  EXPECT_TRUE(take_until(*watch, seen, [&] { return watch->interfaces().owns(added); }));
  ip("address del 10.1.0.77/32 dev eth0");
  EXPECT_TRUE(take_until(*watch, seen, [&] { return !watch->interfaces().owns(added); }));
}

TEST_F(NetlinkWatch, RoutesAndNeighboursMakeNextHopsStale) {
  open();
  ip("link add marker type bridge");  // whatever was announced before this has been read then
  ASSERT_TRUE(take_until(*watch, seen, [&] { return watch->interfaces().find("marker") != nullptr; }));
  for (const char* change : {"route add 10.2.0.0/16 via 10.1.0.1",
                             "neighbour add 10.1.0.1 lladdr 02:00:00:00:00:01 dev eth0", "route del 10.2.0.0/16"}) {
    seen = {};
    ip(change);
    EXPECT_TRUE(take_until(*watch, seen, [&] { return seen.next_hops; })) << change;
  }
}

TEST_F(NetlinkWatch, LeavingABridgeIsNotTheEndOfALink) {
  ip("link add br0 type bridge");
  ip("link set eth0 master br0");
  open();
  seen = {};
  ip("link set eth0 nomaster");
  ip("link add marker type bridge");
  ASSERT_TRUE(take_until(*watch, seen, [&] { return watch->interfaces().find("marker") != nullptr; }));
  EXPECT_TRUE(seen.vanished.empty());
  EXPECT_NE(watch->interfaces().find("eth0"), nullptr);
}

// --- routes with an MTU of their own ---

struct Mtus : NetlinkWatch {
  void SetUp() override {
    NetlinkWatch::SetUp();
    ip("link set fabric up");
    ip("link add eth1 up mtu 1400 type veth peer name fabric1");
    ip("link set fabric1 up");
    ip("address add 10.2.0.2/24 dev eth1");
    open();
  }
  [[nodiscard]] std::pair<uint32_t, uint32_t> smallest() {
    const auto mtus = watch->route_mtus();
    EXPECT_TRUE(mtus) << mtus.error().message;
    return {mtus->smallest(watch->interfaces().find("eth0")->index),
            mtus->smallest(watch->interfaces().find("eth1")->index)};
  }
};

constexpr uint32_t kNone = UINT32_MAX;
using Pair = std::pair<uint32_t, uint32_t>;

TEST_F(Mtus, OfUnicastRoutesOfAnyTableAndFamily) {
  EXPECT_EQ(smallest(), Pair(kNone, kNone));
  ip("route add 10.3.0.0/16 via 10.1.0.1 mtu 1390");
  EXPECT_EQ(smallest(), Pair(1390, kNone));
  ip("route add 10.4.0.0/16 via 10.1.0.1 table 1000 mtu 1380");
  EXPECT_EQ(smallest(), Pair(1380, kNone));
  ip("route add fd03::/64 via fd01::1 mtu 1370");
  EXPECT_EQ(smallest(), Pair(1370, kNone));
  ip("route del fd03::/64");
  EXPECT_EQ(smallest(), Pair(1380, kNone));
}

TEST_F(Mtus, OfAllNextHopsOfARoute) {
  ip("route add 10.3.0.0/16 mtu 1390 nexthop via 10.1.0.1 nexthop via 10.2.0.1");
  EXPECT_EQ(smallest(), Pair(1390, 1390));
}

TEST_F(Mtus, OfANextHopObjectWhoseLinkIsNotTold) {
  ip("nexthop add id 7 via 10.1.0.1 dev eth0");
  ip("route add 10.3.0.0/16 nhid 7 mtu 1390");
  EXPECT_EQ(smallest(), Pair(1390, kNone));
  ASSERT_EQ(std::system("sysctl -q -w net.ipv4.nexthop_compat_mode=0"), 0);
  EXPECT_EQ(smallest(), Pair(1390, 1390));
}

// bpf_fib_lookup honours a locked one.
TEST_F(Mtus, ThatAreLockedOrLeadNowhereDoNotCount) {
  ip("route add 10.3.0.0/16 via 10.1.0.1 mtu lock 1390");
  ip("route add fd03::/64 via fd01::1 mtu lock 1390");
  ip("route add local 10.1.0.9 dev eth0 table local mtu 1300");
  ip("route add unreachable 10.5.0.0/16 mtu 1300");
  EXPECT_EQ(smallest(), Pair(kNone, kNone));
}

// More than one datagram of the kernel's.
TEST_F(Mtus, AreFoundAmongThousandsOfRoutes) {
  ASSERT_EQ(std::system("for i in $(seq 0 2999); do echo route add 11.$((i / 250)).$((i % 250)).0/24 via 10.1.0.1; done"
                        " | ip -batch -"),
            0);
  ip("route add 12.0.0.0/8 via 10.1.0.1 mtu 1390");
  EXPECT_EQ(smallest(), Pair(1390, kNone));
}

// A queue too small for what happens: the kernel drops announcements and says so once.
TEST_F(NetlinkWatch, ListsEverythingAgainAfterLostAnnouncements) {
  ip("link add doomed type bridge");
  open();
  const uint32_t doomed = watch->interfaces().find("doomed")->index;
  const int tiny = 2048;
  ASSERT_EQ(::setsockopt(watch->fd(), SOL_SOCKET, SO_RCVBUFFORCE, &tiny, sizeof tiny), 0);
  seen = {};
  std::string batch;
  for (int i = 0; i < 60; ++i) batch += "link add cali" + std::to_string(i) + " type bridge\n";
  ASSERT_EQ(std::system(("printf '" + batch + "' | ip -batch -").c_str()), 0);
  ip("link del doomed");
  const auto all_known = [&] {
    for (int i = 0; i < 60; ++i) {
      if (watch->interfaces().find("cali" + std::to_string(i)) == nullptr) return false;
    }
    return watch->interfaces().find("doomed") == nullptr;
  };
  EXPECT_TRUE(take_until(*watch, seen, all_known));
  EXPECT_TRUE(seen.vanished.contains(doomed));
}

}  // namespace
}  // namespace waggle
