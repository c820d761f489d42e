// SPDX-License-Identifier: Apache-2.0
#include "server/listen_socket.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace waggle {
namespace {

constexpr int kBacklog = 128;

struct RawAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

RawAddress raw_address(const IpAddress& address, uint16_t port) {
  RawAddress raw;
  if (address.family == Family::kIpv4) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&in.sin_addr, address.bytes.data(), sizeof in.sin_addr);
    std::memcpy(&raw.storage, &in, raw.size = sizeof in);
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    std::memcpy(&in.sin6_addr, address.bytes.data(), sizeof in.sin6_addr);
    std::memcpy(&raw.storage, &in, raw.size = sizeof in);
  }
  return raw;
}

bool is_wildcard(const IpAddress& address) {
  return std::ranges::all_of(address.bytes, [](uint8_t byte) { return byte == 0; });
}

std::string_view remedy(int code) {
  switch (code) {
    case EADDRINUSE:
      return "; another process listens there: stop it, or choose another port";
    case EADDRNOTAVAIL:
      return "; no interface of this node has that address";
    case EACCES:
      return "; ports below 1024 need the capability CAP_NET_BIND_SERVICE";
    default:
      return "";
  }
}

tl::unexpected<Error> listen_failure(const BindAddress& where, int code) {
  return failure(fmt::format("cannot listen on {}: {}{}", where.text(), std::strerror(code), remedy(code)), code);
}

Result<UniqueFd> listen_as(const BindAddress& where, const IpAddress& address, bool only_ipv6) {
  const int domain = address.family == Family::kIpv4 ? AF_INET : AF_INET6;
  UniqueFd socket(::socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return listen_failure(where, errno);
  const auto set = [&socket](int level, int option, int value) {
    return ::setsockopt(socket.get(), level, option, &value, sizeof value) == 0;
  };
  if (!set(SOL_SOCKET, SO_REUSEADDR, 1)) return listen_failure(where, errno);
  if (domain == AF_INET6 && !set(IPPROTO_IPV6, IPV6_V6ONLY, only_ipv6 ? 1 : 0)) return listen_failure(where, errno);
  const RawAddress raw = raw_address(address, where.port);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&raw.storage), raw.size) != 0 ||
      ::listen(socket.get(), kBacklog) != 0)
    return listen_failure(where, errno);
  return socket;
}

}  // namespace

Result<UniqueFd> listen_on(const BindAddress& where) {
  if (!where.both_families || !is_wildcard(where.address)) return listen_as(where, where.address, true);
  auto both = listen_as(where, IpAddress{.family = Family::kIpv6}, false);
  const bool no_ipv6 = !both && (both.error().code == EAFNOSUPPORT || both.error().code == EADDRNOTAVAIL);
  return no_ipv6 ? listen_as(where, IpAddress{.family = Family::kIpv4}, true) : std::move(both);
}

uint16_t bound_port(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return 0;
  sockaddr_in6 in6{};
  sockaddr_in in4{};
  std::memcpy(&in6, &storage, sizeof in6);
  std::memcpy(&in4, &storage, sizeof in4);
  return ntohs(storage.ss_family == AF_INET6 ? in6.sin6_port : in4.sin_port);
}

}  // namespace waggle
