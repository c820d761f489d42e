// SPDX-License-Identifier: Apache-2.0
// Names of the agent's interfaces. The tables know indexes, which mean other interfaces, or none, in other network
// namespaces: so there are names only where the agent said that it is in the namespace of this process. Made by the
// commands that show interfaces.
#pragma once

#include <cstdint>
#include <optional>

#include "cli/agent_status.h"
#include "cli/value.h"

namespace waggle::cli {

class InterfaceNames {
 public:
  explicit InterfaceNames(const std::optional<AgentStatus>& status);

  // Nothing where the name cannot be known.
  [[nodiscard]] Value of(uint32_t ifindex) const;

 private:
  bool here_ = false;  // the agent is in this network namespace
};

}  // namespace waggle::cli
