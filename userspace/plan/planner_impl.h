// SPDX-License-Identifier: Apache-2.0
// Inside of the planner, split over planner.cc (the steps of a plan), frontend_claims.cc (who gets which frontend) and
// planner_adopt.cc (taking over the tables of a previous run).
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "plan/frontend_table.h"
#include "plan/planner.h"
#include "plan/problem_list.h"
#include "plan/service_object.h"
#include "plan/service_table.h"

namespace waggle {

struct Planner::Impl {
  explicit Impl(PlannerConfig settings);

  Result<void> adopt(TableStore& store);
  Plan plan(const State& state, std::set<ObjectName> touched);
  Plan plan_all(const State& state);
  void grace_began();
  void grace_passed();
  Plan release(const FlowReferences& references, uint32_t settled);
  std::set<ObjectName> set_node_addresses(NodeAddresses now);

  // planner.cc
  void plan_object(const State& state, const ObjectName& name, ChangeList& changes);
  void plan_service(ServiceObject& object, const WantedService& wanted, std::vector<uint32_t>& kept,
                    std::vector<std::string>& problems, ChangeList& changes);
  void bury_service(uint32_t index, ChangeList& changes);
  void free_services(uint32_t settled, ChangeList& changes);
  uint32_t index_of(const ServiceObject& object, const WantedService& wanted);
  Plan finish(ChangeList& changes);

  // frontend_claims.cc
  FrontendTable& frontends_of(Family family) { return family == Family::kIpv4 ? frontends4 : frontends6; }
  void claim(uint32_t index, std::vector<ServiceClaim> claims);
  void claim_wanted(uint32_t index, const WantedService& wanted);
  void mark(FrontendEntry& entry);
  void resolve_frontends(ChangeList& changes);
  void bury_unclaimed(ChangeList& changes);
  bool comes_before(const FrontendClaim& a, const FrontendClaim& b);
  std::string contest_text(const FrontendEntry& entry, const FrontendClaim& loser, const FrontendClaim& winner);
  void award(FrontendEntry& entry, ChangeList& changes);
  void lead(FrontendEntry& entry, const FrontendClaim& claim, ChangeList& changes);
  void forget_unused();
  void release_tombstones(FrontendTable& table, const std::vector<bool>& referenced, uint32_t settled,
                          ChangeList& changes);
  std::string owner_text(uint32_t index);

  // planner_hold.cc
  bool accounts_for(const State& state, const ServiceObject& object);
  bool must_wait(const State& state, const ObjectName& name);
  void keep(const ObjectName& name);
  void confirm(const ObjectName& name);

  // planner_adopt.cc
  Result<void> adopt_backends(TableStore& store);
  Result<void> adopt_services(TableStore& store);
  Result<void> adopt_names(TableStore& store);
  Result<void> adopt_frontends(TableStore& store);
  void forget_tombstones();
  Result<void> adopt_source_ranges(TableStore& store);
  void adopt_name(uint32_t index, const wg_service_name& name);

  PlannerConfig config;
  NodeAddresses addresses;
  std::string zone;  // of this node, as last seen (contract I-64)
  BackendTable backends;
  ServiceTable services;
  Gate frontend_gate;
  FrontendTable frontends4;
  FrontendTable frontends6;
  std::map<ObjectName, ServiceObject> objects;
  std::vector<FrontendEntry*> dirty;
  std::set<FrontendKey> homeless;    // claimed, but found no free way
  std::set<ObjectName> waiting;      // objects that found no room
  bool room_made = false;            // something was freed since those were last tried
  bool fresh_unreachable = false;    // something became unreachable since the last grace period began
  bool needs_all = false;            // adopted, but not yet compared with any state
  bool complete = true;              // the source knows all there is
  std::set<ObjectName> unconfirmed;  // adopted, and not planned since
  std::map<uint32_t, std::vector<FrontendEntry*>> adopted_frontends;  // live ones by service, until the first plan
  uint32_t epoch = 1;                                                 // grows when a grace period begins
  uint32_t last_settled = 1;                                          // see settled()
  ProblemList<ObjectName> object_problems;
  ProblemList<FrontendKey> frontend_problems;
};

}  // namespace waggle
