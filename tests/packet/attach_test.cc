// SPDX-License-Identifier: Apache-2.0
// Attaching to links and cgroups: traffic keeps flowing, links outlive the agent, leftovers are told apart.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>

#include "base/unique_fd.h"
#include "dataplane/table_reader.h"
#include "loader_sandbox.h"

namespace waggle {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

void run(const std::string& command) { ASSERT_EQ(std::system(command.c_str()), 0) << command; }

UniqueFd current_netns() { return UniqueFd(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)); }

// The test runs in a nameless network namespace, `peer` is another; a veth connects them: node0 10.9.0.1 - 10.9.0.2
// peer0. Both vanish with the process.
struct Attach : testing::Test {
  ScratchBpfRoot root;
  UniqueFd home;
  UniqueFd peer;
  uint32_t node0 = 0;

  void SetUp() override {
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0) << "needs root";
    peer = current_netns();
    run("ip link set lo up");
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    home = current_netns();
    run("ip link set lo up");
    const std::string peer_path = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(peer.get());
    run("ip link add node0 type veth peer name peer0 netns " + peer_path);
    run("ip address add 10.9.0.1/24 dev node0 && ip link set node0 up");
    enter(peer);
    run("ip address add 10.9.0.2/24 dev peer0 && ip link set peer0 up");
    enter(home);
    node0 = ::if_nametoindex("node0");
  }

  static void enter(const UniqueFd& netns) { ASSERT_EQ(::setns(netns.get(), CLONE_NEWNET), 0); }

  UniqueFd udp_socket(const UniqueFd& netns, const char* address, uint16_t port) {
    enter(netns);
    UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in local{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
    ::inet_pton(AF_INET, address, &local.sin_addr);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&local), sizeof(local)), 0);
    const timeval patience{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    enter(home);
    return fd;
  }

  // A datagram from the peer and its answer.
  bool traffic_passes() {
    const UniqueFd server = udp_socket(home, "10.9.0.1", 7000);
    const UniqueFd client = udp_socket(peer, "10.9.0.2", 0);
    sockaddr_in to{.sin_family = AF_INET, .sin_port = htons(7000), .sin_addr = {}, .sin_zero = {}};
    ::inet_pton(AF_INET, "10.9.0.1", &to.sin_addr);
    char byte = 'a';
    if (::sendto(client.get(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 1) return false;
    sockaddr_in from{};
    socklen_t length = sizeof(from);
    if (::recvfrom(server.get(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&from), &length) != 1) return false;
    if (::sendto(server.get(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&from), length) != 1) return false;
    return ::recv(client.get(), &byte, 1, 0) == 1;
  }

  Dataplane open(TcAttach how = TcAttach::kAuto) {
    DataplaneConfig config = small_config(root);
    config.tc_attach = how;
    auto dataplane = Dataplane::open(config);
    EXPECT_TRUE(ok(dataplane));
    if (!dataplane) std::abort();
    return std::move(*dataplane);
  }

  [[nodiscard]] fs::path link_pin(const std::string& name) const { return root.path() / "waggle/links" / name; }
};

MATCHER_P3(IsLink, ifindex, hook, mode, "") {
  return arg.ifindex == static_cast<uint32_t>(ifindex) && arg.hook == hook && arg.mode == mode;
}

auto both_tc(uint32_t ifindex, AttachMode mode) {
  return testing::ElementsAre(IsLink(ifindex, Hook::kTcIngress, mode), IsLink(ifindex, Hook::kTcEgress, mode));
}

int foreign_program(bpf_prog_type type, int verdict) {
  bpf_insn set{};
  set.code = BPF_ALU64 | BPF_MOV | BPF_K;
  set.imm = verdict;
  bpf_insn leave{};
  leave.code = BPF_JMP | BPF_EXIT;
  const std::array program = {set, leave};
  return ::bpf_prog_load(type, "foreign", "GPL", program.data(), program.size(), nullptr);
}

struct TcModeName {
  TcAttach how;
  AttachMode mode;
};

struct AttachTc : Attach, testing::WithParamInterface<TcModeName> {};

// Proves: O-74
TEST_P(AttachTc, TrafficPassesAndLinksOutliveTheAgent) {
  {
    Dataplane dataplane = open(GetParam().how);
    ASSERT_TRUE(traffic_passes());
    const auto outcome = dataplane.attach_link(node0);
    ASSERT_TRUE(ok(outcome));
    EXPECT_EQ(outcome->mode, GetParam().mode);
    EXPECT_FALSE(outcome->adopted);
    EXPECT_THAT(*dataplane.attached(), both_tc(node0, GetParam().mode));
    EXPECT_TRUE(traffic_passes());
  }
  EXPECT_TRUE(traffic_passes());
  EXPECT_THAT(*TableReader::open(root.path())->attached(), both_tc(node0, GetParam().mode));
  Dataplane again = open(GetParam().how);
  const auto adopted = again.attach_link(node0);
  ASSERT_TRUE(ok(adopted));
  EXPECT_TRUE(adopted->adopted);
  EXPECT_THAT(*again.attached(), both_tc(node0, GetParam().mode));
  EXPECT_TRUE(traffic_passes());
  ASSERT_TRUE(ok(again.detach_link(node0)));
  EXPECT_TRUE(again.attached()->empty());
  EXPECT_TRUE(ok(again.detach_link(node0)));
  EXPECT_TRUE(traffic_passes());
}

TEST_P(AttachTc, CleanupDetaches) {
  { ASSERT_TRUE(ok(open(GetParam().how).attach_link(node0))); }
  const auto counts = cleanup_dataplane(root.path());
  ASSERT_TRUE(ok(counts));
  EXPECT_EQ(counts->links, 2u);
  EXPECT_TRUE(open().attached()->empty());
  EXPECT_TRUE(traffic_passes());
}

TEST_P(AttachTc, NamesADeviceThatIsNotThere) {
  Dataplane dataplane = open(GetParam().how);
  const auto refused = dataplane.attach_link(4711);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ENODEV);
  EXPECT_THAT(refused.error().message, HasSubstr("no device with index 4711"));
  EXPECT_FALSE(dataplane.attach_xdp(4711));
}

