// SPDX-License-Identifier: Apache-2.0
#include "socket_calls.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "dataplane/errors.h"
#include "packet_case.h"

namespace waggle {

using namespace reference;  // NOLINT: the model's words are this file's

namespace {

// Every endpoint has a neighbour, so that packets leave at once.
constexpr const char* kNodeNeighbours = R"(neighbour replace 10.244.1.20 lladdr 02:00:00:00:00:99 dev pod nud permanent
neighbour replace 10.244.1.21 lladdr 02:00:00:00:00:99 dev pod nud permanent
neighbour replace 10.244.1.22 lladdr 02:00:00:00:00:99 dev pod nud permanent
neighbour replace 2001:db8:f1::20 lladdr 02:00:00:00:00:99 dev pod nud permanent
neighbour replace 2001:db8:f1::21 lladdr 02:00:00:00:00:99 dev pod nud permanent
neighbour replace 2001:db8:f1::22 lladdr 02:00:00:00:00:99 dev pod nud permanent
route add default via 192.0.2.2
route add ::/0 via 2001:db8:1::2
address add 2001:db8:f1::1/64 dev pod nodad
)";
constexpr const char* kPodNetwork = R"(link set lo up
link add name out type veth peer name nowhere
link set out up
link set nowhere up
address add 10.244.1.10/32 dev out
address add 2001:db8:f1::10/128 dev out nodad
neighbour replace 10.244.1.1 lladdr 02:00:00:00:00:99 dev out nud permanent
neighbour replace 2001:db8:f1::1 lladdr 02:00:00:00:00:99 dev out nud permanent
route add default via 10.244.1.1 dev out onlink
route add ::/0 via 2001:db8:f1::1 dev out onlink
)";

Result<void> run_ip(const char* lines) {
  std::FILE* ip = ::popen("ip -batch -", "w");
  if (ip == nullptr) return system_failure("starting `ip`", errno);
  std::fputs(lines, ip);
  if (::pclose(ip) != 0) return failure("`ip` refused to make the network of socket calls");
  return {};
}

Result<UniqueFd> open_tap() {
  UniqueFd tap(::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL)));
  if (!tap.valid()) return system_failure("opening a tap", errno);
  return tap;
}

// Where sockets are made, and what they send is seen.
struct Place {
  UniqueFd netns;
  UniqueFd tap;
};
struct CallPlaces {
  Place node;
  Place pod;
};

Result<UniqueFd> own_netns() {
  UniqueFd netns(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!netns.valid()) return system_failure("opening a network namespace", errno);
  return netns;
}

Result<Place> place_here(const char* network) {
  if (auto made = run_ip(network); !made) return tl::unexpected(made.error());
  auto netns = own_netns();
  if (!netns) return tl::unexpected(netns.error());
  auto tap = open_tap();
  if (!tap) return tl::unexpected(tap.error());
  return Place{std::move(*netns), std::move(*tap)};
}

Result<CallPlaces> make_places() {
  auto node = place_here(kNodeNeighbours);
  if (!node) return tl::unexpected(node.error());
  if (::unshare(CLONE_NEWNET) != 0) return system_failure("making a pod's network", errno);
  auto pod = place_here(kPodNetwork);
  if (::setns(node->netns.get(), CLONE_NEWNET) != 0) return system_failure("going back to the node", errno);
  if (!pod) return tl::unexpected(pod.error());
  return CallPlaces{std::move(*node), std::move(*pod)};
}

