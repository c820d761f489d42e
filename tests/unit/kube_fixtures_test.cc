// SPDX-License-Identifier: Apache-2.0
// What a real API server sent decodes to the same State from JSON, from protobuf and through the decoders of manifests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "source/decode.h"
#include "source/kube_kinds.h"
#include "support/kube_decode.h"
#include "support/kube_objects.h"

namespace waggle {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

std::string content(const std::string& name) {
  const char* given = std::getenv("WAGGLE_FIXTURES");
  const fs::path folder =
      given != nullptr ? fs::path(given) : fs::path(WAGGLE_SOURCE_DIR) / "../shared/fixtures/kube-apiserver-1.36";
  std::ifstream file(folder / name);
  EXPECT_TRUE(file) << folder / name << " is missing; set WAGGLE_FIXTURES to the directory of the recorded answers";
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

std::string file_of(ObjectKind kind, const std::string& ending) { return std::string(kube_kind(kind).plural) + ending; }

void apply_all(State& state, std::vector<KubeObject> objects) {
  for (KubeObject& object : objects) {
    EXPECT_THAT(object.problems, IsEmpty());
    if (object.event) state.apply(std::move(*object.event));
  }
}

State through_manifests(ObjectKind kind) {
  const auto documents = parse_json(content(file_of(kind, ".list.json")), "list.json");
  EXPECT_TRUE(documents);
  State state;
  for (const DecodedObject& object : decode_documents(*documents, "list.json").objects) {
    if (object.event) state.apply(*object.event);
  }
  return state;
}

State from_list(ObjectKind kind, KubeFormat format, size_t piece) {
  const char* ending = format == KubeFormat::kJson ? ".list.json" : ".list.pb";
  DecodedList list = decode_list(kind, format, content(file_of(kind, ending)), piece);
  EXPECT_TRUE(list.meta) << list.meta.error().message;
  State state;
  apply_all(state, std::move(list.objects));
  return state;
}

TEST(KubeFixtures, ListsDecodeLikeManifestsInBothForms) {
  for (const ObjectKind kind : kAllKinds) {
    const State expected = through_manifests(kind);
    EXPECT_NE(expected, State{});
    EXPECT_EQ(from_list(kind, KubeFormat::kJson, 4096), expected) << kube_kind(kind).name;
    EXPECT_EQ(from_list(kind, KubeFormat::kProtobuf, 4096), expected) << kube_kind(kind).name;
    EXPECT_EQ(from_list(kind, KubeFormat::kProtobuf, 1), expected) << kube_kind(kind).name;
  }
}

TEST(KubeFixtures, TheVersionOfAListAndItsNextPageAreRead) {
  const DecodedList pb = decode_list(ObjectKind::kService, KubeFormat::kProtobuf, content("services.list.pb"));
  ASSERT_TRUE(pb.meta);
  EXPECT_EQ(pb.meta->version, "311");
  EXPECT_EQ(pb.meta->next_page, "");
  const DecodedList page =
      decode_list(ObjectKind::kEndpointSlice, KubeFormat::kJson, content("endpointslices.list.page1.json"));
  ASSERT_TRUE(page.meta);
  EXPECT_EQ(page.meta->version, "1067");
  EXPECT_TRUE(page.meta->next_page.starts_with("eyJ2IjoibWV0YS5rOHMuaW8v"));
  EXPECT_EQ(page.objects.size(), 10U);
}

// Versions differ: the two watches were recorded one after the other.
struct SeenEvent {
  WatchEvent::Type type;
  ObjectName name;
  bool operator==(const SeenEvent&) const = default;
};

std::vector<SeenEvent> seen(const DecodedWatch& watch) {
  std::vector<SeenEvent> out;
  for (const WatchEvent& event : watch.events) {
    EXPECT_THAT(event.object.problems, IsEmpty());
    out.push_back({event.type, event.object.name});
  }
  return out;
}

TEST(KubeFixtures, WatchesDecodeToTheSameEventsInBothForms) {
  for (const ObjectKind kind : {ObjectKind::kService, ObjectKind::kEndpointSlice, ObjectKind::kNode}) {
    const DecodedWatch json = decode_watch(kind, KubeFormat::kJson, content(file_of(kind, ".watch.json")));
    const DecodedWatch protobuf = decode_watch(kind, KubeFormat::kProtobuf, content(file_of(kind, ".watch.pb")), 7);
    ASSERT_TRUE(json.fed && protobuf.fed);
    EXPECT_FALSE(json.within_event || protobuf.within_event);
    EXPECT_FALSE(json.events.empty());
    EXPECT_EQ(seen(json), seen(protobuf)) << kube_kind(kind).name;
    State from_json;
    State from_protobuf;
    for (const WatchEvent& event : json.events) {
      if (event.object.event) from_json.apply(*event.object.event);
    }
    for (const WatchEvent& event : protobuf.events) {
      if (event.object.event) from_protobuf.apply(*event.object.event);
    }
    EXPECT_EQ(from_json, from_protobuf) << kube_kind(kind).name;
  }
}

TEST(KubeFixtures, AStreamingListIsTheListAndABookmark) {
  for (const ObjectKind kind : {ObjectKind::kService, ObjectKind::kEndpointSlice}) {
    DecodedWatch watch = decode_watch(kind, KubeFormat::kJson, content(file_of(kind, ".watchlist.json")));
    ASSERT_TRUE(watch.fed);
    ASSERT_FALSE(watch.events.empty());
    const WatchEvent& last = watch.events.back();
    EXPECT_EQ(last.type, WatchEvent::Type::kBookmark);
    EXPECT_TRUE(last.initial_events_end);
    EXPECT_EQ(last.object.version, kind == ObjectKind::kService ? "1212" : "1213");
  }
}

TEST(KubeFixtures, ErrorsAreUnderstood) {
  EXPECT_EQ(status_of_body("application/json", content("error.401.json")).code, 401);
  const KubeStatus forbidden = status_of_body("application/json", content("error.403.json"));
  EXPECT_EQ(forbidden.code, 403);
  EXPECT_EQ(forbidden.reason, "Forbidden");
  EXPECT_TRUE(forbidden.message.starts_with("services is forbidden: User \"nobody\" cannot list"));
  const KubeStatus future = status_of_body("application/json", content("list.future-version.json"));
  EXPECT_EQ(future.code, 504);
  EXPECT_TRUE(future.version_too_large);
  EXPECT_EQ(future.retry_after, std::chrono::seconds(1));
  const DecodedWatch watch = decode_watch(ObjectKind::kService, KubeFormat::kJson, content("watch.too-old.json"));
  ASSERT_EQ(watch.events.size(), 1U);
  EXPECT_EQ(watch.events[0].type, WatchEvent::Type::kError);
  EXPECT_EQ(watch.events[0].status.code, 410);
}

}  // namespace
}  // namespace waggle
