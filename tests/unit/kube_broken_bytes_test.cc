// SPDX-License-Identifier: Apache-2.0
// Bytes that are cut off, changed or absurd: the decoders say so, take no more memory than they may, and never crash.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "source/kube_kinds.h"
#include "source/kube_protobuf.h"
#include "support/kube_decode.h"
#include "support/kube_objects.h"

namespace waggle {
namespace {

using ::testing::HasSubstr;

constexpr std::array kForms = {WireForm::kJson, WireForm::kProtobuf};

KubeFormat format_of(WireForm form) { return form == WireForm::kJson ? KubeFormat::kJson : KubeFormat::kProtobuf; }

uint32_t seed() {
  const char* given = std::getenv("WAGGLE_SEED");
  return given != nullptr ? static_cast<uint32_t>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
}

std::vector<Event> objects_of(ObjectKind kind, int count, std::mt19937& random) {
  std::vector<Event> out;
  for (int i = 0; i < count; ++i)
    out.push_back(random_object(kind, {kube_kind(kind).namespaced ? "shop" : "", fmt::format("x{}", i)}, random));
  return out;
}

std::string watch_of(const std::vector<Event>& objects, WireForm form) {
  std::string out;
  for (const Event& object : objects) out += watch_frame("ADDED", object, form);
  return out + bookmark_frame(kind_of(objects[0]), "77", true, form) + error_frame(410, "Expired", "too old", form);
}

TEST(KubeBrokenBytes, AListCutAtAnyByteIsNeverTakenForWhole) {
  std::mt19937 random(1);
  for (const ObjectKind kind : kAllKinds) {
    for (const WireForm form : kForms) {
      const std::string body = list_body(kind, objects_of(kind, 3, random), "5", "", form);
      // The JSON ends with a newline, and protobuf with two fields of the envelope that say nothing.
      const size_t needed = body.size() - (form == WireForm::kJson ? 1 : 4);
      for (size_t size = 0; size < needed; ++size) {
        const DecodedList list = decode_list(kind, format_of(form), std::string_view(body).substr(0, size));
        ASSERT_FALSE(list.meta) << kube_kind(kind).name << " " << size << " of " << body.size();
        EXPECT_LE(list.objects.size(), 3U);
      }
      EXPECT_TRUE(decode_list(kind, format_of(form), body).meta);
    }
  }
}

TEST(KubeBrokenBytes, AWatchCutAtAnyByteGivesTheEventsThatAreWhole) {
  std::mt19937 random(2);
  for (const ObjectKind kind : kAllKinds) {
    for (const WireForm form : kForms) {
      const std::string body = watch_of(objects_of(kind, 2, random), form);
      size_t last = 0;
      for (size_t size = 0; size <= body.size(); ++size) {
        const DecodedWatch watch = decode_watch(kind, format_of(form), std::string_view(body).substr(0, size));
        ASSERT_TRUE(watch.fed) << watch.fed.error().message;
        ASSERT_GE(watch.events.size(), last);
        last = watch.events.size();
      }
      EXPECT_EQ(last, 4U);
    }
  }
}

void mutate(std::string& bytes, std::mt19937& random) {
  for (uint32_t n = 1 + random() % 4; n > 0 && !bytes.empty(); --n) {
    const size_t at = random() % bytes.size();
    switch (random() % 5) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ 1 << random() % 8);
        break;
      case 2:
        bytes.erase(at, 1 + random() % 8);
        break;
      case 3:
        bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 40));
        break;
      default:
        bytes.resize(at);
    }
  }
}

TEST(KubeBrokenBytes, RandomChangesNeverCrash) {
  const uint32_t used = seed();
  SCOPED_TRACE(fmt::format("WAGGLE_SEED={}", used));
  std::mt19937 random(used);
  for (int round = 0; round < 20'000; ++round) {
    const ObjectKind kind = kAllKinds[random() % kAllKinds.size()];
    const WireForm form = kForms[random() % 2];
    const auto objects = objects_of(kind, 2, random);
    std::string list = list_body(kind, objects, "5", "more", form);
    std::string watch = watch_of(objects, form);
    mutate(list, random);
    mutate(watch, random);
    const size_t piece = 1 + random() % 300;
    for (const KubeObject& object : decode_list(kind, format_of(form), list, piece).objects)
      EXPECT_EQ(object.refused && !object.event, object.refused);
    decode_watch(kind, format_of(form), watch, piece);
    status_of_body(content_type_of(form), watch);
  }
}

