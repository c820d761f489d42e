// SPDX-License-Identifier: Apache-2.0
// Cases for the reference model that are kept: each file of cases/ is run through the real programs, several times
// because backends are chosen at random. tests/support/reference/scenario.h says how they are written; what happens is
// not in them, the model says it.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "reference_run.h"

namespace waggle {
namespace {

using Path = std::filesystem::path;

std::vector<Path> case_files() {
  std::vector<Path> files;
  for (const auto& entry : std::filesystem::directory_iterator(WAGGLE_SOURCE_DIR "/tests/packet/cases")) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

class Replay : public testing::TestWithParam<Path> {};

TEST_P(Replay, AnswersAsTheModelSays) {
  constexpr int kTimes = 20;
  std::ifstream stream(GetParam());
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  const auto scenario = reference::parse_scenario(text, GetParam().filename());
  ASSERT_TRUE(scenario) << scenario.error().message;
  ReferenceCounts counts;
  for (int time = 0; time < kTimes; ++time) {
    ReferenceRun run(rig_of(scenario->settings), scenario->settings, counts);
    ASSERT_EQ(run.take_all(*scenario), "");
  }
  EXPECT_GT(counts["packets"], 0u) << "a case without packets";
}

INSTANTIATE_TEST_SUITE_P(Cases, Replay, testing::ValuesIn(case_files()),
                         [](const auto& one) { return one.param.stem().string(); });

}  // namespace
}  // namespace waggle
