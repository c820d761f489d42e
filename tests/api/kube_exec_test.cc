// SPDX-License-Identifier: Apache-2.0
// Credentials that a program prints: shell scripts in the place of the clouds' programs.
#include <sys/stat.h>
#include <sys/syscall.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/unique_fd.h"
#include "kube_rig.h"
#include "source/base64.h"

namespace waggle {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr const char* kVersion = "client.authentication.k8s.io/v1";

std::string content_of(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

class KubeExecTest : public ::testing::Test {
 protected:
  // A script beside the server's files, and a kubeconfig that names it.
  void open_with(const std::string& script, const std::string& more = "", const std::string& version = kVersion) {
    std::ofstream(script_path()) << "#!/bin/sh\necho run >>" << runs_path() << "\n" << script << "\n";
    std::filesystem::permissions(script_path(), std::filesystem::perms::owner_all);
    open_command(script_path(), more, version);
  }
  void open_command(const std::string& command, const std::string& more = "", const std::string& version = kVersion) {
    rig.open(fmt::format(R"("auth": "exec", "exec_plugin": {{"command": "{}", "apiVersion": "{}"{}}})", command,
                         version, more));
  }
  [[nodiscard]] std::string folder() const {
    return std::filesystem::path(rig.server->places().kubeconfig).parent_path();
  }
  [[nodiscard]] std::string script_path() const { return folder() + "/credentials.sh"; }
  [[nodiscard]] std::string runs_path() const { return folder() + "/runs"; }
  [[nodiscard]] size_t runs() const { return content_of(runs_path()).size() / std::string("run\n").size(); }
  // Prints the token that stands in the token file at that time.
  [[nodiscard]] std::string print_token(const std::string& more = "", const std::string& version = kVersion) const {
    return fmt::format(
        "token=$(cat {})\ncat <<END\n"
        R"({{"kind": "ExecCredential", "apiVersion": "{}", "status": {{"token": "$token"{}}}}})"
        "\nEND",
        rig.server->places().token_file, version, more);
  }

  KubeRig rig;
};

TEST_F(KubeExecTest, ATokenIsPrintedOnceForManyRequests) {
  for (const char* version : {"client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"}) {
    open_with(print_token("", version), "", version);
    Answer first;
    Answer second;
    rig.http->start(get_request(KubeRig::kServices), first);
    rig.http->start(get_request(KubeRig::kServices), second);
    rig.drive_to_end(first);
    rig.drive_to_end(second);
    EXPECT_EQ(first.head.status, 200) << first.problem();
    EXPECT_EQ(second.head.status, 200) << second.problem();
    EXPECT_EQ(rig.ask().head.status, 200);
    EXPECT_EQ(rig.http->counts().program_runs, 1U);
  }
}

TEST_F(KubeExecTest, AClientCertificateIsPrinted) {
  const ApiServerPlaces& places = rig.server->places();
  const std::string lines = R"(sed ':a;N;$!ba;s/\n/\\n/g' )";
  open_with(fmt::format("certificate=$({0}{1})\nkey=$({0}{2})\n", lines, places.client_certificate, places.client_key) +
            R"(printf '{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": )"
            R"({"clientCertificateData": "%s", "clientKeyData": "%s"}}' "$certificate" "$key")");
  const Answer answer = rig.ask();
  EXPECT_EQ(answer.head.status, 200) << answer.problem();
  EXPECT_EQ(text_at(rig.tell("stats"), "/requests/0/user").value_or(""), "system:kube-proxy");
}

TEST_F(KubeExecTest, RunsAgainAfterARefusal) {
  open_with(print_token());
  EXPECT_EQ(rig.ask().head.status, 200);
  rig.tell("token");
  EXPECT_EQ(rig.ask().head.status, 401);
  EXPECT_EQ(rig.ask().head.status, 200);
  EXPECT_EQ(runs(), 2U);
}

TEST_F(KubeExecTest, ManyRefusalsOfOneTokenAreOneRun) {
  open_with(print_token());
  EXPECT_EQ(rig.ask().head.status, 200);
  rig.tell("token");
  Answer answers[3];
  for (Answer& answer : answers) rig.http->start(get_request(KubeRig::kServices), answer);
  for (Answer& answer : answers) rig.drive_to_end(answer);
  EXPECT_EQ(rig.ask().head.status, 200);
  EXPECT_EQ(runs(), 2U);
}

TEST_F(KubeExecTest, RunsAgainWhenTheCredentialExpires) {
  open_with(print_token(R"(, "expirationTimestamp": "2020-01-01T00:00:00Z")"));
  EXPECT_EQ(rig.ask().head.status, 200);
  EXPECT_EQ(rig.ask().head.status, 200);
  EXPECT_EQ(runs(), 2U);
  open_with(print_token(R"(, "expirationTimestamp": "2100-01-01T00:00:00Z")"));
  EXPECT_EQ(rig.ask().head.status, 200);
  EXPECT_EQ(rig.ask().head.status, 200);
  EXPECT_EQ(runs(), 3U);
}

TEST_F(KubeExecTest, TellsTheProgramWhatItAsksFor) {
  const std::string said = folder() + "/said";
  open_with(fmt::format("printf '%s|%s|%s|' \"$KUBERNETES_EXEC_INFO\" \"$COLOUR\" \"$*\" >{}\n", said) + print_token(),
            R"(, "provideClusterInfo": true, "args": ["a b", "c"], "env": [{"name": "COLOUR", "value": "yellow"}])");
  EXPECT_EQ(rig.ask().head.status, 200);
  const std::string words = content_of(said);
  const std::string info = words.substr(0, words.find('|'));
  EXPECT_EQ(words.substr(info.size()), "|yellow|a b c|");
  EXPECT_EQ(text_at(info, "/kind").value_or(""), "ExecCredential");
  EXPECT_EQ(text_at(info, "/apiVersion").value_or(""), kVersion);
  EXPECT_EQ(text_at(info, "/spec/cluster/server").value_or(""), rig.server->places().url);
  EXPECT_EQ(decode_base64(text_at(info, "/spec/cluster/certificate-authority-data").value_or("")),
            content_of(rig.server->places().ca_file));
}

TEST_F(KubeExecTest, DoesNotWaitInTheLoop) {
  const std::string go = folder() + "/go";
  ASSERT_EQ(::mkfifo(go.c_str(), 0600), 0);
  open_with("read line <" + go + "\n" + print_token());
  Answer answer;
  rig.http->start(get_request(KubeRig::kServices), answer);
  rig.drive_until([&] { return runs() == 1; }, "the start of the program");
  EXPECT_FALSE(answer.end);
  std::ofstream(go) << "go\n";
  rig.drive_to_end(answer);
  EXPECT_EQ(answer.head.status, 200) << answer.problem();
}

TEST_F(KubeExecTest, ADeadlineCountsWhileTheProgramRuns) {
  open_with("sleep 30");
  ApiRequest request = get_request(KubeRig::kServices);
  request.deadline = 200ms;
  EXPECT_THAT(rig.ask(request).problem(), HasSubstr("no answer within 0.2 s"));
}

TEST_F(KubeExecTest, AProgramThatHangsIsKilledWithItsChildren) {
  rig.options.credentials.exec_time_limit = 1500ms;
  const std::string child = folder() + "/child";
  open_with("sleep 300 &\necho $! >" + child + "\nwait");
  EXPECT_THAT(rig.ask().problem(), HasSubstr("the exec program " + script_path() + " did not end within 1.5 s"));
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, std::stoi(content_of(child)), 0)));
  pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
  EXPECT_TRUE(!process.valid() || ::poll(&ended, 1, 10'000) == 1);
}

TEST_F(KubeExecTest, TheProgramGoesWithTheTransport) {
  const std::string pid_file = folder() + "/pid";
  open_with("echo $$ >" + pid_file + "\nsleep 300");
  Answer answer;
  rig.http->start(get_request(KubeRig::kServices), answer);
  rig.drive_until([&] { return content_of(pid_file).ends_with("\n"); }, "the start of the program");
  rig.http.reset();
  EXPECT_NE(::kill(std::stoi(content_of(pid_file)), 0), 0);
}

TEST_F(KubeExecTest, AProgramThatFailsIsQuotedAndRunAgain) {
  open_with("echo 'please log in' >&2\nexit 3");
  EXPECT_THAT(rig.ask().problem(),
              MatchesRegex("kubeconfig .*: the exec program .* ended with status 3, saying: please log in"));
  EXPECT_THAT(rig.ask().problem(), HasSubstr("please log in"));
  EXPECT_EQ(runs(), 2U);
}

TEST_F(KubeExecTest, AProgramThatIsMissingIsNamedWithItsHint) {
  open_command("waggle-no-such-program", R"(, "installHint": "It comes with the cloud's tools.")");
  EXPECT_THAT(rig.ask().problem(),
              HasSubstr("the exec program waggle-no-such-program cannot be started: No such file or "
                        "directory; install it, or correct `command` (It comes with the cloud's "
                        "tools.)"));
}

TEST_F(KubeExecTest, WhatItPrintsIsCheckedAndNotRepeated) {
  const std::string head = R"({"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", )";
  const std::pair<std::string, const char*> wrong[] = {
      {"hushed", "printed something else than one JSON object"},
      {R"({"kind": "Secret"})", "printed an object of kind \"Secret\" instead of ExecCredential"},
      {R"({"kind": "ExecCredential", "apiVersion": "v0"})", "printed apiVersion v0, and the kubeconfig's exec section"},
      {head + R"("status": {}})", "has neither token nor clientCertificateData"},
      {head + R"("spec": {}})", "status: is missing"},
      {head + R"("status": {"clientKeyData": "hushed"}})", "they go together"},
      {head + R"("status": {"token": "hushed", "expirationTimestamp": "soon"}})", "is not a time as"},
      {head + R"("status": {"token": "hushed up"}})", "characters that no token has"}};
  for (const auto& [output, words] : wrong) {
    open_with("cat <<'END'\n" + output + "\nEND");
    const std::string problem = rig.ask().problem();
    EXPECT_THAT(problem, HasSubstr(words));
    EXPECT_THAT(problem, Not(HasSubstr("hushed")));
  }
}

TEST_F(KubeExecTest, AProgramThatPrintsTooMuchIsStopped) {
  open_with("exec cat /dev/zero");
  EXPECT_THAT(rig.ask().problem(), HasSubstr("printed too much"));
}

TEST_F(KubeExecTest, LongOutputIsReadWhileTheProgramRuns) {
  open_with("head -c 300000 /dev/zero | tr '\\0' ' '\n" + print_token());
  const Answer answer = rig.ask();
  EXPECT_EQ(answer.head.status, 200) << answer.problem();
}

}  // namespace
}  // namespace waggle
