// SPDX-License-Identifier: Apache-2.0
#include "node/udp_sockets.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace waggle {
namespace {

constexpr size_t kBufferBytes = 32768;    // what the kernel fills at most in one dump datagram
constexpr uint32_t kConnected = 1u << 1;  // TCP_ESTABLISHED, which UDP shares
constexpr uint32_t kEveryState = 0xffffffff;
constexpr size_t kV4MappedBytes = 12;  // before the IPv4 address

struct CloseSocket {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using Netlink = std::unique_ptr<mnl_socket, CloseSocket>;

tl::unexpected<Error> diag_failure(std::string_view what) {
  const int code = errno;
  return failure(fmt::format("UDP sockets: cannot {}: {}", what, std::strerror(code)), code);
}

Result<Netlink> open_diag() {
  Netlink netlink(mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC));
  if (netlink == nullptr || mnl_socket_bind(netlink.get(), 0, MNL_SOCKET_AUTOPID) < 0)
    return diag_failure("open a sock_diag socket");
  return netlink;
}

struct Request {
  alignas(8) std::array<char, MNL_NLMSG_HDRLEN + sizeof(inet_diag_req_v2)> bytes{};
  nlmsghdr* header = mnl_nlmsg_put_header(bytes.data());
  inet_diag_req_v2* body = nullptr;

  Request(uint16_t type, uint16_t flags, bool ipv6) {
    header->nlmsg_type = type;
    header->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
    body = static_cast<inet_diag_req_v2*>(mnl_nlmsg_put_extra_header(header, sizeof(inet_diag_req_v2)));
    body->sdiag_family = ipv6 ? AF_INET6 : AF_INET;
    body->sdiag_protocol = IPPROTO_UDP;
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
};

// As Waggle means addresses: what is mapped into IPv6 is IPv4.
IpAddress address_of(bool ipv6, const __be32* words) {
  IpAddress address = IpAddress::from_words(ipv6 ? Family::kIpv6 : Family::kIpv4, words);
  static constexpr std::array<uint8_t, kV4MappedBytes> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (!ipv6 || !std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin())) return address;
  return IpAddress::from_words(Family::kIpv4, words + 3);
}

// The words of a socket's own family.
void put_address(bool ipv6, const IpAddress& address, __be32* words) {
  const auto own = address.words();
  if (ipv6 && address.family == Family::kIpv4) {
    words[2] = htonl(0xffff);
    words[3] = own[0];
    return;
  }
  std::copy_n(own.begin(), ipv6 ? own.size() : 1, words);
}

UdpSocket decode(const inet_diag_msg& message) {
  const bool ipv6 = message.idiag_family == AF_INET6;
  const inet_diag_sockid& id = message.id;
  return {.cookie = uint64_t{id.idiag_cookie[1]} << 32 | id.idiag_cookie[0],
          .ipv6 = ipv6,
          .device = id.idiag_if,
          .source = address_of(ipv6, id.idiag_src),
          .destination = address_of(ipv6, id.idiag_dst),
          .source_port = ntohs(id.idiag_sport),
          .destination_port = ntohs(id.idiag_dport)};
}

int on_socket(const nlmsghdr* message, void* sockets) {
  if (mnl_nlmsg_get_payload_len(message) < sizeof(inet_diag_msg)) return MNL_CB_OK;
  const UdpSocket socket = decode(*static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(message)));
  if (socket.destination_port != 0) static_cast<std::vector<UdpSocket>*>(sockets)->push_back(socket);
  return MNL_CB_OK;
}

// A dump that others disturbed is as good as any: sockets come and go all the time, and the next look is soon.
Result<void> read_answers(mnl_socket* netlink, mnl_cb_t visit, void* data) {
  std::vector<char> buffer(kBufferBytes);
  for (;;) {
    const ssize_t received = mnl_socket_recvfrom(netlink, buffer.data(), buffer.size());
    if (received < 0) return diag_failure("read an answer");
    const int answer =
        mnl_cb_run(buffer.data(), static_cast<size_t>(received), 0, mnl_socket_get_portid(netlink), visit, data);
    if (answer == MNL_CB_STOP || (answer < 0 && errno == EINTR)) return {};
    if (answer < 0) return tl::unexpected(Error{std::strerror(errno), errno});
  }
}

class KernelUdpSockets final : public UdpSockets {
 public:
  Result<std::vector<UdpSocket>> connected() override {
    std::vector<UdpSocket> sockets;
    for (const bool ipv6 : {false, true}) {
      if (auto listed = list(ipv6, sockets); !listed) return tl::unexpected(listed.error());
    }
    return sockets;
  }

  Result<void> end(const UdpSocket& socket) override {
    auto netlink = open_diag();
    if (!netlink) return tl::unexpected(netlink.error());
    const Request request(SOCK_DESTROY, NLM_F_ACK, socket.ipv6);
    fill(*request.body, socket);
    if (mnl_socket_sendto(netlink->get(), request.header, request.header->nlmsg_len) < 0)
      return diag_failure("ask for the end of one");
    auto ended = read_answers(netlink->get(), nullptr, nullptr);
    if (ended || ended.error().code == ENOENT) return {};
    if (ended.error().code == EOPNOTSUPP)
      return failure("UDP sockets: this kernel can end none (CONFIG_INET_DIAG_DESTROY)", EOPNOTSUPP);
    return tl::unexpected(std::move(ended.error()).in("UDP sockets: cannot end one"));
  }

 private:
  static Result<void> list(bool ipv6, std::vector<UdpSocket>& sockets) {
    auto netlink = open_diag();
    if (!netlink) return tl::unexpected(netlink.error());
    const Request request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, ipv6);
    request.body->idiag_states = kConnected;
    if (mnl_socket_sendto(netlink->get(), request.header, request.header->nlmsg_len) < 0)
      return diag_failure("ask for a list");
    auto read = read_answers(netlink->get(), on_socket, &sockets);
    if (!read) return tl::unexpected(std::move(read.error()).in("UDP sockets: cannot be listed"));
    return {};
  }

  // The cookie says which socket is meant, should another have the same addresses by now.
  static void fill(inet_diag_req_v2& request, const UdpSocket& socket) {
    request.idiag_states = kEveryState;
    request.id.idiag_sport = htons(socket.source_port);
    request.id.idiag_dport = htons(socket.destination_port);
    put_address(socket.ipv6, socket.source, request.id.idiag_src);
    put_address(socket.ipv6, socket.destination, request.id.idiag_dst);
    request.id.idiag_if = socket.device;
    request.id.idiag_cookie[0] = static_cast<uint32_t>(socket.cookie);
    request.id.idiag_cookie[1] = static_cast<uint32_t>(socket.cookie >> 32);
  }
};

}  // namespace

std::unique_ptr<UdpSockets> kernel_udp_sockets() { return std::make_unique<KernelUdpSockets>(); }

}  // namespace waggle
