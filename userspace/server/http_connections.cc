// SPDX-License-Identifier: Apache-2.0
#include "server/http_connections.h"

#include <sys/socket.h>

#include <algorithm>

namespace waggle {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr size_t kSubnetBytes = 8;  // of an IPv6 /64

}  // namespace

HttpConnection& HttpConnections::add(int fd, uint64_t listener, const IpAddress& peer, TimePoint now) {
  make_room(peer);
  return all_.emplace_back(
      HttpConnection{.fd = fd, .listener = listener, .peer = peer, .deadline = now + limits_.request});
}

void HttpConnections::remove(const HttpConnection& connection) {
  all_.remove_if([&connection](const HttpConnection& other) { return &other == &connection; });
}

void HttpConnections::make_room(const IpAddress& peer) {
  HttpConnection* victim = nullptr;
  if (count_of(peer) >= limits_.connections_per_address) {
    victim = oldest_of(peer);
  } else if (open() >= limits_.connections) {
    size_t most = 0;
    for (HttpConnection& candidate : all_) {
      const size_t count = candidate.closing ? 0 : count_of(candidate.peer);
      if (count <= most) continue;
      most = count;
      victim = &candidate;
    }
  }
  if (victim == nullptr) return;
  end(*victim);
  ++refusals_.over_limit;
}

HttpConnection* HttpConnections::oldest_of(const IpAddress& peer) {
  const auto found =
      std::ranges::find_if(all_, [&peer](const HttpConnection& one) { return !one.closing && one.peer == peer; });
  return found == all_.end() ? nullptr : &*found;
}

size_t HttpConnections::count_of(const IpAddress& peer) const {
  return static_cast<size_t>(
      std::ranges::count_if(all_, [&peer](const HttpConnection& one) { return !one.closing && one.peer == peer; }));
}

void HttpConnections::end_overdue(TimePoint now) {
  for (HttpConnection& connection : all_) {
    if (connection.closing || connection.deadline > now) continue;
    end(connection);
    ++refusals_.too_slow;
  }
}

void HttpConnections::end_all_of(uint64_t listener) {
  for (HttpConnection& connection : all_) {
    if (!connection.closing && connection.listener == listener) end(connection);
  }
}

void HttpConnections::end_oldest() {
  const auto oldest = std::ranges::find_if(all_, [](const HttpConnection& one) { return !one.closing; });
  if (oldest == all_.end()) return;
  end(*oldest);
  ++refusals_.over_limit;
}

// The HTTP library owns the descriptor: it sees the end of the stream and closes.
void HttpConnections::end(HttpConnection& connection) {
  ::shutdown(connection.fd, SHUT_RDWR);
  connection.closing = true;
}

std::optional<TimePoint> HttpConnections::next_deadline() const {
  std::optional<TimePoint> next;
  for (const HttpConnection& connection : all_) {
    if (!connection.closing && (!next.has_value() || connection.deadline < *next)) next = connection.deadline;
  }
  return next;
}

size_t HttpConnections::open() const {
  return static_cast<size_t>(std::ranges::count_if(all_, [](const HttpConnection& one) { return !one.closing; }));
}

IpAddress peer_of(const std::array<uint8_t, 16>& ipv6_bytes) {
  IpAddress peer{.family = Family::kIpv6};
  if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), ipv6_bytes.begin())) {
    peer.family = Family::kIpv4;
    std::copy(ipv6_bytes.begin() + kMappedPrefix.size(), ipv6_bytes.end(), peer.bytes.begin());
  } else {
    std::copy_n(ipv6_bytes.begin(), kSubnetBytes, peer.bytes.begin());
  }
  return peer;
}

}  // namespace waggle
