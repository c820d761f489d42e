// SPDX-License-Identifier: Apache-2.0
// Real socket calls below a rig's socket hooks: from the private node itself and from a pod, a network namespace of its
// own. Nobody answers: what a call comes to is seen on the first packet it sends. Owned by the tests of an executable;
// needs root.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "base/unique_fd.h"
#include "support/prog_run.h"
#include "support/reference/flows.h"

namespace waggle {

struct CallOutcome {
  int error = 0;                                       // errno of the call, EINPROGRESS taken for none
  std::optional<reference::AddressPort> sent_to = {};  // of the packet it sent, if it sent one
};

class SocketCalls {
 public:
  // The hooks of this rig, for sockets that are made from now on.
  static Result<std::unique_ptr<SocketCalls>> below(const ProgramRig& rig);
  ~SocketCalls();
  SocketCalls(const SocketCalls&) = delete;
  SocketCalls& operator=(const SocketCalls&) = delete;

  Result<CallOutcome> make(const reference::Call& call);
  // The unconnected sockets are closed.
  void forget_sockets() { kept_.clear(); }

 private:
  // Link, number, IPv6 or mapped.
  using SocketKey = std::tuple<reference::Link, uint32_t, Family, bool>;

  SocketCalls() = default;
  Result<void> enter_cgroup();
  Result<void> attach(const ProgramRig& rig);
  [[nodiscard]] Result<UniqueFd> make_socket(const reference::Call& call) const;
  [[nodiscard]] const UniqueFd& tap_of(reference::Link link) const;

  std::filesystem::path home_;  // the process's cgroup before
  std::filesystem::path cgroup_;
  std::vector<UniqueFd> hooks_;
  std::map<SocketKey, UniqueFd> kept_;
};

}  // namespace waggle
