// SPDX-License-Identifier: Apache-2.0
// The Kubernetes source as the daemon sees it: one descriptor, batches, problems said once, events posted.
#include "source/kube_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>

#include "source/kube_kinds.h"
#include "support/fake_http.h"
#include "support/kube_objects.h"
#include "support/reflector_rig.h"

namespace waggle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Rig {
  FakeHttp* http = nullptr;  // the source's
  std::unique_ptr<KubeSource> source;

  Rig() {
    auto transport = std::make_unique<FakeHttp>();
    http = transport.get();
    KubeSourceOptions options;
    options.node_name = "n1";
    options.server = "the API server https://192.0.2.1:6443";
    options.timings.first_retry = std::chrono::milliseconds(20);
    options.timings.first_lists = std::chrono::milliseconds(200);
    auto made = KubeSource::make(std::move(transport), options, 1);
    EXPECT_TRUE(made);
    source = std::move(*made);
  }

  [[nodiscard]] bool readable(int wait_ms) const {
    pollfd one{source->fd(), POLLIN, 0};
    return ::poll(&one, 1, wait_ms) == 1;
  }
  // The open request for a kind.
  [[nodiscard]] HttpTransport::Id request_for(ObjectKind kind) const {
    for (const HttpTransport::Id id : http->open()) {
      if (http->request(id).request.target.starts_with(kube_kind(kind).path)) return id;
    }
    ADD_FAILURE() << "nothing asks for " << kube_kind(kind).plural;
    return 1;
  }
  void complete(ObjectKind kind, const std::vector<Event>& objects = {}) {
    const auto id = request_for(kind);
    http->head(id, 200);
    for (const Event& object : objects) http->body(id, watch_frame("ADDED", object, WireForm::kProtobuf));
    http->body(id, bookmark_frame(kind, "10", true, WireForm::kProtobuf));
  }
};

