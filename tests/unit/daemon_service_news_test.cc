// SPDX-License-Identifier: Apache-2.0
// What the log says of services that come and go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/service_news.h"
#include "daemon_fakes.h"

namespace waggle {
namespace {

using namespace std::chrono_literals;
using testing::Optional;

Deletion deletion_of(const std::string& name) { return {ObjectKind::kService, {"default", name}}; }

struct News : testing::Test {
  State state;
  ServiceNews news;
  TimePoint now = TimePoint{} + 1h;

  void take(const std::vector<Event>& events) {
    news.take(state, events);
    for (const Event& event : events) state.apply(event);
  }
};

TEST_F(News, WhatCameAndWentIsOneLine) {
  take({service_event("old", "10.96.0.1")});
  EXPECT_THAT(news.say(now), Optional(std::string("services: 1 added (default/old)")));
  now += 1s;
  take({service_event("web", "10.96.0.2"), service_event("api", "10.96.0.3"), deletion_of("old"),
        slice_event("web", {"10.1.0.1"})});
  EXPECT_THAT(news.say(now),
              Optional(std::string("services: 2 added (default/api, default/web), 1 removed (default/old)")));
}

TEST_F(News, WhatOnlyChangedOrWasNeverThereIsNoNews) {
  take({service_event("web", "10.96.0.2")});
  news.say(now);
  take({service_event("web", "10.96.0.9"), deletion_of("none"), slice_event("web", {})});
  EXPECT_EQ(news.say(now + 1h), std::nullopt);
  EXPECT_EQ(news.next_wake(), std::nullopt);
}

TEST_F(News, AReplacementAndAVisitAreNoNews) {
  take({service_event("web", "10.96.0.2")});
  news.say(now);
  take({deletion_of("web"), service_event("web", "10.96.0.9"), service_event("guest", "10.96.0.8"),
        deletion_of("guest")});
  EXPECT_EQ(news.say(now + 1h), std::nullopt);
  take({deletion_of("web")});
  take({service_event("web", "10.96.0.2")});
  EXPECT_EQ(news.say(now + 1h), std::nullopt);
}

// The label of another proxy comes and goes.
// Proves: I-01
TEST_F(News, WhatIsLeftToAnotherProxyAndTakenBackIsSaid) {
  Service hidden = service_event("web", "10.96.0.2");
  hidden.has_proxy_name = true;
  const Service shown = service_event("web", "10.96.0.2");
  take({shown});
  news.say(now);
  take({hidden});
  EXPECT_THAT(news.say(now += 1s), Optional(std::string("services: 1 left to another proxy (default/web)")));
  take({shown, hidden, shown});
  EXPECT_THAT(news.say(now += 1s), Optional(std::string("services: 1 taken back from another proxy (default/web)")));
  take({hidden, shown});
  EXPECT_EQ(news.say(now += 1s), std::nullopt);
  take({hidden});
  news.say(now += 1s);
  take({deletion_of("web"), hidden, deletion_of("web")});
  EXPECT_EQ(news.say(now += 1s), std::nullopt) << "it was not ours";
}

TEST_F(News, ABurstIsOneLineASecondWithAFewNames) {
  take({service_event("first", "10.96.0.1")});
  ASSERT_TRUE(news.say(now));
  for (int i = 100; i < 200; ++i) {
    take({service_event("s" + std::to_string(i), "10.96.1." + std::to_string(i))});
    EXPECT_EQ(news.say(now + 999ms), std::nullopt);
  }
  EXPECT_THAT(news.next_wake(), Optional(now + 1s));
  EXPECT_THAT(news.say(now + 1s),
              Optional(std::string("services: 100 added (default/s100, default/s101, default/s102, default/s103, "
                                   "default/s104 and 95 more)")));
}

}  // namespace
}  // namespace waggle
