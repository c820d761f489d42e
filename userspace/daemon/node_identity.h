// SPDX-License-Identifier: Apache-2.0
// What the Node object says of this node's addresses, and when it counts: which addresses stand for the node
// (contract I-61, I-62), how long the start waits for them (I-67), and what about them is fatal (O-13, I-65). No I/O
// and no clock of its own. Owned by the agent.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "daemon/options.h"
#include "model/objects.h"

namespace waggle {

// One address a family at most; none: not known (kube-proxy puts a loopback address there).
struct NodeIps {
  Family primary = Family::kIpv4;
  std::array<std::optional<IpAddress>, 2> of;  // by Family

  bool operator==(const NodeIps&) const = default;
  [[nodiscard]] std::vector<IpAddress> all() const;
};
// node_addresses: as Node has them, InternalIP first.
NodeIps node_ips(const std::optional<IpAddress>& bind_address, const std::vector<IpAddress>& node_addresses);

// What is said of CIDRs and families once the node's addresses are known.
struct FamilyFindings {
  std::optional<std::string> fatal;
  std::vector<std::string> notices;
};
FamilyFindings check_families(const AgentOptions& options, const NodeIps& ips, const std::vector<Cidr>& pod_cidrs,
                              const std::vector<Family>& served);

class NodeIdentity {
 public:
  // served: families that the host can serve.
  NodeIdentity(const AgentOptions& options, std::vector<Family> served, TimePoint started);

  // The Node object as the source has it; null: there is none. listed: nothing more is to be waited for.
  void take(const Node* self, bool listed);
  // Patience may end. Fails when the agent cannot go on as it was started.
  Result<void> check(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_wake() const;

  // The addresses are the node's, or there will be none soon. Until then they must not be taken for the truth.
  [[nodiscard]] bool settled() const { return settled_; }
  [[nodiscard]] const NodeIps& ips() const { return ips_; }
  [[nodiscard]] const std::vector<Cidr>& pod_cidrs() const { return pod_cidrs_; }

 private:
  [[nodiscard]] bool waits_for_pod_cidrs() const;
  void settle();

  const AgentOptions& options_;
  std::vector<Family> served_;
  TimePoint started_;
  NodeIps ips_;
  std::vector<Cidr> pod_cidrs_;
  std::optional<std::string> fatal_;
  bool settled_ = false;
  bool judged_ = false;  // check_families() was asked about what there is
};

}  // namespace waggle
