// SPDX-License-Identifier: Apache-2.0
// A socket to the kernel's rtnetlink, and its failures in words.
#pragma once

#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace waggle {

inline constexpr size_t kNetlinkBufferBytes = 32768;  // what the kernel fills at most in one dump datagram

struct CloseNetlinkSocket {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using NetlinkSocket = std::unique_ptr<mnl_socket, CloseNetlinkSocket>;

inline tl::unexpected<Error> netlink_failure(std::string_view what) {
  const int code = errno;
  return failure(fmt::format("netlink: cannot {}: {}", what, std::strerror(code)), code);
}

inline Result<NetlinkSocket> open_route_socket(int flags) {
  NetlinkSocket socket(mnl_socket_open2(NETLINK_ROUTE, flags | SOCK_CLOEXEC));
  if (socket == nullptr || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0)
    return netlink_failure("open a route socket");
  return socket;
}

}  // namespace waggle
