// SPDX-License-Identifier: Apache-2.0
// Who gets which frontend: services claim addresses, the strongest kind of claim wins, then the oldest service, and the
// others are told.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "plan/planner_impl.h"

namespace waggle {
namespace {

std::string_view kind_words(ClaimKind kind) {
  switch (kind) {
    case ClaimKind::kClusterIp:
      return "ClusterIP";
    case ClaimKind::kLoadBalancer:
      return "load balancer address";
    case ClaimKind::kExternalIp:
      return "external IP";
    case ClaimKind::kNodePort:
      break;
  }
  return "node port";
}

}  // namespace

void Planner::Impl::mark(FrontendEntry& entry) {
  if (entry.dirty) return;
  entry.dirty = true;
  dirty.push_back(&entry);
}

void Planner::Impl::claim_wanted(uint32_t index, const WantedService& wanted) {
  std::vector<ServiceClaim> claims;
  claims.reserve(wanted.frontends.size() + 1);
  FrontendTable& table = frontends_of(wanted.family);
  for (const WantedFrontend& frontend : wanted.frontends) {
    claims.push_back({&table.entry({frontend.address, frontend.port, wanted.protocol}), frontend.flags, frontend.kind});
  }
  const FrontendKey whole = FrontendKey::any_port_of(wanted.frontends.front().address);
  claims.push_back({&table.entry(whole), wanted.doubtful ? WG_FRONTEND_DOUBTFUL : 0, ClaimKind::kClusterIp});
  claim(index, std::move(claims));
}

// Replaces what the service claimed before.
void Planner::Impl::claim(uint32_t index, std::vector<ServiceClaim> claims) {
  std::vector<ServiceClaim>& current = services.at(index).claims;
  if (current == claims) return;
  for (const ServiceClaim& old : current) {
    old.frontend->claims.remove(index);
    mark(*old.frontend);
  }
  for (const ServiceClaim& added : claims) {
    added.frontend->claims.add({index, added.flags, added.kind});
    mark(*added.frontend);
  }
  current = std::move(claims);
}

// Everything that goes is seen before anything that comes, as its writes are applied before.
void Planner::Impl::resolve_frontends(ChangeList& changes) {
  if (room_made) {
    for (const FrontendKey& key : std::exchange(homeless, {})) mark(frontends_of(key.address.family).entry(key));
  }
  bury_unclaimed(changes);
  for (FrontendEntry* entry : dirty) award(*entry, changes);
  forget_unused();
}

void Planner::Impl::bury_unclaimed(ChangeList& changes) {
  for (FrontendEntry* entry : dirty) {
    if (!entry->claims.empty() || !entry->live) continue;
    frontends_of(entry->key.address.family).bury(*entry, changes);
  }
}

// Contract K-04, then K-06. What a previous run left to a service that is not read yet is nobody else's.
bool Planner::Impl::comes_before(const FrontendClaim& a, const FrontendClaim& b) {
  const ServiceEntry& one = services.at(a.service);
  const ServiceEntry& other = services.at(b.service);
  if (one.kept != other.kept) return one.kept;
  if (a.kind != b.kind) return a.kind < b.kind;
  if (one.object != other.object) return is_before(*one.object, *other.object);
  return std::pair(std::string_view(one.port_name), one.protocol()) <
         std::pair(std::string_view(other.port_name), other.protocol());
}

std::string Planner::Impl::contest_text(const FrontendEntry& entry, const FrontendClaim& loser,
                                        const FrontendClaim& winner) {
  if (loser.kind != winner.kind) {
    return fmt::format(
        "service {}: {} {} is not served for it because service {} has that address and port as its {}; give it "
        "another address or port",
        owner_text(loser.service), kind_words(loser.kind), entry.key.text(), owner_text(winner.service),
        kind_words(winner.kind));
  }
  return fmt::format(
      "service {}: {} is not served for it because service {} has the same and is older, or as "
      "old and first by name; give one of them another address or port",
      owner_text(loser.service), entry.key.text(), owner_text(winner.service));
}

// Whoever has an address may stand for all of it: its any-port entry is shared, not contested.
void Planner::Impl::award(FrontendEntry& entry, ChangeList& changes) {
  std::vector<std::string> problems;
  homeless.erase(entry.key);
  if (!entry.claims.empty()) {
    FrontendClaim winner;
    entry.claims.for_each([&](const FrontendClaim& claim) {
      if (winner.service == 0 || comes_before(claim, winner)) winner = claim;
    });
    entry.claims.for_each([&](const FrontendClaim& claim) {
      if (claim.service == winner.service || entry.key.is_any_port()) return;
      problems.push_back(contest_text(entry, claim, winner));
    });
    lead(entry, winner, changes);
    if (!entry.live) {
      problems.push_back(fmt::format(
          "service {}: {} is not served because there is no room within reach in table {}; make "
          "the table larger or use fewer services",
          owner_text(winner.service), entry.key.text(), table_name(frontend_layout(entry.key.address.family).table)));
    }
  }
  std::sort(problems.begin(), problems.end());
  frontend_problems.replace(entry.key, std::move(problems));
}

void Planner::Impl::lead(FrontendEntry& entry, const FrontendClaim& claim, ChangeList& changes) {
  const uint32_t previous = entry.placed() ? entry.service : 0;
  if (!frontends_of(entry.key.address.family).lead(entry, claim, changes)) {
    homeless.insert(entry.key);
    return;
  }
  if (previous == claim.service) return;
  if (previous != 0) --services.at(previous).frontends;
  ++services.at(claim.service).frontends;
}

void Planner::Impl::forget_unused() {
  for (FrontendEntry* entry : std::exchange(dirty, {})) {
    entry->dirty = false;
    if (entry->claims.empty() && !entry->placed()) frontends_of(entry->key.address.family).forget(*entry);
  }
}

std::string Planner::Impl::owner_text(uint32_t index) {
  const ServiceEntry& entry = services.at(index);
  return entry.port_name.empty() ? entry.object->name.text()
                                 : fmt::format("{}:{}", entry.object->name.text(), entry.port_name);
}

void Planner::Impl::release_tombstones(FrontendTable& table, const std::vector<bool>& referenced, uint32_t settled,
                                       ChangeList& changes) {
  std::vector<FrontendEntry*> unused;
  for (const auto& [position, entry] : table.tombstones()) {
    const bool in_use = position < referenced.size() && referenced[position];
    if (!in_use && entry->buried < settled) unused.push_back(entry);
  }
  for (FrontendEntry* entry : unused) {
    --services.at(entry->service).frontends;
    table.release(*entry, changes);
    table.forget(*entry);
  }
}

}  // namespace waggle
