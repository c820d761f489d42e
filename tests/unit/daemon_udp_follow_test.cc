// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/udp_follow.h"
#include "daemon_fakes.h"

namespace waggle {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

UdpSocket socket_to(uint64_t cookie, const std::string& backend) {
  return {.cookie = cookie,
          .ipv6 = false,
          .device = 0,
          .source = *IpAddress::parse("10.0.0.1"),
          .destination = *IpAddress::parse(backend),
          .source_port = 40000,
          .destination_port = 53};
}

struct Follow : testing::Test {
  FakeKernel kernel{small_sizes()};
  FakeUdpSockets* sockets = nullptr;
  std::optional<UdpFollow> follow;
  State state;
  TimePoint now{1h};

  void SetUp() override {
    auto part = std::make_unique<FakeUdpSockets>();
    sockets = part.get();
    follow.emplace(std::move(part), kernel);
    for (const auto& [name, protocol] : {std::pair{"web", Protocol::kTcp}, std::pair{"dns", Protocol::kUdp}}) {
      Service service = service_event(name, "10.96.0.1");
      service.ports[0].protocol = protocol;
      state.apply(service);
    }
  }
  void slices_of(const std::string& service) { follow->slices_changed(state, {{"default", service}}); }
};

// Proves: K-120, K-122, K-123, X-175, X-177
TEST_F(Follow, EndsTheSocketsWhoseBackendIsGoneWhileOthersServe) {
  sockets->sockets = {socket_to(1, "10.1.0.1"), socket_to(2, "10.1.0.2"), socket_to(3, "10.1.0.3"),
                      socket_to(4, "fd00::4"), socket_to(5, "192.0.2.1")};
  kernel.sock_backends = {{1, SockBackend::kServes},
                          {2, SockBackend::kGone},
                          {3, SockBackend::kGoneWithoutOthers},
                          {4, SockBackend::kGone}};
  slices_of("dns");
  const auto round = follow->step(now);
  ASSERT_TRUE(round.has_value());
  EXPECT_THAT(sockets->ended, ElementsAre(2, 4));
  EXPECT_THAT(round->ended, ElementsAre(1, 1));
}

// Proves: K-120, X-176, X-179, X-180
TEST_F(Follow, LooksOnlyWhenEndpointsOfAUdpServiceChanged) {
  EXPECT_FALSE(follow->step(now).has_value());
  slices_of("web");
  slices_of("nobody");
  EXPECT_FALSE(follow->step(now).has_value());
  EXPECT_EQ(follow->next_wake(), std::nullopt);
  EXPECT_EQ(sockets->looks, 0);
  slices_of("dns");
  EXPECT_TRUE(follow->step(now).has_value());
  EXPECT_FALSE(follow->step(now + 1h).has_value());
}

// Proves: K-127
TEST_F(Follow, LooksOnceASecondHoweverMuchChanges) {
  slices_of("dns");
  EXPECT_TRUE(follow->step(now).has_value());
  slices_of("dns");
  EXPECT_FALSE(follow->step(now + 999ms).has_value());
  EXPECT_EQ(follow->next_wake(), now + 1s);
  EXPECT_TRUE(follow->step(now + 1s).has_value());
  EXPECT_EQ(sockets->looks, 2);
}

// Proves: K-126, X-181
TEST_F(Follow, AListThatFailsEndsNothingAndIsSaidUntilOneSucceeds) {
  sockets->sockets = {socket_to(2, "10.1.0.2")};
  kernel.sock_backends = {{2, SockBackend::kGone}};
  sockets->fails = true;
  slices_of("dns");
  EXPECT_FALSE(follow->step(now).has_value());
  EXPECT_EQ(follow->problem(), "the fake lists nothing");
  EXPECT_THAT(sockets->ended, IsEmpty());
  sockets->fails = false;
  slices_of("dns");
  EXPECT_TRUE(follow->step(now + 1s).has_value());
  EXPECT_EQ(follow->problem(), "");
}

TEST_F(Follow, WithoutUdpAtTheSocketThereIsNothingToDo) {
  UdpFollow none(nullptr, kernel);
  none.slices_changed(state, {{"default", "dns"}});
  none.want();
  EXPECT_FALSE(none.step(now).has_value());
  EXPECT_EQ(none.next_wake(), std::nullopt);
}

}  // namespace
}  // namespace waggle