const Result<CallPlaces>& places_of_calls() {
  static const Result<CallPlaces> places = make_places();
  return places;
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

bool is_ipv6_socket(const Call& call) { return call.is_mapped || call.to.address.family == Family::kIpv6; }

SocketAddress socket_address(const Call& call) {
  SocketAddress address;
  if (!is_ipv6_socket(call)) {
    auto* to = reinterpret_cast<sockaddr_in*>(&address.storage);
    to->sin_family = AF_INET;
    to->sin_port = htons(call.to.port);
    std::memcpy(&to->sin_addr, call.to.address.bytes.data(), 4);
    address.length = sizeof(*to);
    return address;
  }
  auto* to = reinterpret_cast<sockaddr_in6*>(&address.storage);
  to->sin6_family = AF_INET6;
  to->sin6_port = htons(call.to.port);
  address.length = sizeof(*to);
  if (!call.is_mapped) {
    std::memcpy(&to->sin6_addr, call.to.address.bytes.data(), 16);
    return address;
  }
  to->sin6_addr.s6_addr[10] = to->sin6_addr.s6_addr[11] = 0xff;
  std::memcpy(to->sin6_addr.s6_addr + 12, call.to.address.bytes.data(), 4);
  return address;
}

uint16_t port_of_socket(int socket) {
  sockaddr_storage own{};
  socklen_t length = sizeof(own);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &length);
  return ntohs(own.ss_family == AF_INET ? reinterpret_cast<sockaddr_in*>(&own)->sin_port
                                        : reinterpret_cast<sockaddr_in6*>(&own)->sin6_port);
}

// Whom an outgoing packet with this protocol and source port is for.
std::optional<AddressPort> destination_in(const uint8_t* packet, size_t size, const Call& call, uint16_t source_port) {
  const bool ipv6 = size > 0 && packet[0] >> 4 == 6;
  const size_t header = ipv6 ? 40 : 20, address_at = ipv6 ? 24 : 16;
  if (size < header + 4) return std::nullopt;
  const uint8_t protocol = packet[ipv6 ? 6 : 9];
  if (protocol != static_cast<uint8_t>(call.protocol)) return std::nullopt;
  if ((packet[header] << 8 | packet[header + 1]) != source_port) return std::nullopt;
  AddressPort to{{.family = ipv6 ? Family::kIpv6 : Family::kIpv4},
                 static_cast<uint16_t>(packet[header + 2] << 8 | packet[header + 3])};
  std::memcpy(to.address.bytes.data(), packet + address_at, ipv6 ? 16 : 4);
  return to;
}

// The first such packet; the tap is empty after it.
std::optional<AddressPort> first_sent(int tap, const Call& call, uint16_t source_port) {
  std::optional<AddressPort> found;
  std::array<uint8_t, 2048> packet;
  sockaddr_ll from{};
  socklen_t length = sizeof(from);
  for (;;) {
    const ssize_t size = ::recvfrom(tap, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (size < 0) return found;
    if (!found && from.sll_pkttype == PACKET_OUTGOING && source_port != 0)
      found = destination_in(packet.data(), static_cast<size_t>(size), call, source_port);
    length = sizeof(from);
  }
}

int call_on(int socket, const Call& call) {
  const SocketAddress to = socket_address(call);
  const auto failed = [](ssize_t result) { return result < 0 && errno != EINPROGRESS ? errno : 0; };
  if (call.is_send) return failed(::sendto(socket, "?", 1, MSG_DONTWAIT, to.get(), to.length));
  const int error = failed(::connect(socket, to.get(), to.length));
  if (error != 0 || call.protocol == Protocol::kTcp) return error;
  return failed(::send(socket, "?", 1, MSG_DONTWAIT));
}

std::filesystem::path cgroup_root() {
  std::ifstream mounts("/proc/mounts");
  std::string device, place, type;
  for (std::string rest; mounts >> device >> place >> type && std::getline(mounts, rest);) {
    if (type == "cgroup2") return place;
  }
  return {};
}

std::filesystem::path own_cgroup(const std::filesystem::path& root) {
  std::ifstream lines("/proc/self/cgroup");
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::/")) return root / line.substr(4);
  }
  return root;
}

Result<void> move_to(const std::filesystem::path& cgroup) {
  std::ofstream procs(cgroup / "cgroup.procs");
  if (!(procs << ::getpid() << std::flush)) return system_failure("moving to " + cgroup.string(), errno);
  return {};
}

}  // namespace

