// SPDX-License-Identifier: Apache-2.0
// YAML and JSON text to trees: what is read, and what is refused with its line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "source/decode.h"
#include "source/tree.h"

namespace waggle {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Kind = Value::Kind;

Value yaml(const std::string& text) {
  auto documents = parse_yaml(text, "a.yaml");
  EXPECT_TRUE(documents) << documents.error().message;
  return documents && documents->size() == 1 ? documents->front() : Value{};
}

Value json(const std::string& text) {
  auto documents = parse_json(text, "a.json");
  EXPECT_TRUE(documents) << documents.error().message;
  return documents && documents->size() == 1 ? documents->front() : Value{};
}

std::string refusal(const Result<std::vector<Value>>& parsed) { return parsed ? "accepted" : parsed.error().message; }

std::string yaml_refusal(const std::string& text) { return refusal(parse_yaml(text, "a.yaml")); }

std::string json_refusal(const std::string& text) { return refusal(parse_json(text, "a.json")); }

TEST(Yaml, TellsTheTypesOfPlainAndQuotedScalars) {
  const Value map =
      yaml("a: 80\nb: \"80\"\nc: 1.5\nd: yes\ne: ~\nf:\ng: text\nh: 'true'\ni: 080\nj: 10.0.0.1\nk: -3\n");
  const std::vector<Kind> kinds = {Kind::kInteger, Kind::kString, Kind::kNumber, Kind::kBoolean,
                                   Kind::kNull,    Kind::kNull,   Kind::kString, Kind::kString,
                                   Kind::kNumber,  Kind::kString, Kind::kInteger};
  ASSERT_EQ(map.items.size(), kinds.size());
  for (size_t i = 0; i < kinds.size(); ++i) EXPECT_EQ(map.items[i].kind, kinds[i]) << map.keys[i];
  EXPECT_EQ(map.find("d")->text, "true");
}

TEST(Yaml, KnowsTheLineOfEveryValue) {
  const Value map = yaml("# head\na:\n  - b: 1\n    c: 2\n  -\n    d: 3\n");
  const Value& list = *map.find("a");
  EXPECT_EQ(list.line, 3);
  EXPECT_EQ(list.items[0].find("c")->line, 4);
  EXPECT_EQ(list.items[1].find("d")->line, 6);
}

TEST(Yaml, LeavesOutEmptyDocuments) {
  const auto documents = parse_yaml("# nothing\n---\n---\na: 1\n---\n# nothing\n...\n---\nb: 2\n", "a.yaml");
  ASSERT_TRUE(documents);
  EXPECT_EQ(documents->size(), 2U);
  EXPECT_EQ(parse_yaml("", "a.yaml")->size(), 0U);
}

TEST(Yaml, CopiesWhatAnAliasNames) {
  const Value map = yaml("a: &x [1, {b: 2}]\nc: *x\n");
  EXPECT_EQ(map.find("c")->items[1].find("b")->text, "2");
}

TEST(Yaml, ReadsJson) {
  const Value map = yaml("{\"a\":[1,true,null,\"x\"],\n\t\"b\":{\"c\":\"\\u00e9\"}}");
  EXPECT_EQ(map.find("a")->items.size(), 4U);
  EXPECT_EQ(map.find("b")->find("c")->text, "é");
}

TEST(Yaml, NamesTheLineOfWhatIsNoYaml) {
  EXPECT_THAT(yaml_refusal("a: 1\nb: [1, 2\nc: 3\n"), StartsWith("a.yaml:3: this is not YAML: "));
  EXPECT_THAT(yaml_refusal("a: 1\n\tb: 2\n"), StartsWith("a.yaml:2: this is not YAML"));
  EXPECT_THAT(yaml_refusal("a: *nothing\n"), StartsWith("a.yaml:1: this is not YAML"));
  EXPECT_THAT(yaml_refusal("a: 1\n---\nb: {\n"), StartsWith("a.yaml:"));
}

TEST(Yaml, RefusesAStrayCommaWhereItsParserWouldNeverEnd) {
  EXPECT_THAT(yaml_refusal("a: 1\n---\n,text\n"), StartsWith("a.yaml:3: this is not YAML"));
  EXPECT_THAT(yaml_refusal("|\n,text\n"), StartsWith("a.yaml:2: this is not YAML"));
}

TEST(Yaml, RefusesAKeyThatStandsTwice) {
  EXPECT_THAT(yaml_refusal("x:\n  a: 1\n  b: 2\n  a: 3\n"), HasSubstr("a.yaml:2: the key \"a\" stands twice"));
}

TEST(Yaml, RefusesWhatItWouldMisread) {
  EXPECT_THAT(yaml_refusal("a: &x {b: 1}\nc:\n  <<: *x\n"), HasSubstr("a.yaml:3: merge keys"));
  EXPECT_THAT(yaml_refusal("[1]: 2\n"), HasSubstr("cannot be a key"));
  EXPECT_THAT(yaml_refusal("a: &x [*x]\n"), HasSubstr("an alias may not stand inside"));
  EXPECT_THAT(yaml_refusal("a: b\nc: \xff\xfe\n"), HasSubstr("a.yaml:2: this is not UTF-8"));
  EXPECT_THAT(yaml_refusal(std::string(100000, '[')), HasSubstr("nested too deeply"));
}

TEST(Yaml, RefusesAliasesThatGrowBeyondMemory) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) text += before + " ,";
    text += "x]\n";
  }
  EXPECT_THAT(yaml_refusal(text), HasSubstr("more copies than are read"));
}

