// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow_sweep.h"

#include <array>
#include <set>
#include <string>

#include "dataplane/flow_tables.h"
#include "dataplane/hash_entries.h"
#include "dataplane/sweep.h"
#include "waggle/abi/backend.h"
#include "waggle/abi/frontend.h"

namespace waggle {
namespace {

constexpr std::array<std::string_view, kFlowTables> kTableNames = {"flows4", "flows6", "snat4", "snat6"};
constexpr std::array<uint8_t, 4> kProtocols = {0, WG_PROTOCOL_TCP, WG_PROTOCOL_UDP, WG_PROTOCOL_SCTP};

class Sweep {
 public:
  Sweep(const PinnedMaps& maps, const SweepSettings& settings) : maps_(maps), settings_(settings) {}

  Result<void> want_references();
  Result<SweepResult> run(const WaitForPrograms& wait_for_programs);

 private:
  [[nodiscard]] uint32_t lifetime_of(const FlowCopy& flow) const {
    return settings_.lifetimes_s[wg_flow_lifetime_index(flow.head.control)];
  }
  bool judge_flow(const FlowCopy& flow);
  bool judge_reservation(const FlowCopy& reservation);
  void refer_backend(uint32_t backend);
  void refer_frontend(wg_family family, std::optional<uint32_t> position);
  Result<void> sweep_tables();
  Result<void> read_spill();
  void keep_parked(const wg_spill_key& key);
  Result<void> clear_parked();
  [[nodiscard]] bool any_parked() const { return !parked_[0].empty() || !parked_[1].empty(); }