INSTANTIATE_TEST_SUITE_P(Modes, AttachTc,
                         testing::Values(TcModeName{TcAttach::kTcx, AttachMode::kTcx},
                                         TcModeName{TcAttach::kClsact, AttachMode::kClsact}),
                         [](const auto& mode) { return std::string(attach_mode_name(mode.param.mode)); });

TEST_F(Attach, ChangingTheModeLeavesOneOfEach) {
  { ASSERT_TRUE(ok(open(TcAttach::kTcx).attach_link(node0))); }
  {
    Dataplane dataplane = open(TcAttach::kClsact);
    ASSERT_TRUE(ok(dataplane.attach_link(node0)));
    EXPECT_THAT(*dataplane.attached(), both_tc(node0, AttachMode::kClsact));
  }
  Dataplane dataplane = open(TcAttach::kTcx);
  ASSERT_TRUE(ok(dataplane.attach_link(node0)));
  EXPECT_THAT(*dataplane.attached(), both_tc(node0, AttachMode::kTcx));
}

TEST_F(Attach, TwoRootsKeepToTheirOwnFilters) {
  const ScratchBpfRoot other_root;
  auto other = Dataplane::open(small_config(other_root));
  ASSERT_TRUE(ok(other));
  Dataplane dataplane = open(TcAttach::kClsact);
  ASSERT_TRUE(ok(dataplane.attach_link(node0)));
  EXPECT_TRUE(other->attached()->empty());
  ASSERT_TRUE(ok(other->detach_link(node0)));
  EXPECT_THAT(*dataplane.attached(), both_tc(node0, AttachMode::kClsact));
}

TEST_F(Attach, LeavesAForeignFilterOfTheSamePriorityAlone) {
  const UniqueFd program(foreign_program(BPF_PROG_TYPE_SCHED_CLS, -1));
  bpf_tc_hook hook{};
  hook.sz = sizeof(hook);
  hook.ifindex = static_cast<int>(node0);
  hook.attach_point = BPF_TC_INGRESS;
  ASSERT_EQ(::bpf_tc_hook_create(&hook), 0);
  bpf_tc_opts place{};
  place.sz = sizeof(place);
  place.handle = 1;
  place.priority = 1090;
  place.prog_fd = program.get();
  ASSERT_EQ(::bpf_tc_attach(&hook, &place), 0);
  Dataplane dataplane = open(TcAttach::kClsact);
  const auto refused = dataplane.attach_link(node0);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message,
              AllOf(HasSubstr("device node0"), HasSubstr("another program"), HasSubstr("tc filter del")));
  EXPECT_TRUE(dataplane.attached()->empty());  // nothing half attached
}

