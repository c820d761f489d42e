// SPDX-License-Identifier: Apache-2.0
#include "packet_cost/test_network.h"

#include <net/if.h>
#include <sched.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <memory>

#include "dataplane/errors.h"

namespace waggle {
namespace {

constexpr const char* kCommands = R"(link set lo up
link add bench0 type veth peer name bench1
link set bench0 up
link set bench1 up
addr add 192.0.2.1/24 dev bench0
addr add 2001:db8:1::1/64 dev bench0 nodad
neigh add 192.0.2.254 lladdr 02:00:00:00:00:fe dev bench0 nud permanent
neigh add 2001:db8:1::fe lladdr 02:00:00:00:00:fe dev bench0 nud permanent
route add default via 192.0.2.254 dev bench0
route add ::/0 via 2001:db8:1::fe dev bench0
)";

struct ClosePipe {
  void operator()(FILE* pipe) const { ::pclose(pipe); }
};

bool run_ip(const char* commands) {
  std::unique_ptr<FILE, ClosePipe> ip(::popen("ip -batch -", "w"));
  if (!ip || std::fputs(commands, ip.get()) < 0) return false;
  return ::pclose(ip.release()) == 0;
}

bool write_file(const char* path, const char* text) {
  std::ofstream file(path);
  file << text;
  return static_cast<bool>(file.flush());
}

}  // namespace

Result<uint32_t> enter_test_network() {
  if (::unshare(CLONE_NEWNET) != 0) return system_failure("making a network namespace", errno);
  if (!run_ip(kCommands)) return failure("ip -batch could not set up the network namespace of the benchmark");
  if (!write_file("/proc/sys/net/ipv4/conf/all/forwarding", "1") ||
      !write_file("/proc/sys/net/ipv6/conf/all/forwarding", "1"))
    return failure("the network namespace of the benchmark does not forward: /proc/sys is not writable");
  return ::if_nametoindex("bench0");
}

}  // namespace waggle
