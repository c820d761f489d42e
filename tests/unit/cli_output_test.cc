// SPDX-License-Identifier: Apache-2.0
// The output model: the same values as text, JSON and YAML.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <csignal>

#include "base/unique_fd.h"
#include "cli/output.h"

namespace waggle::cli {
namespace {

using testing::HasSubstr;

// What `write` sends through a sink; read back from an unlinked file, so that any amount fits.
template <typename F>
std::string captured(F write) {
  char name[] = "/tmp/waggle-cli-test-XXXXXX";
  const UniqueFd file(::mkstemp(name));
  ::unlink(name);
  Sink sink(file.get());
  write(sink);
  EXPECT_TRUE(sink.finish());
  std::string text(static_cast<size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
  EXPECT_EQ(::pread(file.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  return text;
}

Listing example_table() {
  return {.columns = {{.key = "name", .title = "NAME"},
                      {.key = "packets", .title = "PACKETS"},
                      {.key = "idle_s", .title = "IDLE", .unit = Unit::kSeconds},
                      {.key = "frontends", .title = "FRONTENDS"},
                      {.key = "both", .title = "READY", .show = Show::kText},
                      {.key = "ready", .title = "", .show = Show::kData},
                      {.key = "id", .title = "ID", .show = Show::kWide}},
          .rows = {{"web", 5u, 75u, Value::List{"10.0.0.1:80", "[fd00::1]:80", "10.0.0.2:80"}, "2/3", 2u, 7u},
                   {"a-much-longer-name", 123456u, 3u, Value::List{}, "0/0", 0u, Value()}}};
}

std::string shown(Format format, const Listing& table) {
  return captured([&](Sink& sink) { print(sink, format, table); });
}

TEST(OutputTest, TextColumnsFitTheirContentAndNumbersStandRight) {
  EXPECT_EQ(shown(Format::kTable, example_table()),
            "NAME                PACKETS   IDLE  FRONTENDS                         READY\n"
            "web                       5  1m15s  10.0.0.1:80,[fd00::1]:80 +1 more  2/3\n"
            "a-much-longer-name   123456     3s  -                                 0/0\n");
}

TEST(OutputTest, WideShowsMoreColumnsAndWholeLists) {
  const std::string text = shown(Format::kWide, example_table());
  EXPECT_THAT(text, HasSubstr("ID\n"));
  EXPECT_THAT(text, HasSubstr("10.0.0.1:80,[fd00::1]:80,10.0.0.2:80"));
}

TEST(OutputTest, JsonIsAnArrayOfObjectsWithNumbersAsNumbers) {
  EXPECT_EQ(
      shown(Format::kJson, example_table()),
      "[\n"
      "  {\"name\":\"web\",\"packets\":5,\"idle_s\":75,"
      "\"frontends\":[\"10.0.0.1:80\",\"[fd00::1]:80\",\"10.0.0.2:80\"],\"ready\":2,\"id\":7},\n"
      "  {\"name\":\"a-much-longer-name\",\"packets\":123456,\"idle_s\":3,\"frontends\":[],\"ready\":0,\"id\":null}\n"
      "]\n");
}

TEST(OutputTest, YamlSaysWhatJsonSays) {
  const YAML::Node yaml = YAML::Load(shown(Format::kYaml, example_table()));
  const YAML::Node json = YAML::Load(shown(Format::kJson, example_table()));
  ASSERT_EQ(yaml.size(), json.size());
  for (size_t row = 0; row < json.size(); ++row) {
    ASSERT_EQ(yaml[row].size(), json[row].size());
    for (const auto& field : json[row]) {
      const std::string key = field.first.as<std::string>();
      EXPECT_EQ(yaml[row][key].Type(), field.second.Type()) << key;
      if (!field.second.IsScalar()) continue;
      EXPECT_EQ(yaml[row][key].as<std::string>(), field.second.as<std::string>()) << key;
    }
  }
}

TEST(OutputTest, YamlQuotesWhatWouldBecomeAnotherType) {
  const Listing table = {.columns = {{.key = "v", .title = "V"}},
                         .rows = {{"yes"}, {"80"}, {"1e5"}, {"a: b"}, {""}, {"plain-name"}, {"No"}, {"~"}}};
  EXPECT_EQ(
      shown(Format::kYaml, table),
      "- v: \"yes\"\n- v: \"80\"\n- v: \"1e5\"\n- v: \"a: b\"\n- v: \"\"\n- v: plain-name\n- v: \"No\"\n- v: \"~\"\n");
}

TEST(OutputTest, AnEmptyTableIsItsTitlesOrAnEmptyArray) {
  const Listing table = {.columns = {{.key = "name", .title = "NAME"}, {.key = "n", .title = "N"}}, .rows = {}};
  EXPECT_EQ(shown(Format::kTable, table), "NAME  N\n");
  EXPECT_EQ(shown(Format::kJson, table), "[]\n");
  EXPECT_EQ(shown(Format::kYaml, table), "[]\n");
}

TEST(OutputTest, ControlCharactersInNamesCannotBreakARow) {
  const Listing table = {.columns = {{.key = "name", .title = "NAME"}}, .rows = {{"a\nb\x1b[31m"}}};
  EXPECT_EQ(shown(Format::kTable, table), "NAME\na?b?[31m\n");
}

Document example_document() {
  return {.fields = {{.key = "node", .title = "Node", .value = "n1"},
                     {.key = "memory_bytes", .title = "Memory", .value = 1536u, .unit = Unit::kBytes}},
          .sections = {{.key = "rows", .title = "Rows", .table = {{{.key = "name", .title = "NAME"}}, {{"x"}, {"y"}}}},
                       {.key = "drops", .title = "Drops", .table = {{{.key = "name", .title = "NAME"}}, {}}}}};
}

TEST(OutputTest, ADocumentIsFieldsThenSections) {
  EXPECT_EQ(captured([](Sink& sink) { print(sink, Format::kTable, example_document()); }),
            "Node:    n1\n"
            "Memory:  1.5 KiB\n"
            "\nRows:\n  NAME\n  x\n  y\n"
            "\nDrops: none\n");
}

TEST(OutputTest, ADocumentIsAnObjectAndSeveralAreAnArray) {
  const Document document = example_document();
  const auto one = captured([&](Sink& sink) { print(sink, Format::kJson, document); });
  EXPECT_EQ(YAML::Load(one)["memory_bytes"].as<int>(), 1536);
  const auto several = captured([&](Sink& sink) { print(sink, Format::kJson, std::span(&document, 1)); });
  ASSERT_TRUE(YAML::Load(several).IsSequence());
  const auto yaml = captured([&](Sink& sink) { print(sink, Format::kYaml, std::span(&document, 1)); });
  EXPECT_EQ(yaml, "- node: n1\n  memory_bytes: 1536\n  rows:\n  - name: x\n  - name: \"y\"\n  drops: []\n");
}

TEST(OutputTest, RowsBeyondTheFirstThousandsStillCome) {
  const std::string text = captured([](Sink& sink) {
    TableOutput out(sink, Format::kTable, {{.key = "n", .title = "N"}});
    for (uint64_t i = 0; i < 10000; ++i) out.row({i});
    out.finish();
  });
  EXPECT_EQ(std::ranges::count(text, '\n'), 10001);
  EXPECT_TRUE(text.ends_with("9999\n"));
}

TEST(SinkTest, AReaderThatWentAwayEndsTheOutputQuietly) {
  std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd writer(ends[1]);
  ::close(ends[0]);
  Sink sink(writer.get());
  TableOutput out(sink, Format::kTable, {{.key = "n", .title = "N"}});
  uint64_t rows = 0;
  while (rows < 1'000'000 && out.row({rows})) ++rows;
  EXPECT_LT(rows, 1'000'000u);
  out.finish();
  EXPECT_TRUE(sink.finish());
}

TEST(SinkTest, AFullDiskIsAFailure) {
  const UniqueFd full(::open("/dev/full", O_WRONLY));
  Sink sink(full.get());
  sink.write("data");
  const auto finished = sink.finish();
  ASSERT_FALSE(finished);
  EXPECT_THAT(finished.error().message, HasSubstr("No space left"));
}

TEST(ValueTest, DurationsAndBytesReadWell) {
  EXPECT_EQ(duration_text(0), "0s");
  EXPECT_EQ(duration_text(60), "1m");
  EXPECT_EQ(duration_text(3700), "1h1m");
  EXPECT_EQ(duration_text(90000), "1d1h");
  EXPECT_EQ(bytes_text(512), "512 B");
  EXPECT_EQ(bytes_text(uint64_t{64} << 20), "64 MiB");
}

}  // namespace
}  // namespace waggle::cli
