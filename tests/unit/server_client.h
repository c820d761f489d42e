// SPDX-License-Identifier: Apache-2.0
// Clients on loopback for the tests of server/. The server and its clients share the test's one thread: a wait for
// something runs the server meanwhile, and ends the test's patience after ten seconds.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "server/listen_socket.h"
#include "server/moment.h"

namespace waggle {

// One round of the server's loop: waits for its descriptor a moment, then steps.
using RunServer = std::function<void()>;

inline bool run_until(const RunServer& run, const std::function<bool()>& done) {
  const TimePoint patience = Clock::now() + std::chrono::seconds(10);
  while (!done()) {
    if (Clock::now() > patience) return false;
    run();
  }
  return true;
}

// A port nobody uses: below those that the kernel hands out, because other programs that run beside this one are handed
// some all the time.
inline uint16_t free_port() {
  constexpr uint16_t kFirst = 20'000;
  constexpr uint16_t kSpread = 10'000;
  static uint16_t next = static_cast<uint16_t>(kFirst + static_cast<unsigned>(::getpid()) * 37 % kSpread);
  while (!listen_on({.address = *IpAddress::parse("127.0.0.1"), .port = next})) ++next;
  return next++;
}

inline void wait_readable(int fd, int milliseconds = 2) {
  pollfd poll_fd{.fd = fd, .events = POLLIN, .revents = 0};
  ::poll(&poll_fd, 1, milliseconds);
}

class TestClient {
 public:
  // from: the client's own loopback address, to be someone else ("127.0.0.2").
  explicit TestClient(uint16_t port, const char* to = "127.0.0.1", const char* from = nullptr) {
    const bool ipv6 = std::string_view(to).find(':') != std::string_view::npos;
    socket_ = UniqueFd(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (from != nullptr) bind_to(from);
    connected_ = ipv6 ? connect6(to, port) : connect4(to, port);
    EXPECT_TRUE(connected_) << to << " port " << port << ": " << std::strerror(errno);
  }

  [[nodiscard]] bool send(std::string_view text) const {
    return ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  // Reads what is there now.
  void read() {
    std::array<char, 65536> buffer{};
    for (;;) {
      const ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (count > 0) {
        received_.append(buffer.data(), static_cast<size_t>(count));
        continue;
      }
      if (count == 0 || (errno != EAGAIN && errno != EINTR)) closed_ = true;
      return;
    }
  }
  [[nodiscard]] bool closed() {
    read();
    return closed_;
  }
  [[nodiscard]] const std::string& received() {
    read();
    return received_;
  }
  // Sends a request and answers everything the server says until it closes.
  std::string ask(const RunServer& run, std::string_view request) {
    EXPECT_TRUE(send(request));
    EXPECT_TRUE(run_until(run, [this] { return closed(); })) << "the server never closed: " << request;
    return received_;
  }
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  static sockaddr_in address4(const char* text, uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, text, &address.sin_addr);
    return address;
  }
  void bind_to(const char* from) const {
    const sockaddr_in address = address4(from, 0);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  bool connect4(const char* to, uint16_t port) const {
    const sockaddr_in address = address4(to, port);
    return ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  bool connect6(const char* to, uint16_t port) const {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    ::inet_pton(AF_INET6, to, &address.sin6_addr);
    return ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }

  UniqueFd socket_;
  std::string received_;
  bool connected_ = false;
  bool closed_ = false;
};

inline bool can_connect(uint16_t port, const char* to = "127.0.0.1") {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, to, &address.sin_addr);
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

inline std::string get_request(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n";
}

// The answer without the one line that is never the same.
inline std::string without_date(std::string answer) {
  const size_t begin = answer.find("Date: ");
  if (begin != std::string::npos) answer.erase(begin, answer.find("\r\n", begin) + 2 - begin);
  return answer;
}

inline std::string body_of(const std::string& answer) {
  const size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}

inline std::string status_line(const std::string& answer) { return answer.substr(0, answer.find("\r\n")); }

}  // namespace waggle
