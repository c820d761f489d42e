// SPDX-License-Identifier: Apache-2.0
// Whole runs: exit status, what goes to stdout and what to stderr. No tables exist here.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/unique_fd.h"
#include "cli/outcome.h"
#include "cli/run.h"

namespace waggle::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// A file without a name, as the far end of a sink.
class Captured {
 public:
  Captured() {
    char name[] = "/tmp/waggle-cli-run-XXXXXX";
    file_ = UniqueFd(::mkstemp(name));
    ::unlink(name);
  }
  [[nodiscard]] int fd() const { return file_.get(); }
  [[nodiscard]] std::string text() const {
    std::string text(static_cast<size_t>(::lseek(fd(), 0, SEEK_END)), '\0');
    EXPECT_EQ(::pread(fd(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return text;
  }

 private:
  UniqueFd file_;
};

struct Ended {
  int status = 0;
  std::string out;
  std::string err;
};

Ended ran(std::vector<std::string> words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  const Captured out_file;
  const Captured err_file;
  Sink out(out_file.fd());
  Sink err(err_file.fd());
  const int status = run(pointers, out, err);
  EXPECT_TRUE(err.finish());
  return {status, out_file.text(), err_file.text()};
}

class RunTest : public testing::Test {
 protected:
  RunTest() {
    char name[] = "/tmp/waggle-cli-root-XXXXXX";
    root_ = ::mkdtemp(name);
  }
  ~RunTest() override { std::filesystem::remove_all(root_); }

  std::filesystem::path root_;
};

TEST_F(RunTest, WithoutTablesEveryReadingCommandFailsInOneSentence) {
  const std::vector<std::vector<std::string>> commands = {
      {"status"},      {"service", "list"},    {"service", "get", "default/web"}, {"backend", "list"}, {"flow", "list"},
      {"map", "list"}, {"map", "dump", "meta"}};
  for (auto command : commands) {
    const std::string name = command.back();
    command.insert(command.end(), {"--bpf-root", root_, "--run-dir", root_});
    const Ended ended = ran(command);
    EXPECT_EQ(ended.status, kExitFailed) << name;
    EXPECT_THAT(ended.out, IsEmpty()) << name;
    EXPECT_EQ(ended.err, "waggle: no Waggle tables under " + root_.string() +
                             ": is the agent installed, or is --bpf-root wrong?\n")
        << name;
  }
}

TEST_F(RunTest, TheEnvironmentNamesTheDirectoriesAndOptionsWin) {
  ::setenv("WAGGLE_BPF_ROOT", "/nowhere-by-environment", 1);
  EXPECT_THAT(ran({"map", "list"}).err, HasSubstr("under /nowhere-by-environment:"));
  EXPECT_THAT(ran({"map", "list", "--bpf-root", root_}).err, HasSubstr("under " + root_.string() + ":"));
  ::unsetenv("WAGGLE_BPF_ROOT");
}

TEST_F(RunTest, StatusWithoutTablesStillTellsWhatTheAgentWrote) {
  std::ofstream(root_ / "status.json") << R"({"pid": 2147483647, "node": "n7", "synced": true})";
  const Ended ended = ran({"status", "--bpf-root", root_, "--run-dir", root_});
  EXPECT_EQ(ended.status, kExitFailed);
  EXPECT_THAT(ended.out, HasSubstr("not running; the programs keep serving what was last programmed"));
  EXPECT_THAT(ended.out, HasSubstr("n7"));
  EXPECT_THAT(ended.err, HasSubstr("no Waggle tables"));
}

TEST_F(RunTest, ADamagedStatusFileIsAMessageAndNoMore) {
  std::ofstream(root_ / "status.json") << "{";
  EXPECT_THAT(ran({"status", "--bpf-root", root_, "--run-dir", root_}).err, HasSubstr("status.json: "));
}

TEST_F(RunTest, UsageErrorsEndWithTwoAndSayWhereHelpIs) {
  const auto expect_usage = [](std::vector<std::string> words, std::string_view sentence) {
    const Ended ended = ran(std::move(words));
    EXPECT_EQ(ended.status, kExitUsage);
    EXPECT_THAT(ended.out, IsEmpty());
    EXPECT_EQ(ended.err, "waggle: " + std::string(sentence) + "\n");
  };
  expect_usage({}, "no command given. See 'waggle help'.");
  expect_usage({"statsu"}, "unknown command 'statsu'; did you mean 'status'? See 'waggle help'.");
  expect_usage({"status", "-o", "xml"},
               "--output takes table, wide, json or yaml, not 'xml'. See 'waggle status --help'.");
  expect_usage({"flow", "list", "--limit", "many"},
               "--limit takes a whole number from 1 up, not 'many'. See 'waggle flow list --help'.");
  expect_usage({"service", "get", "web"},
               "'web' is no NS/NAME[:PORT]; did you mean 'default/web'? See 'waggle service get --help'.");
}

TEST_F(RunTest, AnUnknownTableListsTheKnownOnes) {
  const Ended ended = ran({"map", "dump", "frontends"});
  EXPECT_EQ(ended.status, kExitUsage);
  for (const char* name : {"backends", "control", "flow_spill", "flows4", "flows6", "frontend_gate", "frontends4",
                           "frontends6", "meta", "nexthops", "reason_counters", "reply_gate", "service_counters",
                           "service_names", "services", "slots", "snat4", "snat6", "sock_flows"})
    EXPECT_THAT(ended.err, HasSubstr(name));
  EXPECT_THAT(ended.err, HasSubstr("did you mean 'frontends4'?"));
}

TEST_F(RunTest, HelpAndVersionAreDataAndSucceed) {
  const Ended help = ran({"flow", "list", "--help"});
  EXPECT_EQ(help.status, kExitDone);
  EXPECT_THAT(help.out, StartsWith("waggle flow list: "));
  EXPECT_THAT(help.err, IsEmpty());
  EXPECT_THAT(ran({"help"}).out, HasSubstr("Usage: waggle COMMAND"));
  const Ended version = ran({"version", "-o", "json"});
  EXPECT_EQ(version.status, kExitDone);
  EXPECT_THAT(version.out, HasSubstr("\"abi_version\": 3"));
}

TEST_F(RunTest, CleaningUpNothingSucceedsAndSaysSo) {
  const Ended ended = ran({"cleanup", "--bpf-root", root_, "--run-dir", root_, "-o", "json"});
  EXPECT_EQ(ended.status, kExitDone) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("\"tables_removed\": 0"));
  EXPECT_EQ(ended.err, "waggle: there was nothing of Waggle under " + root_.string() + "\n");
}

TEST_F(RunTest, CleaningUpTakesTheStatusOfTheDeadAgentAlong) {
  std::ofstream(root_ / "status.json") << "{}";
  EXPECT_EQ(ran({"cleanup", "--bpf-root", root_, "--run-dir", root_}).status, kExitDone);
  EXPECT_FALSE(std::filesystem::exists(root_ / "status.json"));
}

TEST(BrokenPipeTest, EndsQuietlyAndWell) {
  std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd writer(ends[1]);
  ::close(ends[0]);
  std::string word = "help";
  std::vector<char*> words = {word.data()};
  const Captured messages;
  Sink out(writer.get());
  Sink err(messages.fd());
  EXPECT_EQ(run(words, out, err), kExitDone);
  EXPECT_TRUE(err.finish());
  EXPECT_THAT(messages.text(), IsEmpty());
}

TEST(FullDiskTest, IsAFailureInWords) {
  const UniqueFd full(::open("/dev/full", O_WRONLY));
  std::string word = "help";
  std::vector<char*> words = {word.data()};
  const Captured messages;
  Sink out(full.get());
  Sink err(messages.fd());
  EXPECT_EQ(run(words, out, err), kExitFailed);
  EXPECT_TRUE(err.finish());
  EXPECT_THAT(messages.text(), HasSubstr("cannot write to standard output: No space left on device"));
}

}  // namespace
}  // namespace waggle::cli
