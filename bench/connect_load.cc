// SPDX-License-Identifier: Apache-2.0
// connect_load: connect, request, answer, close, one connection after the other, and how many of them a second. Client
// and server of bench/netns_throughput.sh, which starts and ends both.
//
//   connect_load serve PORT                      answers every request line until it is killed
//   connect_load ask ADDRESS PORT COUNT SECONDS  stops at COUNT connections or after SECONDS; prints connections per
//   second
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <span>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace waggle {
namespace {

constexpr std::string_view kRequest = "who\n";
constexpr timeval kTimeout{.tv_sec = 3, .tv_usec = 0};

tl::unexpected<Error> call_failure(std::string_view what) {
  return failure(fmt::format("{}: {}", what, std::strerror(errno)), errno);
}

Result<unsigned> number(const char* text) {
  unsigned value = 0;
  const char* end = text + std::strlen(text);
  if (const auto parsed = std::from_chars(text, end, value);
      parsed.ec != std::errc() || parsed.ptr != end || value == 0)
    return failure(fmt::format("{} is not a number above 0", text));
  return value;
}

struct Peer {
  sockaddr_storage address{};
  socklen_t length = 0;
};

// IPv4 or IPv6 in text form.
Result<Peer> peer_of(const char* address, unsigned port) {
  Peer peer;
  auto* ipv4 = reinterpret_cast<sockaddr_in*>(&peer.address);
  auto* ipv6 = reinterpret_cast<sockaddr_in6*>(&peer.address);
  const auto port_bytes = htons(static_cast<uint16_t>(port));
  if (::inet_pton(AF_INET, address, &ipv4->sin_addr) == 1) {
    ipv4->sin_family = AF_INET;
    ipv4->sin_port = port_bytes;
    peer.length = sizeof(*ipv4);
    return peer;
  }
  if (::inet_pton(AF_INET6, address, &ipv6->sin6_addr) != 1)
    return failure(fmt::format("{} is no IP address", address));
  ipv6->sin6_family = AF_INET6;
  ipv6->sin6_port = port_bytes;
  peer.length = sizeof(*ipv6);
  return peer;
}

Result<void> ask_once(const Peer& peer) {
  const UniqueFd socket(::socket(peer.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return call_failure("socket");
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kTimeout, sizeof(kTimeout));
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kTimeout, sizeof(kTimeout));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&peer.address), peer.length) != 0)
    return call_failure("connect");
  if (::send(socket.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(kRequest.size()))
    return call_failure("send");
  std::array<char, 64> answer{};
  // The server closes after its answer, so that TIME_WAIT stays there and the client's ports are free at once.
  while (true) {
    const ssize_t got = ::recv(socket.get(), answer.data(), answer.size(), 0);
    if (got < 0) return call_failure("recv");
    if (got == 0) return {};
  }
}

Result<void> ask(std::span<char*> arguments) {
  auto port = number(arguments[1]);
  auto count = number(arguments[2]);
  auto seconds = number(arguments[3]);
  for (const auto* checked : {&port, &count, &seconds})
    if (!*checked) return tl::unexpected(checked->error());
  auto peer = peer_of(arguments[0], *port);
  if (!peer) return tl::unexpected(peer.error());
  const auto start = std::chrono::steady_clock::now();
  const auto limit = std::chrono::seconds(*seconds);
  unsigned done = 0;
  while (done < *count && std::chrono::steady_clock::now() - start < limit) {
    if (auto asked = ask_once(*peer); !asked) return tl::unexpected(std::move(asked.error()).in(arguments[0]));
    ++done;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  fmt::print("{:.1f}\n", done / took.count());
  return {};
}

Result<UniqueFd> listen_on(unsigned port) {
  UniqueFd socket(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(static_cast<uint16_t>(port));
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&any), sizeof(any)) != 0) return call_failure("bind");
  if (::listen(socket.get(), SOMAXCONN) != 0) return call_failure("listen");
  return socket;
}

Result<void> serve(std::span<char*> arguments) {
  auto port = number(arguments[0]);
  if (!port) return tl::unexpected(port.error());
  auto listening = listen_on(*port);
  if (!listening) return tl::unexpected(listening.error());
  std::array<char, 64> request{};
  while (true) {
    const UniqueFd client(::accept4(listening->get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client.valid()) return call_failure("accept");
    if (::recv(client.get(), request.data(), request.size(), 0) > 0)
      ::send(client.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
  }
}

int main_with(std::span<char*> arguments) {
  const std::string_view verb = arguments.size() > 1 ? arguments[1] : "";
  Result<void> done = failure("usage: connect_load serve PORT | connect_load ask ADDRESS PORT COUNT SECONDS");
  if (verb == "serve" && arguments.size() == 3) done = serve(arguments.subspan(2));
  if (verb == "ask" && arguments.size() == 6) done = ask(arguments.subspan(2));
  if (done) return 0;
  fmt::print(stderr, "connect_load: {}\n", done.error().message);
  return 1;
}

}  // namespace
}  // namespace waggle

int main(int argc, char** argv) { return waggle::main_with({argv, static_cast<size_t>(argc)}); }