TEST(Json, TellsTheTypesOfValues) {
  const Value map = json(R"({"a":80,"b":"80","c":1.5,"d":true,"e":null,"f":[],"g":{},"h":-3 , "i":1e3})");
  const std::vector<Kind> kinds = {Kind::kInteger, Kind::kString, Kind::kNumber,  Kind::kBoolean, Kind::kNull,
                                   Kind::kList,    Kind::kMap,    Kind::kInteger, Kind::kNumber};
  ASSERT_EQ(map.items.size(), kinds.size());
  for (size_t i = 0; i < kinds.size(); ++i) EXPECT_EQ(map.items[i].kind, kinds[i]) << map.keys[i];
  EXPECT_EQ(map.find("h")->text, "-3");
}

TEST(Json, KnowsTheLineOfEveryValue) {
  const Value map = json("{\n  \"a\": [\n    {\"b\": 1},\n    {\"c\":\n      2}\n  ],\n  \"d\": 3\n}\n");
  EXPECT_EQ(map.find("a")->items[0].find("b")->line, 3);
  EXPECT_EQ(map.find("a")->items[1].find("c")->line, 5);
  EXPECT_EQ(map.find("d")->line, 7);
}

TEST(Json, ReadsEscapesBeyondTheBasicPlane) { EXPECT_EQ(json(R"({"a":"\ud83d\ude00\/\n"})").find("a")->text, "😀/\n"); }

TEST(Json, ReadsSeveralDocuments) {
  const auto documents = parse_json("{\"a\":1}\n{\"b\":2}{\"c\":3}\n", "a.json");
  ASSERT_TRUE(documents);
  ASSERT_EQ(documents->size(), 3U);
  EXPECT_EQ((*documents)[1].find("b")->line, 2);
  EXPECT_EQ(parse_json(" \n", "a.json")->size(), 0U);
}

TEST(Json, NamesTheLineOfWhatIsNoJson) {
  EXPECT_THAT(json_refusal("{\n\"a\": 1,\n\"b\": tru\n}"), StartsWith("a.json:3: this is not JSON"));
  EXPECT_THAT(json_refusal("{\n\"a\": nul\n}"), StartsWith("a.json:2: this is not JSON"));
  EXPECT_THAT(json_refusal("{\"a\": 01}"), StartsWith("a.json:1: this is not JSON: a number"));
  EXPECT_THAT(json_refusal("{\n\"a\": \"\\ud83d\"\n}"), StartsWith("a.json:"));
  EXPECT_THAT(json_refusal("{\"a\" 1}"), StartsWith("a.json:1: this is not JSON"));
  EXPECT_THAT(json_refusal("{\"a\": 1,\n}"), StartsWith("a.json:2: this is not JSON"));
  EXPECT_THAT(json_refusal("{\"a\": 1}\nxyz"), StartsWith("a.json:2: "));
  EXPECT_THAT(json_refusal("{\"a\": 1,\n\"b\": [1, 2}"), StartsWith("a.json:2: "));
  EXPECT_THAT(json_refusal("{\"a\": 1}\n{\"b\": "), StartsWith("a.json:2: "));
  EXPECT_THAT(json_refusal("{ broken"), StartsWith("a.json:1: "));
  EXPECT_THAT(json_refusal("{\"a\": \"x\n"), StartsWith("a.json:"));
  EXPECT_THAT(json_refusal("5"), StartsWith("a.json:1: "));
  EXPECT_THAT(json_refusal("{\"a\": 1}}"), StartsWith("a.json:1: "));
}

