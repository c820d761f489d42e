// SPDX-License-Identifier: Apache-2.0
// Whatever happens between a server and a reflector, and in whatever order: when it is over, the reflector's State is
// the server's. On the way, an object that was there all the time is never deleted.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "source/kube_kinds.h"
#include "support/fake_kube.h"
#include "support/reflector_rig.h"

namespace waggle {
namespace {

using std::chrono::milliseconds;

constexpr int kObjects = 12;   // names in use
constexpr int kPermanent = 3;  // of them are never deleted

class Story {
 public:
  Story(ObjectKind kind, uint32_t seed) : random_(seed), rig_(kind, seed), kube_(kind, rig_.http, seed) {
    kube_.streaming = below(2) == 0;
    kube_.form = below(4) == 0 ? WireForm::kJson : WireForm::kProtobuf;
    for (int i = 0; i < kPermanent + 3; ++i) kube_.put(object(i));
  }

  void run() {
    for (int step = 0; step < 300 && !::testing::Test::HasFailure(); ++step) this->step();
    settle();
    EXPECT_EQ(rig_.state, kube_.state());
    EXPECT_TRUE(rig_.reflector.synced());
    EXPECT_TRUE(rig_.reflector.problems().empty()) << rig_.problem();
    EXPECT_LT(rig_.http.count(), 1200U);
  }

 private:
  uint32_t below(uint32_t limit) { return static_cast<uint32_t>(random_() % limit); }

  ObjectName name(int i) const { return {kube_kind(rig_.kind).namespaced ? "shop" : "", fmt::format("x{:02}", i)}; }
  Event object(int i) { return random_object(rig_.kind, name(i), random_); }

  void change_store() {
    const int i = static_cast<int>(below(kObjects));
    if (i >= kPermanent && below(3) == 0) {
      kube_.remove(name(i));
    } else {
      kube_.put(object(i));
    }
  }

  void break_something() {
    constexpr std::array kCodes = {401, 403, 410, 429, 500, 503, 504};
    switch (below(9)) {
      case 0:
        return kube_.refuse_next(kCodes[below(kCodes.size())]);
      case 1:
        return kube_.end_one(true);
      case 2:
        return kube_.end_one(false);
      case 3:
        return kube_.error_one(below(2) == 0 ? 410 : 500);
      case 4:
        return kube_.garble_one();
      case 5:
        return kube_.repeat_one();
      case 6:
        return kube_.compact();
      case 7:
        return below(4) == 0 ? kube_.restore() : kube_.compact();
      default:
        return kube_.shuffle_one();
    }
  }

  void step() {
    if (below(2) == 0) change_store();
    if (below(6) == 0) break_something();
    kube_.answer_new();
    kube_.deliver(below(3) == 0);
    rig_.pass(milliseconds(below(3) == 0 ? below(8000) : 1));
    check();
  }

  void check() {
    for (; seen_ < rig_.events.size(); ++seen_) {
      const auto* deletion = std::get_if<Deletion>(&rig_.events[seen_]);
      if (deletion == nullptr) continue;
      for (int i = 0; i < kPermanent; ++i) ASSERT_NE(deletion->name, name(i)) << "deleted what was never gone";
    }
  }

  // No more faults: until nothing waits and what may be missing has been asked for again.
  void settle() {
    kube_.put(object(0));
    for (int quiet = 0; quiet < 20;) {
      kube_.answer_new();
      quiet = kube_.deliver(true) ? 0 : quiet + 1;
      rig_.pass(std::chrono::seconds(40));
      check();
    }
  }

  std::mt19937 random_;
  ReflectorRig rig_;
  FakeKube kube_;
  size_t seen_ = 0;
};

TEST(ReflectorProperty, AnyInterleavingEndsInTheServersState) {
  const char* given = std::getenv("WAGGLE_SEED");
  const uint32_t first =
      given != nullptr ? static_cast<uint32_t>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
  const uint32_t stories = given != nullptr ? 1 : 400;
  for (uint32_t i = 0; i < stories; ++i) {
    SCOPED_TRACE(fmt::format("WAGGLE_SEED={}", first + i));
    Story(kAllKinds[(first + i) % kAllKinds.size()], first + i).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace waggle