Result<std::unique_ptr<SocketCalls>> SocketCalls::below(const ProgramRig& rig) {
  if (const auto& places = places_of_calls(); !places) return tl::unexpected(places.error());
  std::unique_ptr<SocketCalls> calls(new SocketCalls);
  if (auto entered = calls->enter_cgroup(); !entered) return tl::unexpected(entered.error());
  if (auto attached = calls->attach(rig); !attached) return tl::unexpected(attached.error());
  return calls;
}

Result<void> SocketCalls::enter_cgroup() {
  static int count = 0;
  const std::filesystem::path root = cgroup_root();
  if (root.empty()) return failure("no cgroup2 file system is mounted");
  home_ = own_cgroup(root);
  cgroup_ = root / fmt::format("waggle-calls-{}-{}", ::getpid(), count++);
  if (::mkdir(cgroup_.c_str(), 0755) != 0) return system_failure("making " + cgroup_.string(), errno);
  return move_to(cgroup_);
}

SocketCalls::~SocketCalls() {
  (void)move_to(home_);
  ::rmdir(cgroup_.c_str());
}

Result<void> SocketCalls::attach(const ProgramRig& rig) {
  const UniqueFd cgroup(::open(cgroup_.c_str(), O_RDONLY | O_CLOEXEC));
  const std::pair<const char*, bpf_attach_type> hooks[] = {{"sock_connect4", BPF_CGROUP_INET4_CONNECT},
                                                           {"sock_connect6", BPF_CGROUP_INET6_CONNECT},
                                                           {"sock_sendmsg4", BPF_CGROUP_UDP4_SENDMSG},
                                                           {"sock_sendmsg6", BPF_CGROUP_UDP6_SENDMSG}};
  for (const auto& [program, where] : hooks) {
    UniqueFd link(::bpf_link_create(rig.program_fd(program), cgroup.get(), where, nullptr));
    if (!link.valid()) return system_failure(fmt::format("attaching {}", program), errno);
    hooks_.push_back(std::move(link));
  }
  return {};
}

const UniqueFd& SocketCalls::tap_of(Link link) const {
  return link == Link::kHost ? places_of_calls()->node.tap : places_of_calls()->pod.tap;
}

Result<UniqueFd> SocketCalls::make_socket(const Call& call) const {
  const CallPlaces& places = *places_of_calls();
  const bool by_pod = call.link != Link::kHost;
  if (by_pod && ::setns(places.pod.netns.get(), CLONE_NEWNET) != 0) return system_failure("entering the pod", errno);
  const int kind = call.protocol == Protocol::kTcp ? SOCK_STREAM : SOCK_DGRAM;
  UniqueFd socket(::socket(is_ipv6_socket(call) ? AF_INET6 : AF_INET, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int error = errno;
  if (by_pod && ::setns(places.node.netns.get(), CLONE_NEWNET) != 0) return system_failure("leaving the pod", errno);
  if (!socket.valid()) return system_failure("making a socket", error);
  return socket;
}

Result<CallOutcome> SocketCalls::make(const Call& call) {
  const SocketKey key{call.link, call.socket, call.to.address.family, call.is_mapped};
  const auto kept = call.is_send ? kept_.find(key) : kept_.end();
  UniqueFd fresh;
  if (kept == kept_.end()) {
    auto made = make_socket(call);
    if (!made) return tl::unexpected(made.error());
    fresh = std::move(*made);
  }
  const int socket = fresh.valid() ? fresh.get() : kept->second.get();
  CallOutcome outcome{.error = call_on(socket, call)};
  outcome.sent_to = first_sent(tap_of(call.link).get(), call, port_of_socket(socket));
  if (call.is_send && fresh.valid()) kept_.emplace(key, std::move(fresh));
  return outcome;
}

}  // namespace waggle