// yaml-cpp finds the place of a bracket that is not closed; what it says of it is not about YAML here.
TEST(Json, IsNeverCalledYaml) {
  for (const char* text : {"{ broken", "{\"a\": 1}\n{\"b\": ", "{\"a\": [1, 2}", "{\"a\": \"x\n", "{\"a\": {"}) {
    EXPECT_THAT(json_refusal(text), HasSubstr("this is not JSON: ")) << text;
    EXPECT_THAT(json_refusal(text), Not(HasSubstr("YAML"))) << text;
  }
}

TEST(Json, RefusesAKeyThatStandsTwice) {
  EXPECT_THAT(json_refusal("{\"x\":\n{\"a\":1,\"a\":2}}"), HasSubstr("a.json:2: the key \"a\" stands twice"));
}

TEST(Json, RefusesBytesThatAreNoText) {
  EXPECT_THAT(json_refusal("{\"a\":\n\"\xff\"}"), HasSubstr("a.json:2: this is not UTF-8"));
}

TEST(Json, RefusesWhatIsNestedTooDeeply) {
  EXPECT_THAT(json_refusal(std::string(100000, '[')), StartsWith("a.json:1: "));
  EXPECT_THAT(json_refusal(std::string(100000, '[') + std::string(100000, ']')), HasSubstr("nested too deeply"));
  EXPECT_EQ(json_refusal(std::string(400, '[') + std::string(400, ']')), "accepted");
}

// Whatever is cut off or damaged is refused or read, and never more than that.
TEST(BothSyntaxes, SurviveTextCutOffAnywhere) {
  const std::string text = R"({"kind":"List","items":[{"a":"x\u00e9","b":[1,2.5,true,null]},{"c":{}}]})";
  for (size_t length = 0; length < text.size(); ++length) {
    const std::string cut = text.substr(0, length);
    EXPECT_EQ(json_refusal(cut) == "accepted", length == 0) << cut;
    (void)parse_yaml(cut, "a.yaml");
  }
}

// Text of the YAML and JSON around one object, with some bytes changed, doubled or taken out.
std::string damaged(std::string text, std::mt19937& random) {
  constexpr std::string_view kBytes = "{}[]:,-\"'&*#|>!%@\n\t \\0a~?<.\xff";
  for (size_t i = 0, changes = 1 + random() % 4; i < changes && !text.empty(); ++i) {
    const size_t at = random() % text.size();
    const std::string piece = text.substr(random() % text.size(), random() % 12);
    if (random() % 3 == 0) text[at] = kBytes[random() % kBytes.size()];
    if (random() % 3 == 0) text.insert(at, piece);
    if (random() % 3 == 0) text.erase(at, random() % 12);
  }
  return text;
}

TEST(BothSyntaxes, SurviveAnyDamage) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string as_yaml =
      "apiVersion: v1\nkind: List\nitems:\n- &a\n  kind: Service\n  apiVersion: v1\n  metadata: {name: web}\n  spec:\n"
      "    clusterIP: \"10.0.0.1\"\n    ports:\n    - {name: 'http', port: 80}\n- *a\n---\n|\n text\n...\n";
  const std::string as_json = R"({"kind":"Service","apiVersion":"v1","metadata":{"name":"web","labels":{"a":"\u00e9"}},
    "spec":{"clusterIP":"10.0.0.1","ports":[{"name":"http","port":80,"nodePort":null}]}} {"kind":"Node"})";
  for (int i = 0; i < 1000; ++i) {
    if (auto documents = parse_yaml(damaged(as_yaml, random), "a.yaml")) decode_documents(*documents, "a.yaml");
    if (auto documents = parse_json(damaged(as_json, random), "a.json")) decode_documents(*documents, "a.json");
  }
}

}  // namespace
}  // namespace waggle
