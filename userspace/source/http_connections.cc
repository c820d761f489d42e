// SPDX-License-Identifier: Apache-2.0
#include "source/http_connections.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace waggle {
namespace {

// A peer that is gone, machine and all, is noticed after 30 s + 3 * 10 s without traffic, and 30 s after what was sent
// stays unacknowledged.
constexpr int kQuietSeconds = 30;
constexpr int kBetweenProbesSeconds = 10;
constexpr int kProbes = 3;
constexpr unsigned kUnacknowledgedMs = 30'000;

template <typename T>
void set_option(int fd, int level, int option, T value) {
  ::setsockopt(fd, level, option, &value, sizeof value);
}

void notice_a_gone_peer(int fd) {
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, kQuietSeconds);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, kBetweenProbesSeconds);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, kProbes);
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, kUnacknowledgedMs);
}

uint16_t local_port_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
}

}  // namespace

void CurlConnections::attach(CURL* easy) {
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &CurlConnections::open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, &CurlConnections::close_socket);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
}

curl_socket_t CurlConnections::open_socket(void* self, curlsocktype, curl_sockaddr* address) {
  const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (fd < 0) return CURL_SOCKET_BAD;
  notice_a_gone_peer(fd);
  auto& connections = *static_cast<CurlConnections*>(self);
  CurlConnection connection;
  connection.fd = fd;
  connection.heard = CurlConnection::Clock::now();
  connections.connections_[fd] = connection;
  ++connections.opened_;
  return fd;
}

int CurlConnections::close_socket(void* self, curl_socket_t fd) {
  static_cast<CurlConnections*>(self)->connections_.erase(fd);
  return ::close(fd);
}

void CurlConnections::heard(int fd) {
  const auto found = connections_.find(fd);
  if (found != connections_.end()) found->second.heard = CurlConnection::Clock::now();
}

CurlConnection* CurlConnections::find(uint16_t local_port) {
  if (local_port == 0) return nullptr;
  for (auto& [fd, connection] : connections_) {
    if (connection.local_port == 0) connection.local_port = local_port_of(fd);
    if (connection.local_port == local_port) return &connection;
  }
  return nullptr;
}

const CurlConnection* CurlConnections::find(uint16_t local_port) const {
  for (const auto& [fd, connection] : connections_)
    if (local_port != 0 && connection.local_port == local_port) return &connection;
  return nullptr;
}

// libcurl reads an end of the stream now. Closing the socket would be its own business.
void CurlConnections::end(const CurlConnection& connection) { ::shutdown(connection.fd, SHUT_RDWR); }

}  // namespace waggle