TEST(KubeBrokenBytes, PureNoiseNeverCrashes) {
  std::mt19937 random(3);
  for (int round = 0; round < 5'000; ++round) {
    std::string noise(random() % 200, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    const ObjectKind kind = kAllKinds[random() % kAllKinds.size()];
    ObjectView view;
    read_protobuf(kind, noise, view);
    build_object(kind, view);
    EXPECT_FALSE(decode_list(kind, KubeFormat::kJson, noise).meta);
    decode_list(kind, KubeFormat::kProtobuf, std::string("k8s\0", 4) + noise);
    decode_watch(kind, KubeFormat::kProtobuf, noise);
    decode_watch(kind, KubeFormat::kJson, noise + "\n");
  }
}

TEST(KubeBrokenBytes, SizesBeyondAnyObjectAreRefusedBeforeTheyAreThere) {
  EXPECT_THAT(decode_watch(ObjectKind::kService, KubeFormat::kProtobuf, "\x7f\xff\xff\xff").fed.error().message,
              HasSubstr("it would have 2147483647 bytes"));
  WireWriter unknown;
  unknown.message(1, WireWriter().text(1, "v1").text(2, "ServiceList"));
  const std::string head = std::string("k8s\0", 4) + unknown.bytes() + "\x12\xff\xff\xff\xff\x0f";
  EXPECT_THAT(
      decode_list(ObjectKind::kService, KubeFormat::kProtobuf, head + "\x12\xff\xff\xff\x7f").meta.error().message,
      HasSubstr("it holds an object of 268435455 bytes"));
  const std::string endless(kLargestObject + 2, 'x');
  EXPECT_FALSE(decode_watch(ObjectKind::kService, KubeFormat::kJson, endless, 1 << 20).fed);
  WireField field;
  EXPECT_EQ(read_field_head("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", field), WireRead::kMalformed);
}

TEST(KubeBrokenBytes, TooManyEntriesRefuseTheObject) {
  WireWriter spec;
  const std::string port;  // an empty message: two bytes each
  for (size_t i = 0; i <= kMostEntries; ++i) spec.text(1, port);
  const std::string item =
      WireWriter().message(1, WireWriter().text(1, "web").text(3, "shop")).message(2, spec).bytes();
  ObjectView view;
  read_protobuf(ObjectKind::kService, item, view);
  const KubeObject object = build_object(ObjectKind::kService, view);
  EXPECT_TRUE(object.refused);
  ASSERT_EQ(object.problems.size(), 1U);
  EXPECT_THAT(object.problems[0], HasSubstr("there are more than 65536"));
}

TEST(KubeBrokenBytes, DeepNestingNeedsNoStack) {
  const std::string deep(1'000'000, '[');
  const std::string item = R"({"metadata":{"name":"n1","x":)" + deep + std::string(deep.size(), ']') + "}}";
  const std::string body = R"({"kind":"NodeList","metadata":{"resourceVersion":"1"},"items":[)" + item + "]}";
  const DecodedList list = decode_list(ObjectKind::kNode, KubeFormat::kJson, body);
  EXPECT_EQ(list.objects.size(), list.meta ? 1U : 0U);  // simdjson may refuse the depth
  EXPECT_FALSE(decode_list(ObjectKind::kNode, KubeFormat::kJson, deep).meta);
}

TEST(KubeBrokenBytes, AProtobufListOfAnyLengthNeedsTheMemoryOfOneObject) {
  std::mt19937 random(4);
  const auto objects = objects_of(ObjectKind::kEndpointSlice, 200, random);
  const std::string body = list_body(ObjectKind::kEndpointSlice, objects, "5", "", WireForm::kProtobuf);
  size_t taken = 0;
  size_t fed = 0;
  KubeListReader reader(ObjectKind::kEndpointSlice, KubeFormat::kProtobuf, [&](const KubeObject&) { ++taken; });
  for (; fed < body.size() / 2; fed += 64) ASSERT_TRUE(reader.feed(std::string_view(body).substr(fed, 64)));
  EXPECT_GT(taken, 80U);  // half of the bytes are there, and so is about half of the objects
}

}  // namespace
}  // namespace waggle