TEST_F(Attach, PrunesLinksOfGoneDevicesAndAttachesAnew) {
  Dataplane dataplane = open(TcAttach::kTcx);
  ASSERT_TRUE(ok(dataplane.attach_link(node0)));
  ASSERT_TRUE(ok(dataplane.attach_xdp(node0)));
  EXPECT_TRUE(dataplane.prune()->empty());
  run("ip link del node0");
  EXPECT_TRUE(dataplane.attached()->empty());
  run("ip link add node0 index " + std::to_string(node0) + " type veth peer name spare");
  const auto outcome = dataplane.attach_link(node0);  // the same index, another device: the old pin is worth nothing
  ASSERT_TRUE(ok(outcome));
  EXPECT_FALSE(outcome->adopted);
  EXPECT_THAT(*dataplane.attached(), both_tc(node0, AttachMode::kTcx));
  EXPECT_THAT(*dataplane.prune(), testing::ElementsAre(node0));  // XDP's
  EXPECT_FALSE(fs::exists(link_pin("xdp_ingress_" + std::to_string(node0))));
  EXPECT_TRUE(fs::exists(link_pin("tc_ingress_" + std::to_string(node0))));
  run("ip link del node0");
  EXPECT_THAT(*dataplane.prune(), testing::ElementsAre(node0));
  EXPECT_TRUE(fs::is_empty(root.path() / "waggle/links"));
}

TEST_F(Attach, XdpRunsNativeWhereTheDriverCan) {
  {
    Dataplane dataplane = open();
    const auto outcome = dataplane.attach_xdp(node0);
    ASSERT_TRUE(ok(outcome));
    EXPECT_EQ(outcome->mode, AttachMode::kXdpNative);
    EXPECT_EQ(outcome->notice, "");
    EXPECT_TRUE(traffic_passes());
  }
  Dataplane again = open();
  const auto adopted = again.attach_xdp(node0);
  ASSERT_TRUE(ok(adopted));
  EXPECT_TRUE(adopted->adopted);
  EXPECT_THAT(*again.attached(), testing::ElementsAre(IsLink(node0, Hook::kXdp, AttachMode::kXdpNative)));
  ASSERT_TRUE(ok(again.detach_xdp(node0)));
  EXPECT_TRUE(again.attached()->empty());
}

TEST_F(Attach, XdpFallsBackToGenericAndSaysSo) {
  Dataplane dataplane = open();
  const uint32_t lo = ::if_nametoindex("lo");
  const auto outcome = dataplane.attach_xdp(lo);
  ASSERT_TRUE(ok(outcome));
  EXPECT_EQ(outcome->mode, AttachMode::kXdpGeneric);
  EXPECT_THAT(outcome->notice, AllOf(HasSubstr("device lo"), HasSubstr("generic")));
  EXPECT_THAT(*dataplane.attached(), testing::ElementsAre(IsLink(lo, Hook::kXdp, AttachMode::kXdpGeneric)));
  EXPECT_EQ(dataplane.attach_xdp(lo)->mode, AttachMode::kXdpGeneric);
}

TEST_F(Attach, NamesAnotherXdpProgramInTheWay) {
  const UniqueFd program(foreign_program(BPF_PROG_TYPE_XDP, XDP_PASS));
  const UniqueFd link(::bpf_link_create(program.get(), static_cast<int>(node0), BPF_XDP, nullptr));
  ASSERT_TRUE(link.valid());
  Dataplane dataplane = open();
  const auto refused = dataplane.attach_xdp(node0);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("device node0"), HasSubstr("another XDP program (id ")));
  EXPECT_TRUE(ok(dataplane.attach_link(node0)));
}

