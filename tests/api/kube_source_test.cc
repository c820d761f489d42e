// SPDX-License-Identifier: Apache-2.0
// The Kubernetes source against the test API server when it behaves: lists in every form, changes, selectors, restarts,
// compaction, credentials.
#include <fmt/ranges.h>

#include "kube_source_rig.h"

namespace waggle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(KubeSource, ListsWatchesAndFollowsChanges) {
  SourceRig rig;
  rig.start_and_sync();
  EXPECT_EQ(rig.state.nodes().size(), 1U);
  rig.put_service("web", 81);
  rig.put_service("db", 5432);
  rig.put_slice("db-1", "db", "10.1.0.2");
  rig.put_node("n1", "c");
  rig.put_node("n2", "c");
  rig.remove("endpointslices", "web-1");
  rig.follow_until_same("changes");
  EXPECT_EQ(rig.state.service({"shop", "web"})->ports[0].port, 81);
  EXPECT_EQ(rig.state.node("n1")->zone, "c");
  EXPECT_THAT(rig.said, IsEmpty());
  for (const ObjectKind kind : kAllKinds) {
    const std::string stats = rig.command(
        fmt::format(R"({{"command": "stats", "resource": "{}", "requests": false}})", kube_kind(kind).plural));
    EXPECT_EQ(rig.number(stats, "/count"), 1);  // a streaming list and watch in one
    EXPECT_EQ(rig.number(stats, "/connections"), 1);
  }
}

TEST(KubeSource, ObjectsComeAndGoWithTheLabelsThatHideThem) {
  SourceRig rig;
  rig.start_and_sync();
  const std::string hidden = R"("service.kubernetes.io/service-proxy-name": "")";
  rig.put_service("web", 80, "", hidden);
  rig.put_slice("web-1", "web", "10.1.0.1", R"(, "service.kubernetes.io/headless": "")");
  rig.follow_until([&] { return rig.state.services().empty() && rig.state.slice_count() == 0; }, "hidden");
  rig.put_service("web");
  rig.put_slice("web-1", "web", "10.1.0.1");
  rig.follow_until_same("shown again");
  EXPECT_EQ(rig.state.services().size(), 1U);
  EXPECT_EQ(rig.state.slice_count(), 1U);
  rig.put_service("web", 80, R"(, "clusterIPs": ["10.96.0.7"], "type": "ExternalName")");
  rig.follow_until_same("another type");
}

struct Form {
  const char* name;
  const char* settings;
};

class KubeSourceForms : public ::testing::TestWithParam<Form> {};

