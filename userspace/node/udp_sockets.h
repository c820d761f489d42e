// SPDX-License-Identifier: Apache-2.0
// The connected UDP sockets of the node's own processes, and how to end one: an interface at the I/O edge. Owned by the
// agent. The real one asks the kernel over netlink (sock_diag); tests use a fake.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "model/address.h"

namespace waggle {

struct UdpSocket {
  uint64_t cookie = 0;
  bool ipv6 = false;    // an AF_INET6 socket, which may well talk IPv4
  uint32_t device = 0;  // ifindex it is bound to; 0: none
  IpAddress source;
  IpAddress destination;
  uint16_t source_port = 0;  // host byte order
  uint16_t destination_port = 0;

  bool operator==(const UdpSocket&) const = default;
};

class UdpSockets {
 public:
  virtual ~UdpSockets() = default;
  // Those of the network namespace this thread is in.
  virtual Result<std::vector<UdpSocket>> connected() = 0;
  // Whoever waits at it or uses it next gets ECONNABORTED. Succeeds, too, if it is gone already.
  virtual Result<void> end(const UdpSocket& socket) = 0;
};

// Needs CAP_NET_ADMIN, and a kernel with CONFIG_INET_DIAG_DESTROY to end sockets.
std::unique_ptr<UdpSockets> kernel_udp_sockets();

}  // namespace waggle
