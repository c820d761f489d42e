// SPDX-License-Identifier: Apache-2.0
// TCP sockets that listen. Used by HttpServer; the caller owns the descriptor.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "model/address.h"

namespace waggle {

struct BindAddress {
  IpAddress address;
  uint16_t port = 0;  // host byte order; 0: any free one (tests)
  // A wildcard address of either family serves both. Health checks over IPv6 reach "0.0.0.0:10256" only so (contract
  // O-30). Where the kernel has no IPv6 it stays with IPv4.
  bool both_families = false;

  bool operator==(const BindAddress&) const = default;
  [[nodiscard]] std::string text() const { return address_port_text(address, port); }
};

// A listening, non-blocking socket. The error names the address and what can be done.
Result<UniqueFd> listen_on(const BindAddress& where);

// The port a socket is bound to, host byte order; 0 if it is none.
uint16_t bound_port(int fd);

}  // namespace waggle
