// SPDX-License-Identifier: Apache-2.0
#include "daemon/udp_follow.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/log.h"

namespace waggle {
namespace {

// A look costs as much as there are UDP sockets; bursts of changes share one.
constexpr std::chrono::seconds kBetweenLooks{1};

bool has_udp_port(const Service& service) {
  return std::ranges::any_of(service.ports, [](const ServicePort& port) { return port.protocol == Protocol::kUdp; });
}

wg_sock_key key_of(const UdpSocket& socket) {
  wg_sock_key key{};
  const auto words = socket.destination.words();
  key.cookie = socket.cookie;
  std::ranges::copy(words, key.address);
  key.port = htons(socket.destination_port);
  key.protocol = IPPROTO_UDP;
  key.direction = WG_SOCK_BY_BACKEND;
  key.family = static_cast<uint32_t>(socket.destination.family);
  return key;
}

}  // namespace

// Only changes of endpoints count (K-120); a change of the service alone leaves its sockets as they are.
void UdpFollow::slices_changed(const State& state, const std::set<ObjectName>& services) {
  const auto concerns_udp = [&state](const ObjectName& name) {
    const Service* service = state.service(name);
    return service != nullptr && has_udp_port(*service);
  };
  if (std::ranges::any_of(services, concerns_udp)) want();
}

std::optional<UdpFollow::Round> UdpFollow::step(TimePoint now) {
  if (!wanted_ || now < not_before_) return std::nullopt;
  wanted_ = false;
  not_before_ = now + kBetweenLooks;
  const TimePoint begun = Clock::now();
  auto round = end_stale();
  problem_ = round ? "" : round.error().message;
  if (!round) return std::nullopt;
  round->took = Clock::now() - begun;
  return *round;
}

// A service port without any backend keeps its sockets (K-122): there is no better one to be had.
Result<UdpFollow::Round> UdpFollow::end_stale() {
  Round round;
  const auto sockets = sockets_->connected();
  if (!sockets) return tl::unexpected(sockets.error());
  for (const UdpSocket& socket : *sockets) {
    const auto backend = kernel_.sock_backend(key_of(socket));
    if (!backend) return tl::unexpected(backend.error());
    if (*backend != SockBackend::kGone) continue;
    if (auto ended = sockets_->end(socket); !ended) return tl::unexpected(ended.error());
    spdlog::debug("ended a UDP socket of this node: its backend {} serves no more",
                  address_port_text(socket.destination, socket.destination_port));
    ++round.ended[static_cast<size_t>(socket.destination.family)];
  }
  return round;
}

std::optional<TimePoint> UdpFollow::next_wake() const { return wanted_ ? std::optional(not_before_) : std::nullopt; }

}  // namespace waggle
