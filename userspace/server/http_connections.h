// SPDX-License-Identifier: Apache-2.0
// The open connections of an HttpServer, and which of them must go: those over a deadline, and those that make room for
// a new one. Knows no HTTP. A closed connection stays here, marked, until the HTTP library has let go of it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <list>
#include <optional>

#include "model/address.h"
#include "server/moment.h"

namespace waggle {

struct HttpLimits {
  size_t connections = 256;
  size_t connections_per_address = 32;         // an IPv6 address counts as its /64
  size_t header_bytes = 8192;                  // request line and headers together, and each piece of an answer
  std::chrono::milliseconds request{5'000};    // from the connection to its first whole request: slow ones end here
  std::chrono::milliseconds response{15'000};  // from the request until the client has taken the answer
  std::chrono::milliseconds idle{75'000};      // from an answer to the next whole request
};

// Connections ended by the server, since the start.
struct HttpRefusals {
  uint64_t over_limit = 0;
  uint64_t too_slow = 0;
};

struct HttpConnection {
  int fd = -1;  // the HTTP library's
  uint64_t listener = 0;
  IpAddress peer;  // see peer_of
  TimePoint deadline{};
  bool closing = false;
};

class HttpConnections {
 public:
  explicit HttpConnections(const HttpLimits& limits) : limits_(limits) {}

  // Ends an older connection where a limit asks for it: first the oldest of the same address, then the oldest of the
  // address that has the most. So a scanner pushes out its own connections, not the load balancer's.
  HttpConnection& add(int fd, uint64_t listener, const IpAddress& peer, TimePoint now);
  void remove(const HttpConnection& connection);

  void answering(HttpConnection& connection, TimePoint now) const { connection.deadline = now + limits_.response; }
  void answered(HttpConnection& connection, TimePoint now) const { connection.deadline = now + limits_.idle; }

  void end_overdue(TimePoint now);
  void end_all_of(uint64_t listener);
  // Ends the one that has been open longest, if there is one.
  void end_oldest();

  [[nodiscard]] std::optional<TimePoint> next_deadline() const;
  [[nodiscard]] size_t open() const;
  [[nodiscard]] const HttpRefusals& refusals() const { return refusals_; }

 private:
  void make_room(const IpAddress& peer);
  HttpConnection* oldest_of(const IpAddress& peer);
  [[nodiscard]] size_t count_of(const IpAddress& peer) const;
  static void end(HttpConnection& connection);

  HttpLimits limits_;
  std::list<HttpConnection> all_;  // oldest first; a few hundred at most, so walking it is cheap
  HttpRefusals refusals_;
};

// What connections are counted by: the address itself, the IPv4 address inside a mapped one, or an IPv6 address' /64.
IpAddress peer_of(const std::array<uint8_t, 16>& ipv6_bytes);

}  // namespace waggle
