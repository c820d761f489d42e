// SPDX-License-Identifier: Apache-2.0
// The planner: State + who this node is -> wanted tables -> difference to what the tables hold -> ordered writes.
// Pure: no I/O, no clock, no BPF. Owned by the daemon's reconcile loop, one per agent. Work is O(change): plan()
// recomputes only the services named.
//
// Ordering of the writes it answers (architecture.md, section 4; change_list.h has the stages): frontends that go,
// backends and gate bits, slots in free ranges, flags and 8-byte set words of services, names, frontends that come;
// then the sets of services that are gone and the state of backends that are. What is freed is reusable only after
// a grace period.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/state.h"
#include "plan/node_addresses.h"
#include "plan/table.h"
#include "waggle/abi/hash.h"

namespace waggle {

struct PlannerConfig {
  TableSizes sizes;
  wg_hash_key hash_key{};
  std::string node_name;
  bool service_external_ips = true;  // feature gate AllowServiceExternalIPs (I-30)
};

// Which indexes flows still name, as the flow sweep found them. Positions of frontends: bucket * WG_FRONTEND_WAYS +
// way.
struct FlowReferences {
  std::vector<bool> backends;
  std::vector<bool> frontends4;
  std::vector<bool> frontends6;
};

struct Plan {
  std::vector<Write> writes;          // apply in order
  std::vector<std::string> problems;  // what could not be planned and why (table full, contested frontend ...)
};

// A service that the tables have now.
struct ServiceIdentity {
  uint32_t index = 0;
  ObjectName object;
  std::string port_name;
  Protocol protocol = Protocol::kTcp;
  Family family = Family::kIpv4;
};

struct TableUse {
  Table table = Table::kServices;
  uint64_t used = 0;
  uint64_t capacity = 0;
};

class Planner {
 public:
  explicit Planner(PlannerConfig config);
  ~Planner();
  Planner(Planner&&) noexcept;
  Planner& operator=(Planner&&) noexcept;

  // Takes over what a previous run left in the tables, and forgets everything else: ids, positions and generations are
  // kept (invariant 3). Broken or half-written leftovers are cleaned by the next plan, which is always one over all
  // services. Also the way back after a write that failed: adopt again, then plan_all.
  Result<void> adopt(TableStore& store);

  // Whether the states to come name all there is. Until they do, services of a previous run that a state does not
  // account for stay as they are (planner_hold.cc); afterwards, plan those that are unconfirmed. True at first.
  void set_complete(bool complete);
  [[nodiscard]] const std::set<ObjectName>& unconfirmed() const;

  // It knows of no service, neither planned nor adopted.
  [[nodiscard]] bool empty() const;

  // From the next plan on. None at first; adopt() keeps them. Answers the services it touches, for plan(): those with
  // node ports if the addresses of node ports changed, those with source ranges if the node's own did.
  std::set<ObjectName> set_node_addresses(NodeAddresses addresses);

  // Wanted contents for these services (vanished ones included). Without `touched`: all of them (first sync, zone
  // change).
  Plan plan(const State& state, const std::set<ObjectName>& touched);
  Plan plan_all(const State& state);

  // All writes planned so far are applied, and a wait for readers begins. Plans may go on meanwhile.
  void grace_began();
  // The wait that began last is over: what was freed before it began may be used again.
  void grace_passed();
  [[nodiscard]] bool wants_grace() const;
  // Something waits for room and room was made since: plan(state, {}) tries again. So does any other plan.
  [[nodiscard]] bool wants_plan() const;

  // A sweep looked at every flow: tombstones and gone backends that no flow names are removed, if they were that
  // already when a grace period began that had passed before the sweep began. `settled`: what settled() said then.
  Plan release(const FlowReferences& references, uint32_t settled);
  [[nodiscard]] uint32_t settled() const;  // grows with each grace_passed()
  [[nodiscard]] bool wants_sweep() const;  // there are tombstones or gone backends

  // The table holds what the plans so far have written there, all of which must have been applied. False: something
  // else changed it; adopt() and plan_all() set it right.
  [[nodiscard]] Result<bool> stands_in(TableStore& store, Table table) const;

  // For whoever counts (planner_report.cc). Work is O(everything).
  [[nodiscard]] std::vector<ServiceIdentity> services() const;
  [[nodiscard]] std::vector<TableUse> table_use() const;

  // Complaints that still hold, for `waggle status`.
  [[nodiscard]] std::vector<std::string> standing_problems() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace waggle
