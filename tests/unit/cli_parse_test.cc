// SPDX-License-Identifier: Apache-2.0
// The command line: what is understood, and what a wrong one is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/flow_rows.h"
#include "cli/grammar.h"
#include "cli/similar.h"

namespace waggle::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Outcome<Invocation> parsed(std::vector<std::string> words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  return parse(pointers);
}

std::string complaint(std::vector<std::string> words) {
  const auto invocation = parsed(std::move(words));
  if (invocation) return "accepted";
  EXPECT_EQ(invocation.error().status, kExitUsage);
  return invocation.error().text();
}

CommandId command(std::vector<std::string> words) {
  const auto invocation = parsed(std::move(words));
  EXPECT_TRUE(invocation) << invocation.error().message;
  return invocation && invocation->command != nullptr ? invocation->command->id : CommandId::kHelp;
}

TEST(ParseTest, CommandsPluralsAndShortFormsMeanTheSame) {
  EXPECT_EQ(command({"status"}), CommandId::kStatus);
  for (const char* word : {"service", "services", "svc"}) EXPECT_EQ(command({word, "list"}), CommandId::kServiceList);
  EXPECT_EQ(command({"backends", "list"}), CommandId::kBackendList);
  EXPECT_EQ(command({"flows", "list"}), CommandId::kFlowList);
  EXPECT_EQ(command({"maps", "dump", "meta"}), CommandId::kMapDump);
}

TEST(ParseTest, AGroupAloneLists) {
  EXPECT_EQ(command({"services"}), CommandId::kServiceList);
  EXPECT_EQ(command({"flow"}), CommandId::kFlowList);
  EXPECT_EQ(command({"map"}), CommandId::kMapList);
}

TEST(ParseTest, OptionsMayStandAnywhere) {
  const auto invocation = parsed({"-o", "json", "service", "--bpf-root=/x", "get", "default/web", "--run-dir", "/y"});
  ASSERT_TRUE(invocation);
  EXPECT_EQ(invocation->command->id, CommandId::kServiceGet);
  EXPECT_THAT(invocation->arguments, ElementsAre("default/web"));
  EXPECT_EQ(invocation->option("output"), "json");
  EXPECT_EQ(invocation->option("bpf-root"), "/x");
  EXPECT_EQ(invocation->option("run-dir"), "/y");
}

TEST(ParseTest, UnknownCommandsGetASuggestionAndWhereToLook) {
  EXPECT_EQ(complaint({"sevrice", "list"}), "unknown command 'sevrice'; did you mean 'service'? See 'waggle help'.");
  EXPECT_EQ(complaint({"frobnicate"}), "unknown command 'frobnicate'. See 'waggle help'.");
  EXPECT_EQ(complaint({"flow", "lits"}), "'flow' has no 'lits'; did you mean 'list'? See 'waggle flow --help'.");
  EXPECT_EQ(complaint({"aegnt"}), "unknown command 'aegnt'; did you mean 'agent'? See 'waggle help'.");
}

TEST(ParseTest, UnknownOptionsGetASuggestion) {
  EXPECT_EQ(complaint({"flow", "list", "--clinet", "10.0.0.1"}),
            "unknown option --clinet; did you mean '--client'? See 'waggle flow list --help'.");
  EXPECT_THAT(complaint({"status", "-x"}), HasSubstr("unknown option -x"));
}

TEST(ParseTest, AWrongOptionLeadsToTheHelpOfTheCommandItStandsBehind) {
  EXPECT_EQ(complaint({"status", "--bogus"}), "unknown option --bogus. See 'waggle status --help'.");
  EXPECT_EQ(complaint({"services", "--bogus"}), "unknown option --bogus. See 'waggle service --help'.");
  EXPECT_EQ(complaint({"svc", "list", "--limit"}), "option --limit needs a value. See 'waggle service list --help'.");
  EXPECT_EQ(complaint({"sevrice", "--bogus"}), "unknown option --bogus. See 'waggle help'.");
  EXPECT_EQ(complaint({"--bogus"}), "unknown option --bogus. See 'waggle help'.");
}

