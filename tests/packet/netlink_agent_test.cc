// SPDX-License-Identifier: Apache-2.0
// The real agent as a process of its own: in a network namespace of this test, against a BPF file system and a cgroup
// made for it.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <thread>

#include "daemon/agent_command.h"
#include "dataplane/table_reader.h"
#include "loader_sandbox.h"
#include "plan/dump.h"

namespace waggle {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;
using testing::Not;

constexpr milliseconds kPatience{20'000};

void ip(const std::string& arguments) { ASSERT_EQ(std::system(("ip " + arguments).c_str()), 0) << "ip " << arguments; }

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

bool becomes_true(const std::function<bool()>& condition) {
  const auto deadline = steady_clock::now() + kPatience;
  while (!condition()) {
    if (steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

std::filesystem::path cgroup2_mount() {
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    if (line.find(" - cgroup2 ") == std::string::npos) continue;
    std::istringstream fields(line);
    std::string field;
    for (int i = 0; i < 5; ++i) fields >> field;
    return field;
  }
  return {};
}

class ScratchCgroup {
 public:
  ScratchCgroup() : path_(cgroup2_mount() / fmt::format("waggle-test-{}", ::getpid())) {
    std::filesystem::create_directory(path_);
  }
  ~ScratchCgroup() { ::rmdir(path_.c_str()); }
  ScratchCgroup(const ScratchCgroup&) = delete;
  ScratchCgroup& operator=(const ScratchCgroup&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// `waggle agent` in a child process; killed with this object.
class AgentProcess {
 public:
  AgentProcess(std::vector<std::string> words, const std::filesystem::path& log) {
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    ::_exit(agent_command(arguments));
  }
  ~AgentProcess() { end(SIGKILL); }
  AgentProcess(const AgentProcess&) = delete;
  AgentProcess& operator=(const AgentProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool ended() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
  }
  // Exit status; -1 if a signal ended it.
  int wait() {
    int status = 0;
    if (pid_ <= 0) return -1;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  int end(int how) {
    if (pid_ > 0) ::kill(pid_, how);
    return wait();
  }

 private:
  pid_t pid_ = 0;
};

struct RealAgent : testing::Test {
  ScratchBpfRoot bpf;
  ScratchDirectory scratch;
  ScratchCgroup cgroup;
  std::unique_ptr<AgentProcess> agent;
  std::string flow_slots = "4096";

  void SetUp() override {
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0) << "needs root";
    ip("link set lo up");
    ip("link add eth0 type veth peer name fabric");
    ip("link set eth0 up");
    ip("address add 10.1.0.2/24 dev eth0");
    std::filesystem::create_directory(scratch.path() / "manifests");
    write_services(1);
  }

  [[nodiscard]] std::filesystem::path log() const { return scratch.path() / "log"; }
  [[nodiscard]] std::string status() const { return text_of(scratch.path() / "run/status.json"); }

  void write_services(int count) const {
    std::ofstream file(scratch.path() / "manifests/services.yaml");
    for (int i = 1; i <= count; ++i) {
      file << fmt::format(
          "apiVersion: v1\nkind: Service\nmetadata: {{name: s{0}, namespace: default}}\n"
          "spec: {{type: ClusterIP, clusterIP: 10.96.0.{0}, clusterIPs: [10.96.0.{0}], ipFamilies: [IPv4],\n"
          "  ports: [{{name: http, protocol: TCP, port: 80}}]}}\n---\n"
          "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: s{0}-1\n  namespace: default\n"
          "  labels: {{kubernetes.io/service-name: s{0}}}\naddressType: IPv4\n"
          "ports: [{{name: http, protocol: TCP, port: 8080}}]\n"
          "endpoints: [{{addresses: [10.244.1.{0}], conditions: {{ready: true}}, nodeName: n1}},\n"
          "  {{addresses: [10.244.2.{0}], conditions: {{ready: true}}, nodeName: n2}}]\n---\n",
          i);
    }
  }

  [[nodiscard]] std::vector<std::string> words(std::vector<std::string> more = {}) const {
    std::vector<std::string> all{"--manifests",   scratch.path() / "manifests",
                                 "--node-name",   "n1",
                                 "--cgroup-root", cgroup.path(),
                                 "--bpf-root",    bpf.path(),
                                 "--run-dir",     scratch.path() / "run",
                                 "--flow-slots",  flow_slots};
    const std::vector<std::string> links{"--devices", "eth0", "--pod-interfaces", "cali*"};
    const std::vector<std::string>& rest = more.empty() ? links : more;
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  }
  // Until it has programmed the tables.
  [[nodiscard]] testing::AssertionResult start(std::vector<std::string> more = {}) {
    agent = std::make_unique<AgentProcess>(words(std::move(more)), log());
    const std::string own = fmt::format("\"pid\": {},", agent->pid());
    const auto synced = [&] {
      const std::string said = status();
      return said.find(own) != std::string::npos && said.find("\"synced\": true") != std::string::npos;
    };
    if (becomes_true([&] { return synced() || agent->ended(); }) && synced()) return testing::AssertionSuccess();
    return testing::AssertionFailure() << text_of(log());
  }
  // Exit status and words of an agent that should end by itself.
  std::pair<int, std::string> fails(std::vector<std::string> all) const {
    const auto path = scratch.path() / "refused";
    std::filesystem::remove(path);
    const int status = AgentProcess(std::move(all), path).wait();
    return {status, text_of(path)};
  }

  [[nodiscard]] std::optional<TableReader> tables() const {
    auto reader = TableReader::open(bpf.path());
    EXPECT_TRUE(ok(reader));
    return reader ? std::optional(std::move(*reader)) : std::nullopt;
  }
  [[nodiscard]] size_t hooks_on(uint32_t ifindex) const {
    const auto attached = tables()->attached();
    EXPECT_TRUE(ok(attached));
    return static_cast<size_t>(std::ranges::count(*attached, ifindex, &AttachedLink::ifindex));
  }
  [[nodiscard]] std::vector<std::string> content() const {
    std::vector<std::string> lines;
    auto reader = tables();
    for (const Table table : {Table::kFrontends4, Table::kServices, Table::kSlots, Table::kBackends}) {
      const auto rows = dump_table(*reader, table);
      EXPECT_TRUE(ok(rows));
      for (const Row& row : *rows) lines.push_back(row_text(row));
    }
    return lines;
  }
};

TEST_F(RealAgent, ProgramsAttachesAndLeavesAllInPlaceWhenTold) {
  ASSERT_TRUE(start());
  const uint32_t eth0 = ::if_nametoindex("eth0");
  EXPECT_EQ(hooks_on(eth0), 3u) << "TC ingress and egress, XDP";
  EXPECT_TRUE(tables()->cgroup_attached());
  const auto before = content();
  EXPECT_FALSE(before.empty());
  EXPECT_EQ(agent->end(SIGTERM), 0) << text_of(log());
  EXPECT_EQ(hooks_on(eth0), 3u);
  EXPECT_TRUE(tables()->cgroup_attached());
  EXPECT_EQ(content(), before);
  EXPECT_THAT(status(), HasSubstr("\"running\": false"));
  EXPECT_THAT(text_of(log()), HasSubstr("ready: 1 services, 2 backends programmed"));
}

TEST_F(RealAgent, ARestartAfterACrashChangesNothing) {
  write_services(20);
  ASSERT_TRUE(start());
  const auto before = content();
  EXPECT_EQ(agent->end(SIGKILL), -1);
  EXPECT_EQ(content(), before);
  ASSERT_TRUE(start());
  EXPECT_EQ(content(), before);
  EXPECT_EQ(hooks_on(::if_nametoindex("eth0")), 3u);
  EXPECT_THAT(text_of(log()), HasSubstr("took over"));
  EXPECT_EQ(agent->end(SIGINT), 0);
}

TEST_F(RealAgent, ASecondAgentOnTheSamePinsIsRefused) {
  ASSERT_TRUE(start());
  const auto [exit_status, said] = fails(words());
  EXPECT_EQ(exit_status, 1);
  EXPECT_THAT(said, HasSubstr(bpf.path().string()));
  EXPECT_THAT(status(), HasSubstr(fmt::format("\"pid\": {},", agent->pid())));
}

TEST_F(RealAgent, ANewPodLinkIsAttachedWithin50Milliseconds) {
  ASSERT_TRUE(start());
  std::vector<double> times;
  for (int i = 0; i < 7; ++i) {
    const std::string name = fmt::format("cali{}", i);
    ip(fmt::format("link add {0} type veth peer name p{0}", name));
    const auto begun = steady_clock::now();
    const uint32_t index = ::if_nametoindex(name.c_str());
    ASSERT_TRUE(becomes_true([&] { return hooks_on(index) == 2; })) << text_of(log());
    times.push_back(std::chrono::duration<double, std::milli>(steady_clock::now() - begun).count());
  }
  std::ranges::sort(times);
  fmt::print("attached after {:.1f} ms (middle), {:.1f} ms (longest)\n", times[times.size() / 2], times.back());
  EXPECT_LE(times[times.size() / 2], 50.0);
  ip("link del cali3");
  EXPECT_TRUE(becomes_true([&] { return status().find("\"interface\": \"cali3\"") == std::string::npos; }));
}

TEST_F(RealAgent, AMissingDeviceIsNamedAndAttachedWhenItAppears) {
  ASSERT_TRUE(start({"--devices", "eth7"}));
  EXPECT_THAT(status(), HasSubstr("device 'eth7' of --devices does not exist"));
  ip("link add eth7 type veth peer name fabric7");
  const uint32_t index = ::if_nametoindex("eth7");
  EXPECT_TRUE(becomes_true([&] { return hooks_on(index) == 3; })) << text_of(log());
  EXPECT_TRUE(becomes_true([&] { return status().find("does not exist") == std::string::npos; }));
}

TEST_F(RealAgent, ADeviceThatIsNotEthernetIsNamed) {
  ASSERT_TRUE(start({"--devices", "eth0,lo"}));
  EXPECT_THAT(status(), HasSubstr("device 'lo' is not attached: it is no Ethernet device"));
  EXPECT_EQ(hooks_on(1), 0u);
}

TEST_F(RealAgent, SnatPortsAreReservedBesideThoseOfOthers) {
  const std::filesystem::path setting = "/proc/sys/net/ipv4/ip_local_reserved_ports";
  std::ofstream(setting) << "9100,50000-50010\n";
  ASSERT_TRUE(start());
  EXPECT_EQ(text_of(setting), "9100,50000-50010,61440-65535\n");
}

TEST_F(RealAgent, WhatCannotStartSaysWhyInOneSentence) {
  struct Case {
    std::vector<std::string> more;
    int exit_status;
    std::string said;
  };
  const std::string nowhere = scratch.path() / "nowhere";
  const std::vector<std::string> links{"--devices", "eth0"};
  auto other_manifests = words(links);
  other_manifests[1] = nowhere;
  auto other_cgroup = words(links);
  other_cgroup[5] = scratch.path();
  auto no_cgroup = words(links);
  no_cgroup[5] = nowhere;
  const std::vector<Case> cases{{other_manifests, 1, nowhere},
                                {other_cgroup, 1, "is not on a cgroup2 file system"},
                                {no_cgroup, 1, nowhere},
                                {{"--node-name", "n1", "--xdp", "sometimes"}, 2, "--xdp cannot be 'sometimes'"}};
  for (const Case& wrong : cases) {
    const auto [exit_status, said] = fails(wrong.more);
    EXPECT_EQ(exit_status, wrong.exit_status) << said;
    EXPECT_THAT(said, HasSubstr(wrong.said));
  }
  EXPECT_FALSE(std::filesystem::exists(bpf.path() / "waggle")) << "something was left behind";
}

#if !defined(__SANITIZE_ADDRESS__)
TEST_F(RealAgent, ResidentMemoryStaysBelow20MegabytesWith100Services) {
  write_services(100);
  flow_slots = "1048576";  // as on a machine with 16 GiB
  ASSERT_TRUE(start());
  const auto resident_kib = [&] {
    std::ifstream file(fmt::format("/proc/{}/status", agent->pid()));
    long kib = 0;
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("VmRSS:")) kib = std::stol(line.substr(6));
      if (line.starts_with("Rss") || line.starts_with("VmHWM") || line.starts_with("VmRSS")) fmt::print("{}\n", line);
    }
    return kib;
  };
  // The process is a fork of this test, so that it starts with this test's pages.
  EXPECT_LE(resident_kib(), 20 * 1024);
  ASSERT_TRUE(becomes_true([&] { return status().find("\"last_sweep\": {") != std::string::npos; }));
  EXPECT_LE(resident_kib(), 20 * 1024);
}
#endif

}  // namespace
}  // namespace waggle