TEST(KubeSource, SaysThatItStillWaitsForTheFirstLists) {
  Rig rig;
  rig.source->take();
  EXPECT_THAT(rig.source->standing_problems(), IsEmpty()) << "a moment is usual";
  ASSERT_TRUE(rig.readable(5'000)) << "it wakes up to say so";
  rig.source->take();
  EXPECT_THAT(rig.source->standing_problems(), ElementsAre(HasSubstr("have not come yet from the API server https")));
  for (const ObjectKind kind : kAllKinds) rig.complete(kind);
  rig.source->take();
  EXPECT_THAT(rig.source->standing_problems(), IsEmpty());
}

// Proves: I-01, I-02, I-03, I-04, I-55
TEST(KubeSource, IsReadableAtOnceAndAsksForTheFourKinds) {
  Rig rig;
  EXPECT_THAT(rig.http->open(), IsEmpty());
  EXPECT_TRUE(rig.readable(0));
  const SourceBatch batch = rig.source->take();
  EXPECT_FALSE(batch.synced);
  EXPECT_THAT(rig.http->open(), SizeIs(4));
  const auto target = [&](ObjectKind kind) { return rig.http->request(rig.request_for(kind)).request.target; };
  EXPECT_TRUE(target(ObjectKind::kService)
                  .ends_with("&labelSelector=%21service.kubernetes.io%2Fservice-proxy-name&fieldSelector="
                             "spec.clusterIP%21%3DNone"));
  EXPECT_TRUE(target(ObjectKind::kEndpointSlice).ends_with("&labelSelector=%21service.kubernetes.io%2Fheadless"));
  EXPECT_TRUE(target(ObjectKind::kNode).ends_with("&fieldSelector=metadata.name%3Dn1"));
  EXPECT_EQ(target(ObjectKind::kServiceCidr).find("Selector"), std::string::npos);
}

// Proves: I-11
TEST(KubeSource, IsSyncedWithServicesAndSlicesWhateverElseThereIs) {
  Rig rig;
  rig.source->take();
  rig.complete(ObjectKind::kService, {service_at("a", 5)});
  const SourceBatch first = rig.source->take();
  EXPECT_FALSE(first.synced);
  EXPECT_THAT(first.events, SizeIs(1));
  rig.complete(ObjectKind::kEndpointSlice);
  EXPECT_TRUE(rig.source->take().synced);
  EXPECT_TRUE(rig.source->take().synced);
  EXPECT_EQ(rig.source->request_counts().lists, 2U);
}

TEST(KubeSource, IsCompleteOnceEachObjectOfTheStartWasSeenInAGoodVersion) {
  Rig rig;
  rig.source->take();
  rig.complete(ObjectKind::kService, {service_at("good", 5), service_at("bad", 6, 0)});
  rig.complete(ObjectKind::kEndpointSlice);
  const SourceBatch first = rig.source->take();
  EXPECT_TRUE(first.synced);
  EXPECT_FALSE(first.complete);
  const auto change = [&](const char* type, const Event& object) {
    rig.http->body(rig.request_for(ObjectKind::kService), watch_frame(type, object, WireForm::kProtobuf));
    return rig.source->take().complete;
  };
  EXPECT_FALSE(change("MODIFIED", service_at("good", 11, 0)));  // its good version serves
  EXPECT_TRUE(change("MODIFIED", service_at("bad", 12, 81)));
  EXPECT_TRUE(change("ADDED", service_at("another", 13, 0)));  // was not there at the start
}

TEST(KubeSource, IsConnectedWhileServicesAndSlicesAreAnswered) {
  Rig rig;
  rig.source->take();
  EXPECT_FALSE(rig.source->connected());
  rig.complete(ObjectKind::kService);
  rig.complete(ObjectKind::kEndpointSlice);
  rig.source->take();
  EXPECT_TRUE(rig.source->connected());
  rig.http->end(rig.request_for(ObjectKind::kService), false);
  rig.source->take();
  EXPECT_TRUE(rig.source->connected());  // one end is no trouble
  while (rig.http->open().size() < 4) {
    ASSERT_TRUE(rig.readable(5000));
    rig.source->take();
  }
  rig.http->end(rig.request_for(ObjectKind::kService), false);
  rig.source->take();
  EXPECT_FALSE(rig.source->connected());
}

TEST(KubeSource, WakesWhenAPauseIsOver) {
  Rig rig;
  rig.source->take();
  for (const auto id : rig.http->open()) rig.http->end(id, false, "nobody is there; start it");
  const SourceBatch batch = rig.source->take();
  EXPECT_THAT(batch.problems, ElementsAre("nobody is there; start it"));  // once for all four
  EXPECT_THAT(rig.http->open(), IsEmpty());
  while (rig.http->open().size() < 4) {
    ASSERT_TRUE(rig.readable(5000));
    EXPECT_THAT(rig.source->take().problems, IsEmpty());
  }
  EXPECT_THAT(rig.source->standing_problems(), ElementsAre("nobody is there; start it"));
  for (const ObjectKind kind : kAllKinds) {
    rig.complete(kind);
    rig.http->body(rig.request_for(kind), bookmark_frame(kind, "11", false, WireForm::kProtobuf));
  }
  rig.source->take();
  EXPECT_THAT(rig.source->standing_problems(), IsEmpty());
}

TEST(KubeSource, AMissingServiceCidrIsSaidOnceAndStandsNowhere) {
  Rig rig;
  rig.source->take();
  rig.http->answer(rig.request_for(ObjectKind::kServiceCidr), 404, "application/json", "{}");
  EXPECT_THAT(rig.source->take().problems,
              ElementsAre("the API server https://192.0.2.1:6443 has no servicecidrs; going on without"));
  EXPECT_THAT(rig.source->take().problems, IsEmpty());
  EXPECT_THAT(rig.source->standing_problems(), IsEmpty());
}

// Proves: I-05
TEST(KubeSource, PostsEventsAndSaysAFailureOnce) {
  Rig rig;
  rig.source->take();
  while (rig.readable(0)) rig.source->take();
  rig.source->post_event("shop", "{\"kind\":\"Event\"}");
  EXPECT_TRUE(rig.readable(1000));  // the transport has to be driven
  const HttpTransport::Id first = rig.http->last();
  EXPECT_EQ(rig.http->request(first).request.method, "POST");
  EXPECT_EQ(rig.http->request(first).request.target, "/apis/events.k8s.io/v1/namespaces/shop/events");
  EXPECT_EQ(rig.http->request(first).request.body, "{\"kind\":\"Event\"}");
  EXPECT_EQ(rig.http->request(first).request.content_type, "application/json");
  rig.http->answer(first, 201, "application/json", "{}");
  EXPECT_THAT(rig.source->take().problems, IsEmpty());
  for (int i = 0; i < 2; ++i) {
    rig.source->post_event("shop", "{}");
    rig.http->answer(rig.http->last(), 403, "application/json", status_body(403, "Forbidden", "no", WireForm::kJson));
  }
  EXPECT_THAT(rig.source->take().problems,
              ElementsAre(HasSubstr("could not be posted: the API server https://192.0.2.1:6443 does not allow to "
                                    "create events (403) and says: no; give the user")));
  rig.source->post_event("shop", "{}");
  rig.http->end(rig.http->last(), false, "cut");
  EXPECT_THAT(rig.source->take().problems, IsEmpty());
  EXPECT_THAT(rig.source->standing_problems(), IsEmpty());
  EXPECT_EQ(rig.source->request_counts().requests.at({"POST", "403"}), 2U);
}

TEST(KubeSource, DoesNotPileUpEvents) {
  Rig rig;
  rig.source->take();
  for (int i = 0; i < 100; ++i) rig.source->post_event("shop", "{}");
  EXPECT_THAT(rig.http->open(), SizeIs(4 + 16));
  EXPECT_THAT(rig.source->take().problems, ElementsAre(HasSubstr("too many at once")));
}

}  // namespace
}  // namespace waggle