TEST(ParseTest, OptionsOfAnotherCommandAreRefused) {
  EXPECT_EQ(complaint({"service", "list", "--client", "10.0.0.1"}),
            "'service list' has no option --client. See 'waggle service list --help'.");
}

TEST(ParseTest, MissingAndSurplusWordsAreNamed) {
  EXPECT_EQ(complaint({}), "no command given. See 'waggle help'.");
  EXPECT_EQ(complaint({"service", "get"}), "'service get' needs NS/NAME[:PORT]. See 'waggle service get --help'.");
  EXPECT_EQ(complaint({"status", "now"}), "'status' takes no 'now'. See 'waggle status --help'.");
  EXPECT_THAT(complaint({"flow", "list", "--client"}), HasSubstr("needs a value"));
  EXPECT_THAT(complaint({"status", "-o", "json", "-o", "yaml"}), HasSubstr("--output is given twice"));
  EXPECT_THAT(complaint({"status", "--help=x"}), HasSubstr("takes no value"));
}

TEST(ParseTest, HelpIsAskedInThreeWays) {
  const auto by_option = parsed({"flow", "list", "--help"});
  ASSERT_TRUE(by_option);
  EXPECT_TRUE(by_option->wants_help);
  const auto by_command = parsed({"help", "flow", "list"});
  ASSERT_TRUE(by_command);
  EXPECT_TRUE(by_command->wants_help);
  EXPECT_EQ(by_command->command, by_option->command);
  const auto of_group = parsed({"flow", "--help"});
  ASSERT_TRUE(of_group);
  EXPECT_EQ(of_group->help_group, "flow");
  const auto overview = parsed({"--help"});
  ASSERT_TRUE(overview);
  EXPECT_EQ(overview->command, nullptr);
  EXPECT_THAT(complaint({"help", "flwo"}), HasSubstr("did you mean 'flow'?"));
}

TEST(HelpTest, EveryCommandShowsGrammarAndExamples) {
  for (const Command& each : commands()) {
    const std::string text = command_help(each);
    EXPECT_THAT(text, HasSubstr("Usage: waggle " + each.name()));
    EXPECT_THAT(text, HasSubstr("Examples:\n  waggle "));
    EXPECT_THAT(overview_help(), HasSubstr(each.name()));
  }
}

TEST(HelpTest, EveryStateOfAFlowIsNamed) {
  for (const Command& each : commands()) {
    if (each.id != CommandId::kFlowList) continue;
    for (uint32_t state = WG_FLOW_HALF_OPEN; state <= WG_FLOW_CLOSED; ++state)
      EXPECT_THAT(command_help(each), HasSubstr(std::string(flow_state_name(state))));
    EXPECT_THAT(command_help(each), HasSubstr(std::string(kSpilledState)));
  }
}

TEST(HelpTest, EveryExampleParses) {
  for (const Command& each : commands()) {
    std::istringstream lines{std::string(each.examples)};
    for (std::string line; std::getline(lines, line);) {
      std::istringstream in(line.substr(0, line.find(" |")));
      std::vector<std::string> words{std::istream_iterator<std::string>(in), {}};
      words.erase(words.begin());
      EXPECT_EQ(complaint(words), "accepted") << line;
    }
  }
}

TEST(SimilarTest, SwapsAndSlipsAreNearAndOtherWordsAreNot) {
  EXPECT_EQ(edit_distance("sevrice", "service"), 1u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  const std::vector<std::string_view> known = {"frontends4", "frontends6", "slots"};
  EXPECT_EQ(did_you_mean("frontend", known), "; did you mean 'frontends4'?");
  EXPECT_EQ(did_you_mean("zebra", known), "");
}

}  // namespace
}  // namespace waggle::cli
