// SPDX-License-Identifier: Apache-2.0
// How a reflector gets the whole of a kind: streaming lists, pages, and what stands in for either.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/reflector_rig.h"

namespace waggle {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

bool has(const State& state, const std::string& name) { return state.service({"shop", name}) != nullptr; }

TEST(ReflectorList, BeginsWithAStreamingListAndGoesOnAsAWatch) {
  ReflectorRig rig;
  EXPECT_THAT(rig.target(),
              ::testing::MatchesRegex("/api/v1/services\\?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&"
                                      "resourceVersionMatch=NotOlderThan&timeoutSeconds=[0-9]+&"
                                      "fieldSelector=spec.clusterIP%21%3DNone"));
  EXPECT_EQ(rig.http.request(1).request.accept, "application/vnd.kubernetes.protobuf,application/json");
  rig.frame(watch_frame("ADDED", service_at("a", 5), rig.form));
  EXPECT_FALSE(rig.reflector.synced());
  EXPECT_TRUE(has(rig.state, "a"));
  rig.frame(bookmark_frame(rig.kind, "10", true, rig.form));
  EXPECT_TRUE(rig.reflector.synced());
  rig.frame(watch_frame("MODIFIED", service_at("a", 11, 81), rig.form));
  EXPECT_EQ(rig.state.service({"shop", "a"})->ports[0].port, 81);
  EXPECT_EQ(rig.http.count(), 1U);
  rig.end();
  EXPECT_TRUE(rig.asks_for("resourceVersion=11&")) << rig.target();
  EXPECT_FALSE(rig.asks_for("sendInitialEvents"));
}

TEST(ReflectorList, ABookmarkInTheMiddleDoesNotEndAStreamingList) {
  ReflectorRig rig;
  rig.frame(bookmark_frame(rig.kind, "10", false, rig.form));
  EXPECT_FALSE(rig.reflector.synced());
}

TEST(ReflectorList, PagesStandInWhereStreamingListsAreRefused) {
  for (const int code : {400, 422}) {
    ReflectorRig rig;
    rig.status(code, "Invalid", "no");
    EXPECT_TRUE(rig.target().starts_with("/api/v1/services?limit=500&resourceVersion=0&fieldSelector="))
        << rig.target();
    rig.page({service_at("a", 3)}, "7", "to/ken+=");
    EXPECT_FALSE(rig.reflector.synced());
    EXPECT_TRUE(rig.target().starts_with("/api/v1/services?limit=500&continue=to%2Fken%2B%3D&fieldSelector="))
        << rig.target();
    rig.page({service_at("b", 4)}, "7");
    EXPECT_TRUE(rig.reflector.synced());
    EXPECT_EQ(rig.state.services().size(), 2U);
    EXPECT_TRUE(rig.asks_for("watch=true&allowWatchBookmarks=true&resourceVersion=7&timeoutSeconds="));
    EXPECT_EQ(rig.problem(), "");
    EXPECT_EQ(rig.counts.lists, 1U);
  }
}

TEST(ReflectorList, AServerThatDoesNotUnderstandStreamingListsGetsPages) {
  ReflectorRig ends;
  ends.frame(watch_frame("ADDED", service_at("a", 5), ends.form));
  ends.end();
  ends.pass_pause();
  EXPECT_TRUE(ends.asks_for("limit=500"));
  EXPECT_TRUE(has(ends.state, "a"));

  ReflectorRig hangs;
  hangs.frame(watch_frame("ADDED", service_at("a", 5), hangs.form));
  hangs.pass(seconds(29));
  EXPECT_EQ(hangs.http.count(), 1U);
  hangs.frame(watch_frame("ADDED", service_at("b", 6), hangs.form));
  hangs.pass(seconds(29));
  EXPECT_EQ(hangs.http.count(), 1U);  // it was heard of
  hangs.pass(seconds(2));
  EXPECT_TRUE(hangs.http.request(1).cancelled);
  hangs.pass_pause();
  EXPECT_TRUE(hangs.asks_for("limit=500"));
}

TEST(ReflectorList, PagesThatWentOutOfDateBecomeOneWholeList) {
  ReflectorRig rig;
  rig.refuse_streaming();
  rig.page({service_at("a", 3)}, "7", "token");
  rig.status(410, "Expired", "The provided continue parameter is too old");
  EXPECT_FALSE(rig.asks_for("limit"));
  EXPECT_FALSE(rig.asks_for("resourceVersion"));
  EXPECT_FALSE(rig.asks_for("continue"));
  rig.page({service_at("b", 9)}, "9");
  EXPECT_FALSE(has(rig.state, "a"));
  EXPECT_TRUE(has(rig.state, "b"));
  EXPECT_TRUE(rig.reflector.synced());
}

TEST(ReflectorList, APageThatBreaksOffIsAskedForAgain) {
  ReflectorRig rig;
  rig.refuse_streaming();
  rig.page({service_at("a", 3)}, "7", "token");
  const std::string body = list_body(rig.kind, {service_at("b", 4)}, "7", "", rig.form);
  rig.http.head(rig.last(), 200, content_type_of(rig.form));
  rig.http.body(rig.last(), body.substr(0, body.size() / 2));
  rig.end(false);
  EXPECT_EQ(rig.problem(), "the connection was reset");
  rig.pass_pause();
  EXPECT_TRUE(rig.asks_for("continue=token"));
  rig.page({service_at("b", 4)}, "7");
  EXPECT_EQ(rig.state.services().size(), 2U);
}

TEST(ReflectorList, AHalfBodyThatEndsInGoodOrderIsNoList) {
  for (const WireForm form : {WireForm::kJson, WireForm::kProtobuf}) {
    ReflectorRig rig;
    rig.form = form;
    rig.refuse_streaming();
    rig.page({service_at("a", 3), service_at("b", 3)}, "7");
    rig.frame(error_frame(410, "Expired", "too old", form));
    const std::string body = list_body(rig.kind, {service_at("a", 3)}, "8", "", form);
    rig.http.answer(rig.last(), 200, content_type_of(form), body.substr(0, body.size() - 20));
    rig.advance();
    EXPECT_TRUE(has(rig.state, "b"));
    EXPECT_THAT(rig.problem(), HasSubstr("what the API server answers to list services is not"));
    rig.pass_pause();
    rig.page({service_at("a", 3)}, "8");
    EXPECT_FALSE(has(rig.state, "b"));
  }
}

// Proves: I-08
TEST(ReflectorList, WhatVanishedIsDeletedWhenTheNewListIsCompleteAndNotBefore) {
  ReflectorRig rig;
  rig.stream({service_at("a", 3), service_at("b", 4)}, "10");
  rig.frame(error_frame(410, "Expired", "too old", rig.form));
  EXPECT_TRUE(rig.asks_for("sendInitialEvents=true"));
  rig.frame(watch_frame("ADDED", service_at("b", 20, 81), rig.form));
  rig.end(false);
  rig.pass_pause();
  EXPECT_TRUE(has(rig.state, "a"));
  rig.stream({service_at("b", 20, 81)}, "21");
  EXPECT_FALSE(has(rig.state, "a"));
  EXPECT_EQ(rig.state.service({"shop", "b"})->ports[0].port, 81);
  EXPECT_EQ(std::count_if(rig.events.begin(), rig.events.end(),
                          [](const Event& event) { return std::holds_alternative<Deletion>(event); }),
            1);
}

TEST(ReflectorList, AListIsTheTruthEvenWhenItsVersionsAreLower) {
  ReflectorRig rig;
  rig.stream({service_at("a", 500, 80)}, "500");
  rig.frame(error_frame(410, "Expired", "restored from a backup", rig.form));
  rig.stream({service_at("a", 3, 90)}, "9");
  EXPECT_EQ(rig.state.service({"shop", "a"})->ports[0].port, 90);
  rig.frame(watch_frame("MODIFIED", service_at("a", 10, 91), rig.form));
  EXPECT_EQ(rig.state.service({"shop", "a"})->ports[0].port, 91);
}

TEST(ReflectorList, AnOlderServerIsAskedWithoutTheFieldSelectorItDoesNotKnow) {
  ReflectorRig rig;
  rig.status(400, "BadRequest", "field label not supported: spec.clusterIP");
  EXPECT_TRUE(rig.asks_for("fieldSelector"));
  rig.status(400, "BadRequest", "field label not supported: spec.clusterIP");
  EXPECT_FALSE(rig.asks_for("fieldSelector"));
  rig.page({service_at("a", 3)}, "7");
  EXPECT_TRUE(rig.reflector.synced());
  EXPECT_FALSE(rig.asks_for("fieldSelector"));
  rig.status(400, "BadRequest", "whatever");
  EXPECT_THAT(rig.problem(), HasSubstr("refuses to watch services (400) and says: whatever"));
}

TEST(ReflectorList, OnlyWhatMayBeMissingIsGoneOnWithout) {
  ReflectorRig rig(ObjectKind::kServiceCidr);
  rig.status(404, "NotFound", "the server could not find the requested resource");
  EXPECT_EQ(rig.problem(), "");
  EXPECT_EQ(rig.reflector.take_remark(), "the API server has no servicecidrs; going on without");
  EXPECT_FALSE(rig.reflector.synced());
  EXPECT_FALSE(rig.reflector.gates());
  rig.pass(std::chrono::minutes(9));
  EXPECT_EQ(rig.http.count(), 1U);
  rig.pass(std::chrono::minutes(2));
  rig.status(404);
  EXPECT_EQ(rig.reflector.take_remark(), "");

  ReflectorRig forbidden(ObjectKind::kServiceCidr);
  forbidden.status(403, "Forbidden", "no");
  EXPECT_THAT(forbidden.problem(), HasSubstr("does not allow to watch servicecidrs (403) and says: no; give the user"));
  EXPECT_EQ(forbidden.http.count(), 1U);

  ReflectorRig services;
  services.status(404);
  EXPECT_THAT(services.problem(), HasSubstr("has no services (404)"));
  services.pass(seconds(1));
  EXPECT_EQ(services.http.count(), 2U);
}

// Proves: I-10
TEST(ReflectorList, JsonServesAsWell) {
  ReflectorRig rig;
  rig.form = WireForm::kJson;
  rig.refuse_streaming();
  rig.page({service_at("a", 3)}, "7", "next");
  rig.page({service_at("b", 3)}, "7");
  rig.frame(watch_frame("DELETED", service_at("a", 8), rig.form));
  EXPECT_EQ(rig.state.services().size(), 1U);
}

}  // namespace
}  // namespace waggle
