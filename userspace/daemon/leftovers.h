// SPDX-License-Identifier: Apache-2.0
// Removes, once in an agent's life and beside its loop, the rules that kube-proxy left (contract O-70). Not before the
// services are programmed: until then those rules may be what serves. Owned by the agent.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/aside.h"
#include "node/kube_proxy_rules.h"

namespace waggle {

class Leftovers {
 public:
  using Removal = std::function<KubeProxyRules()>;
  static Result<Leftovers> open(Removal removal);

  [[nodiscard]] int fd() const { return aside_.fd(); }  // readable when it is over
  void begin();
  // Once, when it is over.
  std::optional<KubeProxyRules> over();

 private:
  Leftovers(Removal removal, Aside aside) : removal_(std::move(removal)), aside_(std::move(aside)) {}

  Removal removal_;
  std::unique_ptr<KubeProxyRules> removed_ = std::make_unique<KubeProxyRules>();  // written by the thread
  Aside aside_;  // the last member: its thread uses the others
};

}  // namespace waggle