  const PinnedMaps& maps_;
  const SweepSettings& settings_;
  std::optional<FrontendPositions> frontends_;  // only when references are wanted
  std::array<std::vector<uint32_t>, kFlowTables>
      parked_;                                           // buckets whose spilled bit is up, in order; index: FlowTable
  std::array<std::set<uint32_t>, kFlowTables> spilled_;  // buckets that a flow in flow_spill belongs to
  SweepResult result_;
};

Result<void> Sweep::want_references() {
  auto frontends = FrontendPositions::open(maps_);
  if (!frontends) return tl::unexpected(frontends.error());
  frontends_ = std::move(*frontends);
  const TableSizes& sizes = maps_.sizes().plan;
  result_.references.backends.resize(sizes.backends);
  result_.references.frontends4.resize(size_t{sizes.frontend_buckets4} * WG_FRONTEND_WAYS);
  result_.references.frontends6.resize(size_t{sizes.frontend_buckets6} * WG_FRONTEND_WAYS);
  return {};
}

void Sweep::refer_backend(uint32_t backend) {
  const uint32_t id = backend & WG_BACKEND_ID_MASK;
  if (id < result_.references.backends.size()) result_.references.backends[id] = true;
}

void Sweep::refer_frontend(wg_family family, std::optional<uint32_t> position) {
  auto& positions = family == WG_IPV4 ? result_.references.frontends4 : result_.references.frontends6;
  if (position && *position < positions.size()) positions[*position] = true;
}

// Whether the flow has expired; if not, notes what it names.
bool Sweep::judge_flow(const FlowCopy& flow) {
  if (flow.age_s(settings_.now, settings_.hz) > lifetime_of(flow)) return true;
  if (!frontends_) return false;
  refer_backend(flow.head.backend);
  if (flow.table == FlowTable::kFlows6) {
    refer_frontend(WG_IPV6, flow.head.frontend);
  } else {
    refer_frontend(WG_IPV4, frontends_->find(WG_IPV4, {flow.head.frontend}, flow.head.frontend_port, flow.protocol()));
  }
  return false;
}

// The programs keep a reservation's clock and state with its flow's; it goes a little later than that.
bool Sweep::judge_reservation(const FlowCopy& reservation) {
  if (reservation.age_s(settings_.now, settings_.hz) > lifetime_of(reservation) + WG_SNAT_LINGER_S) return true;
  if (frontends_) refer_backend(reservation.head.backend);
  return false;
}

Result<void> Sweep::read_spill() {
  auto entries = hash_entries<wg_spill_key, wg_spill_value>(maps_.fd("flow_spill"), "flow_spill");
  if (!entries) return tl::unexpected(entries.error());
  for (const auto& [key, value] : *entries) {
    keep_parked(key);
    if (frontends_) refer_backend(value.backend);
    if (key.direction != WG_SPILL_REQUEST) continue;
    ++result_.spilled;
    if (!frontends_) continue;
    const auto family = static_cast<wg_family>(key.family);
    refer_frontend(family, frontends_->find(family, std::to_array(key.other), key.other_port, key.protocol));
  }
  return {};
}

void Sweep::keep_parked(const wg_spill_key& key) {
  if (!any_parked()) return;
  const FlowTable table = key.family == WG_IPV4 ? FlowTable::kFlows4 : FlowTable::kFlows6;
  const wg_hash_key hash_key = maps_.meta().hash_key;
  const uint32_t words = key.family == WG_IPV4 ? 1 : WG_ADDRESS_WORDS;
  const uint64_t hash = wg_flow_hash(&hash_key, key.client, words, key.client_port, key.protocol);
  const uint32_t mask = maps_.spec(std::string(flow_table_name(table))).entries - 1;
  spilled_[static_cast<size_t>(table)].insert(wg_flow_place_of(hash, mask, key.protocol).bucket1);
}

Result<void> Sweep::clear_parked() {
  for (const FlowTable table : {FlowTable::kFlows4, FlowTable::kFlows6}) {
    std::vector<uint32_t>& buckets = parked_[static_cast<size_t>(table)];
    const std::set<uint32_t>& spilled = spilled_[static_cast<size_t>(table)];
    std::erase_if(buckets, [&spilled](uint32_t bucket) { return spilled.contains(bucket); });
    if (auto cleared = clear_parked_bits(maps_, table, buckets); !cleared) return cleared;
    result_.unspilled += buckets.size();
  }
  return {};
}

Result<void> Sweep::sweep_tables() {
  for (const FlowTable table : {FlowTable::kFlows4, FlowTable::kFlows6, FlowTable::kSnat4, FlowTable::kSnat6}) {
    const bool flows = table == FlowTable::kFlows4 || table == FlowTable::kFlows6;
    auto found = sweep_table(
        maps_, table,
        [this, flows](const FlowCopy& copy) { return flows ? judge_flow(copy) : judge_reservation(copy); },
        parked_[static_cast<size_t>(table)]);
    if (!found) return tl::unexpected(found.error());
    result_.tables[static_cast<size_t>(table)] = *found;
  }
  return {};
}

// A program that set a bit before it was parked has put its flow into flow_spill when the wait is over; who sets one
// after leaves it in way 0. So what is read then says which parked bits nobody needs.
Result<SweepResult> Sweep::run(const WaitForPrograms& wait_for_programs) {
  auto done = sweep_tables();
  if (done && any_parked()) done = wait_for_programs();
  if (done) done = read_spill();
  if (done) done = clear_parked();
  if (!done) return tl::unexpected(std::move(done.error()));
  return std::move(result_);
}

}  // namespace

std::string_view flow_table_name(FlowTable table) { return kTableNames[static_cast<size_t>(table)]; }

std::string_view flow_state_name(uint32_t state) {
  switch (state) {
    case WG_FLOW_EMPTY:
      return "empty";
    case WG_FLOW_BUSY:
      return "busy";
    case WG_FLOW_HALF_OPEN:
      return "half-open";
    case WG_FLOW_ESTABLISHED:
      return "established";
    case WG_FLOW_CLIENT_FIN:
      return "client-fin";
    case WG_FLOW_BACKEND_FIN:
      return "backend-fin";
    case WG_FLOW_CLOSED:
      return "closed";
    default:
      return "unknown";
  }
}

uint8_t FlowCopy::protocol() const {
  return kProtocols[(head.control & WG_FLOW_PROTOCOL_MASK) >> WG_FLOW_PROTOCOL_SHIFT];
}

uint32_t FlowCopy::backend_id() const { return head.backend & WG_BACKEND_ID_MASK; }

uint32_t FlowCopy::age_s(uint32_t now, uint32_t hz) const {
  const auto age = static_cast<int32_t>(now - head.seen);  // below zero: a packet came after `now` was read
  return age <= 0 ? 0 : static_cast<uint32_t>(age) / hz;
}

uint64_t FlowOccupancy::live() const {
  uint64_t sum = 0;
  for (uint32_t state = WG_FLOW_VALID; state < by_state.size(); ++state) sum += by_state[state];
  return sum;
}

Result<SweepResult> sweep_flows(const PinnedMaps& maps, const SweepSettings& settings, const SweepRequest& request,
                                const WaitForPrograms& wait_for_programs) {
  Sweep sweep(maps, settings);
  if (request.references) {
    if (auto ready = sweep.want_references(); !ready) return tl::unexpected(ready.error());
  }
  return sweep.run(wait_for_programs);
}

}  // namespace waggle