// The budget of architecture and issue: a new pod's link works within 50 ms. Reported, not judged: see the notes of
// loader.
TEST_F(Attach, ReportsTheTimeOfAPodLink) {
  for (const auto& [how, name] : {std::pair(TcAttach::kTcx, "tcx"), std::pair(TcAttach::kClsact, "clsact")}) {
    Dataplane dataplane = open(how);
    std::array<double, 9> milliseconds{};
    for (double& time : milliseconds) {
      const auto start = std::chrono::steady_clock::now();
      ASSERT_TRUE(ok(dataplane.attach_link(node0)));
      time = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
      ASSERT_TRUE(ok(dataplane.detach_link(node0)));
    }
    std::ranges::sort(milliseconds);
    std::printf("attach_link %s: median %.2f ms, slowest of 9 %.2f ms\n", name, milliseconds[4], milliseconds[8]);
    RecordProperty(std::string(name) + "_median_us", static_cast<int>(milliseconds[4] * 1000));
  }
}

// A cgroup2 directory of this test alone.
class ScratchCgroup {
 public:
  ScratchCgroup() {
    std::ifstream mounts("/proc/mounts");
    std::string device;
    std::string place;
    std::string type;
    for (std::string rest; mounts >> device >> place >> type && std::getline(mounts, rest);) {
      if (type == "cgroup2") path_ = fs::path(place) / ("waggle-test-" + std::to_string(::getpid()));
    }
    EXPECT_FALSE(path_.empty()) << "no cgroup2 file system is mounted";
    EXPECT_EQ(::mkdir(path_.c_str(), 0755), 0);
  }
  ~ScratchCgroup() { remove(); }
  ScratchCgroup(const ScratchCgroup&) = delete;
  ScratchCgroup& operator=(const ScratchCgroup&) = delete;
  void remove() const { ::rmdir(path_.c_str()); }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// From a process of the cgroup, a connected UDP socket on loopback.
bool connects_within(const fs::path& cgroup) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::ofstream(cgroup / "cgroup.procs") << ::getpid() << std::flush;
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in to{.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    ::_exit(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0 ? 0 : 1);
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  return status == 0;
}

size_t socket_pins(const fs::path& links) {
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(links))
    count += entry.path().filename().string().starts_with("sock_");
  return count;
}

TEST_F(Attach, CgroupProgramsOutliveTheAgentAndAreAdopted) {
  const ScratchCgroup cgroup;
  {
    Dataplane dataplane = open();
    ASSERT_TRUE(ok(dataplane.attach_cgroup(cgroup.path())));
    EXPECT_TRUE(connects_within(cgroup.path()));
  }
  EXPECT_EQ(socket_pins(root.path() / "waggle/links"), 8u);
  EXPECT_TRUE(TableReader::open(root.path())->cgroup_attached());
  Dataplane again = open();
  ASSERT_TRUE(ok(again.attach_cgroup(cgroup.path())));
  uint32_t attached = 0;
  const UniqueFd fd(::open(cgroup.path().c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::bpf_prog_query(fd.get(), BPF_CGROUP_INET4_CONNECT, 0, nullptr, nullptr, &attached), 0);
  EXPECT_EQ(attached, 1u);
  ASSERT_TRUE(ok(again.detach_cgroup()));
  EXPECT_EQ(socket_pins(root.path() / "waggle/links"), 0u);
  EXPECT_TRUE(connects_within(cgroup.path()));
}

TEST_F(Attach, CgroupProgramsMoveToAnotherCgroup) {
  Dataplane dataplane = open();
  {
    const ScratchCgroup first;
    ASSERT_TRUE(ok(dataplane.attach_cgroup(first.path())));
  }
  const ScratchCgroup second;
  ASSERT_TRUE(ok(dataplane.attach_cgroup(second.path())));
  EXPECT_TRUE(TableReader::open(root.path())->cgroup_attached());
  uint32_t attached = 0;
  const UniqueFd fd(::open(second.path().c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::bpf_prog_query(fd.get(), BPF_CGROUP_INET6_CONNECT, 0, nullptr, nullptr, &attached), 0);
  EXPECT_EQ(attached, 1u);
}

TEST_F(Attach, RefusesACgroupRootThatIsNoCgroup2) {
  Dataplane dataplane = open();
  const ScratchDirectory plain;
  const auto refused = dataplane.attach_cgroup(plain.path());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr(plain.path().string()), HasSubstr("no cgroup2 directory")));
  EXPECT_THAT(dataplane.attach_cgroup("/nowhere").error().message,
              AllOf(HasSubstr("/nowhere"), HasSubstr("No such file")));
  EXPECT_EQ(socket_pins(root.path() / "waggle/links"), 0u);
}

}  // namespace
}  // namespace waggle
