// SPDX-License-Identifier: Apache-2.0
// The Kubernetes source against every fault of the test API server, in the first lists and in later watches: it ends in
// the server's state, and what was there is never lost on the way.
#include <fmt/ranges.h>

#include "kube_source_rig.h"

namespace waggle {
namespace {

struct Fault {
  const char* name;
  const char* kind;
  const char* parameters;  // beginning with a comma
};

class KubeSourceFaults : public ::testing::TestWithParam<Fault> {
 protected:
  static void fault(SourceRig& rig, const std::string& resource, int count) {
    const Fault& one = GetParam();
    rig.fault(one.kind, fmt::format(R"(, "resource": "{}", "count": {}{})", resource, count, one.parameters));
  }
};

TEST_P(KubeSourceFaults, InTheFirstListsEndInTheServersState) {
  SourceRig rig;
  for (int i = 0; i < 20; ++i) rig.put_service(fmt::format("s{}", i), 1000 + i);
  fault(rig, "services", 2);
  fault(rig, "endpointslices", 1);
  rig.start();
  rig.follow_until_same("the start");
  rig.tell("clear_faults");
  rig.tell("end_watches");  // some faults hold back what comes later
  rig.put_service("after", 81);
  rig.follow_until_same("a change");
  rig.follow_until_mended();
}

TEST_P(KubeSourceFaults, InPagesEndInTheServersState) {
  SourceRig rig;
  rig.command(R"({"command": "generate", "services": 1100, "endpoints": 1})");
  rig.command(R"({"command": "set", "streaming_lists": "disabled"})");
  rig.fault(GetParam().kind, fmt::format(R"(, "verb": "list", "count": 2{})", GetParam().parameters));
  rig.start();
  rig.follow_until_same("the start");
  EXPECT_EQ(rig.state.services().size(), 1101U);
}

TEST_P(KubeSourceFaults, InLaterWatchesEndInTheServersState) {
  SourceRig rig;
  rig.start_and_sync();
  const size_t before = rig.events;
  fault(rig, "services", 2);
  rig.tell("end_watches");
  rig.follow_until([&] { return rig.number(rig.tell("faults"), "/faults/0/hits") >= 1; }, "the fault");
  for (int i = 0; i < 6; ++i) {
    rig.put_service(fmt::format("s{}", i), 1000 + i);
    rig.put_service("web", 2000 + i);
  }
  rig.remove("services", "s0");
  // Whether or not the changes came through, the end of all faults finds a source that goes on.
  rig.follow_until([&] { return rig.number(rig.tell("faults"), "/faults/0/hits") >= 2 || rig.events > before; },
                   "something of the changes, or the fault again");
  rig.tell("clear_faults");
  rig.tell("end_watches");
  rig.put_service("after", 81);
  rig.follow_until_same("the changes");
  rig.follow_until_mended();
}

INSTANTIATE_TEST_SUITE_P(
    All, KubeSourceFaults,
    ::testing::Values(
        Fault{"delay", "delay", R"(, "seconds": 0.3)"}, Fault{"busy", "status", R"(, "code": 429, "retry_after": 1)"},
        Fault{"internal", "status", R"(, "code": 500)"},
        Fault{"unavailable_plain", "status", R"(, "code": 503, "plain": true)"},
        Fault{"gone", "status", R"(, "code": 410)"}, Fault{"unauthorized", "status", R"(, "code": 401)"},
        Fault{"redirect", "redirect", R"(, "location": "https://192.0.2.1/")"},
        Fault{"content_type", "content_type", R"(, "value": "text/html")"}, Fault{"never", "never", ""},
        Fault{"hang_up", "hang_up", ""}, Fault{"reset", "reset", ""}, Fault{"stream_reset", "stream_reset", ""},
        Fault{"half", "half", ""}, Fault{"truncate", "truncate", ""}, Fault{"stall", "stall", ""},
        Fault{"freeze", "freeze", ""}, Fault{"garbage", "garbage", R"(, "seed": 5)"},
        Fault{"garbage_later", "garbage", R"(, "after_bytes": 300, "seed": 6)"},
        Fault{"drip", "drip", R"(, "bytes": 500, "seconds": 0.01)"}, Fault{"duplicate", "duplicate", ""},
        Fault{"reorder", "reorder", R"(, "window": 3)"}, Fault{"shuffle", "reorder", R"(, "window": 4, "seed": 3)"},
        Fault{"event_gone", "event_error", R"(, "code": 410, "after_events": 1)"},
        Fault{"event_failed", "event_error", R"(, "code": 500, "after_events": 1)"}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(KubeSourceFault, TheSameTroubleIsSaidOnce) {
  SourceRig rig;
  rig.start_and_sync();
  rig.fault("status", R"(, "code": 503, "count": -1)");
  rig.tell("end_watches");
  rig.follow_until([&] { return rig.ended("503") >= 12; }, "a dozen refusals");
  EXPECT_EQ(rig.said.size(), 1U) << fmt::format("{}", fmt::join(rig.said, "\n"));
  EXPECT_EQ(rig.standing().size(), 1U);
  rig.tell("clear_faults");
  rig.follow_until_mended();
}

TEST(KubeSourceFault, BytesThatAreNoEventsEndTheWatchAndNothingElse) {
  SourceRig rig;
  rig.start_and_sync();
  rig.command(R"({"command": "inject", "resource": "services", "text": "\u007f\u007f\u007f\u007fnoise"})");
  rig.put_service("after", 81);
  rig.follow_until_same("after the noise");
  EXPECT_TRUE(rig.has_said("what the API server answers to watch services holds what is no event"));
  rig.follow_until_mended();
}

TEST(KubeSourceFault, DroppedConnectionsAndGoawaysAreTakenUp) {
  SourceRig rig;
  rig.start_and_sync();
  for (const char* command :
       {R"({"command": "drop", "how": "reset"})", R"({"command": "drop", "how": "close"})", R"({"command": "go_away"})",
        R"({"command": "watch_error", "resource": "services", "code": 410})",
        R"({"command": "watch_error", "resource": "services", "code": 500, "end": true})"}) {
    rig.follow_until_watching();
    rig.command(command);
    rig.put_service("web", 1000 + static_cast<int>(rig.events));
    rig.follow_until_same(command);
  }
  rig.follow_until_mended();
}

TEST(KubeSourceFault, AServerThatFreezesIsNoticedAndLeft) {
  SourceRig rig;
  rig.start_and_sync();
  rig.tell("freeze");
  rig.follow_until([&] { return !rig.standing().empty(); }, "a complaint");
  rig.tell("thaw");
  rig.put_service("after", 81);
  rig.follow_until_same("after the thaw");
  rig.follow_until_mended();
}

}  // namespace
}  // namespace waggle