TEST_P(KubeSourceForms, GiveTheSameState) {
  SourceRig rig;
  rig.command(R"({"command": "generate", "services": 1200, "endpoints": 3})");
  rig.command(fmt::format(R"({{"command": "set", {}}})", GetParam().settings));
  rig.start_and_sync();
  EXPECT_EQ(rig.state.services().size(), 1201U);
  rig.put_service("web", 81);
  rig.command(R"({"command": "churn", "count": 300, "rate": 0})");
  rig.follow_until_same("changes");
  EXPECT_THAT(rig.said, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(All, KubeSourceForms,
                         ::testing::Values(Form{"streaming", R"("streaming_lists": "enabled")"},
                                           Form{"disabled", R"("streaming_lists": "disabled")"},
                                           Form{"unknown", R"("streaming_lists": "unknown")"},
                                           Form{"bad_request", R"("streaming_lists": "bad_request")"},
                                           Form{"json", R"("json_only": true)"},
                                           Form{"json_pages", R"("json_only": true, "streaming_lists": "disabled")"},
                                           Form{"uncompressed", R"("gzip": false, "streaming_lists": "disabled")"},
                                           Form{"http1", R"("protocols": ["http/1.1"])"}),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(KubeSource, SurvivesARestartOnAnotherConnection) {
  SourceRig rig;
  rig.start_and_sync();
  rig.put_service("before");
  rig.tell("stop");
  rig.follow_until([&] { return !rig.standing().empty(); }, "a complaint");
  EXPECT_THAT(rig.standing(), ElementsAre(HasSubstr("https://127.0.0.1:")));
  EXPECT_EQ(rig.state.slice_count(), 1U);  // what was there keeps serving
  rig.put_service("meanwhile");
  rig.remove("endpointslices", "web-1");
  rig.tell("start");
  rig.follow_until_same("after the restart");
  rig.follow_until_mended();
}

TEST(KubeSource, SurvivesCompactionWhileItWasAway) {
  for (const char* as : {"event", "status"}) {
    SourceRig rig;
    rig.command(fmt::format(R"({{"command": "set", "gone_as": "{}"}})", as));
    rig.start_and_sync();
    rig.tell("stop");
    rig.put_service("meanwhile");
    rig.remove("services", "web");
    rig.tell("compact");
    rig.tell("start");
    rig.follow_until_same("after the compaction");
    rig.follow_until_mended();
    EXPECT_EQ(rig.state.service({"shop", "web"}), nullptr);
    EXPECT_GE(rig.source->request_counts().lists, 5U);
  }
}

TEST(KubeSource, SurvivesABackupThatIsRestored) {
  SourceRig rig;
  rig.command(R"({"command": "set", "bookmark_interval": 0.5})");
  for (int i = 0; i < 30; ++i) rig.put_service("web", 1000 + i);
  rig.start_and_sync();
  rig.tell("stop");
  rig.remove("services", "web");
  rig.tell("forget_versions");
  rig.put_service("restored");
  rig.tell("start");
  // Watches from versions that do not exist yet are open and silent, until a bookmark tells what the version is.
  rig.follow_until_same("after the restore");
}

TEST(KubeSource, TakesANewTokenAndSaysWhatIsWrongWithTheOldOne) {
  SourceRig rig;
  rig.start_and_sync();
  rig.command(R"({"command": "token", "token": "second", "write": false})");
  rig.tell("end_watches");
  rig.follow_until([&] { return rig.has_said("401"); }, "a complaint about the token");
  rig.put_service("meanwhile");
  rig.command(R"({"command": "token", "token": "third"})");
  rig.follow_until_same("the new token");
  rig.follow_until_mended();
}

TEST(KubeSource, NamesAMissingPermission) {
  SourceRig rig;
  rig.command(R"({"command": "deny", "resource": "endpointslices", "verbs": ["list", "watch"]})");
  rig.start();
  rig.follow_until([&] { return rig.has_said("403"); }, "a complaint");
  EXPECT_TRUE(rig.has_said("does not allow to watch endpointslices (403)")) << rig.said.front();
  EXPECT_FALSE(rig.synced);
  rig.command(R"({"command": "deny", "resource": "endpointslices", "verbs": []})");
  rig.follow_until_same("the permission");
  rig.follow_until_mended();
}

TEST(KubeSource, NeedsNoServiceCidrs) {
  SourceRig rig;
  rig.command(R"({"command": "deny", "resource": "servicecidrs", "verbs": ["*"]})");
  rig.start();
  rig.follow_until([&] { return rig.synced && rig.has_said("403"); }, "services and slices");
  EXPECT_TRUE(rig.state.service_cidrs().empty());
  EXPECT_EQ(rig.state.services().size(), 1U);
}

TEST(KubeSource, NeedsNothingThatANodeProxierMayNot) {
  SourceRig rig;
  rig.command(R"({"command": "rights", "everything_allowed": false})");
  rig.start_and_sync();
  rig.source->post_event("shop", R"({"kind":"Event","apiVersion":"events.k8s.io/v1",)"
                                 R"("metadata":{"name":"e1","namespace":"shop"},"reason":"Starting"})");
  rig.follow_until([&] { return rig.source->request_counts().requests.contains({"POST", "201"}); }, "the event");
  EXPECT_EQ(text_at(rig.tell("events"), "/objects/0/reason").value_or(""), "Starting");
  EXPECT_THAT(rig.said, IsEmpty());
}

TEST(KubeSource, AMalformedObjectIsNamedAndTheRestGoesOn) {
  SourceRig rig;
  rig.start_and_sync();
  rig.put(R"("kind": "Service", "apiVersion": "v1", "metadata": {"name": "web", "namespace": "shop"},
             "spec": {"clusterIP": "10.96.0.7", "ports": [{"name": "http", "port": 0}]})");
  rig.put_service("other", 82);
  rig.follow_until([&] { return rig.state.service({"shop", "other"}) != nullptr; }, "the other service");
  EXPECT_EQ(rig.state.service({"shop", "web"})->ports[0].port, 80);
  EXPECT_THAT(rig.standing(), ElementsAre(HasSubstr("Service shop/web: spec.ports[0].port: 0 is not a port")));
  rig.put_service("web", 83);
  rig.follow_until_same("mended");
  EXPECT_THAT(rig.standing(), IsEmpty());
}

TEST(KubeSource, BookmarksSaveAListAfterACompaction) {
  SourceRig rig;
  rig.start_and_sync();
  for (int i = 0; i < 5; ++i) rig.put_service("web", 1000 + i);
  rig.follow_until_same("changes");
  const uint64_t before = rig.source->request_counts().watch_events;
  for (const ObjectKind kind : kAllKinds)
    rig.command(fmt::format(R"({{"command": "bookmark", "resource": "{}"}})", kube_kind(kind).plural));
  rig.follow_until([&] { return rig.source->request_counts().watch_events >= before + 4; }, "the bookmarks");
  rig.tell("compact");
  rig.tell("end_watches");
  rig.put_service("after", 90);
  rig.follow_until_same("after the compaction");
  EXPECT_EQ(rig.source->request_counts().lists, 4U);
}

}  // namespace
}  // namespace waggle
