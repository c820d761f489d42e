// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <limits>

#include "base/json_writer.h"

namespace waggle {
namespace {

JsonWriter compact() { return JsonWriter(JsonWriter::Style::kCompact); }

TEST(JsonWriter, NestsObjectsAndArrays) {
  auto json = compact();
  json.begin_object().field("pid", 12).field("ok", true).key("links").begin_array();
  json.value("eth0").begin_object().end_object().null().end_array().field("big", uint64_t{18446744073709551615u});
  json.field("text", std::string("x")).end_object();
  EXPECT_EQ(json.text(), R"({"pid":12,"ok":true,"links":["eth0",{},null],"big":18446744073709551615,"text":"x"})");
}

TEST(JsonWriter, PrettyIndentsByTwo) {
  JsonWriter json;
  json.begin_object()
      .key("a")
      .begin_array()
      .value(1)
      .value(2)
      .end_array()
      .key("b")
      .begin_array()
      .end_array()
      .end_object();
  EXPECT_EQ(json.text(), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": []\n}");
}

TEST(JsonWriter, EscapesWhatJsonForbids) {
  auto json = compact();
  json.value(std::string_view("q\" b\\ n\n t\t c\x01 z\0e", 18));
  EXPECT_EQ(json.text(), R"("q\" b\\ n\n t\t c\u0001 z\u0000e")");
}

TEST(JsonWriter, KeepsUtf8AndReplacesWhatIsNone) {
  auto json = compact();
  json.begin_array().value("gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x9d").value("a\xff\xc3(\xed\xa0\x80").end_array();
  EXPECT_EQ(
      json.text(),
      "[\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x9d\",\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"]");
}

TEST(JsonWriter, TakesWhatIsJsonAlready) {
  auto json = compact();
  json.begin_object().key("a").json(R"({"b":[1]})").field("c", 2).end_object();
  EXPECT_EQ(json.text(), R"({"a":{"b":[1]},"c":2})");
}

TEST(JsonWriter, NumbersThatAreNoneBecomeNull) {
  auto json = compact();
  json.begin_array().value(1.5).value(std::numeric_limits<double>::infinity()).value(-3).end_array();
  EXPECT_EQ(json.text(), "[1.5,null,-3]");
}

}  // namespace
}  // namespace waggle
