// SPDX-License-Identifier: Apache-2.0
#include "support/private_node.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace waggle {
namespace {

namespace fs = std::filesystem;

// Only the node's own ends speak IPv6: what the other ends would send by themselves would be counted, too.
constexpr const char* kLinkSettings[] = {"ipv6/conf/pod/disable_ipv6", "ipv6/conf/uplink/disable_ipv6",
                                         "ipv6/conf/uplink2/disable_ipv6"};

// One `ip` command a line.
constexpr const char* kLinks = R"(link set lo up
link add name pod index 11 type veth peer name podpeer index 12
link add name uplink index 21 address 02:00:00:00:00:21 type veth peer name fabric index 22 address 02:00:00:00:00:22
link add name uplink2 index 31 address 02:00:00:00:00:31 type veth peer name fabric2 index 32 address 02:00:00:00:00:32
)";
constexpr const char* kNetwork = R"(link set pod up
link set podpeer up
link set uplink up
link set fabric up
link set uplink2 up
link set fabric2 up
address add 192.0.2.1/24 dev uplink
address add 198.51.100.1/24 dev uplink2
address add 2001:db8:1::1/64 dev uplink nodad
address add 2001:db8:2::1/64 dev uplink2 nodad
neighbour replace 192.0.2.2 lladdr 02:00:00:00:00:22 dev uplink nud permanent
neighbour replace 198.51.100.2 lladdr 02:00:00:00:00:32 dev uplink2 nud permanent
neighbour replace 2001:db8:1::2 lladdr 02:00:00:00:00:22 dev uplink nud permanent
neighbour replace 2001:db8:2::2 lladdr 02:00:00:00:00:32 dev uplink2 nud permanent
route add 10.244.1.0/24 dev pod
route add 10.244.2.0/24 via 192.0.2.2
route add 10.244.3.0/24 via 198.51.100.2
route add 10.244.4.0/24 via 192.0.2.99
route add 10.244.5.0/24 via 192.0.2.2 mtu lock 1280
route add 203.0.113.0/24 via 192.0.2.2
route add 10.96.0.0/16 via 192.0.2.2
route add 2001:db8:f1::/64 dev pod
route add 2001:db8:f2::/64 via 2001:db8:1::2
route add 2001:db8:f3::/64 via 2001:db8:2::2
route add 2001:db8:f4::/64 via 2001:db8:1::99
route add 2001:db8:f5::/64 via 2001:db8:1::2 mtu lock 1280
route add 2001:db8:cc::/64 via 2001:db8:1::2
route add fd00:96::/64 via 2001:db8:1::2
)";

tl::unexpected<Error> failed(const char* what) {
  return failure(fmt::format("{}: {} (these tests need root)", what, std::strerror(errno)), errno);
}

Result<void> run_ip_batch(const char* lines) {
  std::FILE* ip = ::popen("ip -batch -", "w");
  if (ip == nullptr) return failed("starting `ip`");
  std::fputs(lines, ip);
  if (::pclose(ip) != 0) return failure("`ip` refused to make the test's network (its words are above)");
  return {};
}

Result<void> set(const char* setting, const char* value) {
  std::ofstream file(fmt::format("/proc/sys/net/{}", setting));
  if (!(file << value << std::flush)) return failed(setting);
  return {};
}

Result<void> make_network() {
  for (const char* setting : {"ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv6/conf/default/disable_ipv6"}) {
    if (auto done = set(setting, "1"); !done) return done;
  }
  if (auto made = run_ip_batch(kLinks); !made) return made;
  for (const char* setting : kLinkSettings) {
    if (auto done = set(setting, "0"); !done) return done;
  }
  return run_ip_batch(kNetwork);
}

Result<fs::path> mount_bpf() {
  const fs::path root = "/sys/fs/bpf";  // always there to mount on; hides the machine's own
  if (::mount("bpf", root.c_str(), "bpf", 0, nullptr) != 0) return failed("mounting a BPF file system");
  return root;
}

Result<fs::path> enter() {
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) return failed("entering namespaces of its own");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return failed("keeping mounts to itself");
  if (auto made = make_network(); !made) return tl::unexpected(made.error());
  return mount_bpf();
}

}  // namespace

Result<fs::path> enter_private_node() {
  static const Result<fs::path> root = enter();
  return root;
}

}  // namespace waggle
