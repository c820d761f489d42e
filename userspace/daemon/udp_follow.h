// SPDX-License-Identifier: Apache-2.0
// Ends the UDP sockets of the node's own processes that a socket hook connected to a backend that serves no more
// (contract K-120..K-129): a connected socket asks nobody before it sends, so it would talk to nobody for ever. Whoever
// uses it gets ECONNABORTED, opens another, and is given a backend that serves. Datagrams that come by a pod's link
// choose anew by themselves. Owned by the agent.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/backoff.h"
#include "daemon/kernel_edge.h"
#include "model/state.h"
#include "node/udp_sockets.h"

namespace waggle {

class UdpFollow {
 public:
  // sockets: none where no hook serves UDP.
  UdpFollow(std::unique_ptr<UdpSockets> sockets, KernelEdge& kernel) : sockets_(std::move(sockets)), kernel_(kernel) {}

  // The slices of these services changed.
  void slices_changed(const State& state, const std::set<ObjectName>& services);
  void want() { wanted_ = sockets_ != nullptr; }

  struct Round {
    std::chrono::nanoseconds took{0};
    std::array<uint64_t, 2> ended{};  // by Family of the backend
  };
  // Looks for such sockets if that is due; to be called when what changed is written.
  std::optional<Round> step(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_wake() const;
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  Result<Round> end_stale();

  std::unique_ptr<UdpSockets> sockets_;
  KernelEdge& kernel_;
  bool wanted_ = false;
  TimePoint not_before_{};
  std::string problem_;
};

}  // namespace waggle
