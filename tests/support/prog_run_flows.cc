// SPDX-License-Identifier: Apache-2.0
// The rig's tables of what comes and goes with packets: made older, emptied, put back.
#include <bpf/bpf.h>

#include "dataplane/flow_entry.h"
#include "dataplane/flow_tables.h"
#include "support/prog_run.h"
#include "support/program_map.h"

namespace waggle {
namespace {

using WaitKey = std::array<uint32_t, WG_ADDRESS_WORDS>;

}  // namespace

void ProgramRig::change_heads(FlowTable table, const std::function<void(wg_flow_head&)>& change) {
  const std::string name(flow_table_name(table));
  const MapSpec& spec = maps_.spec(name);
  auto mapping = Mapping::map(maps_.fd(name), 0, array_bytes(spec.value_size, spec.entries), true).value();
  with_entry_type(table, [&]<typename Entry>(Entry*) {
    auto* entries = reinterpret_cast<Entry*>(mapping.data());
    for (size_t i = 0; i < size_t{spec.entries} * WG_FLOW_WAYS; ++i) change(entries[i].head);
  });
}

void ProgramRig::age_flows(uint32_t seconds) {
  for (const FlowTable table : {FlowTable::kFlows4, FlowTable::kFlows6, FlowTable::kSnat4, FlowTable::kSnat6}) {
    change_heads(table, [&](wg_flow_head& head) { head.seen -= seconds * settings_.hz; });
  }
}

void ProgramRig::age_fragments(uint32_t seconds) {
  const int fd = maps_.fd("fragments");
  auto entries = hash_entries<wg_fragment_key, wg_fragment_value>(fd, "fragments").value();
  for (auto& [key, value] : entries) {
    value.seen -= seconds * settings_.hz;
    ::bpf_map_update_elem(fd, &key, &value, BPF_EXIST);
  }
}

void ProgramRig::pass_time(uint32_t seconds) {
  age_flows(seconds);
  age_fragments(seconds);
  for (auto [key, value] : affinity()) {
    value.seen -= seconds * settings_.hz;
    ::bpf_map_update_elem(maps_.fd("affinity"), &key, &value, BPF_EXIST);
  }
}

void ProgramRig::age_waits(uint32_t seconds) {
  auto entries = hash_entries<WaitKey, wg_wait>(waits_.get(), "alone_waits").value();
  for (auto& [key, wait] : entries) {
    wait.since -= seconds * settings_.hz;
    wait.asked -= seconds * settings_.hz;
    ::bpf_map_update_elem(waits_.get(), &key, &wait, BPF_EXIST);
  }
}

ProgramRig::SpillEntries ProgramRig::take_spilled() {
  auto entries = spill();
  clear_hash<wg_spill_key, wg_spill_value>(maps_.fd("flow_spill"), "flow_spill");
  return entries;
}

void ProgramRig::put_spilled(const SpillEntries& entries) {
  for (const auto& [key, value] : entries) {
    ::bpf_map_update_elem(maps_.fd("flow_spill"), &key, &value, BPF_NOEXIST);
  }
}

void ProgramRig::forget_flows(FlowTable table) {
  change_heads(table, [](wg_flow_head& head) { head.control &= WG_FLOW_GENERATION_MASK; });
}

void ProgramRig::forget_all_flows() {
  for (const FlowTable table : {FlowTable::kFlows4, FlowTable::kFlows6, FlowTable::kSnat4, FlowTable::kSnat6}) {
    forget_flows(table);
  }
  clear_hash<wg_spill_key, wg_spill_value>(maps_.fd("flow_spill"), "flow_spill");
  clear_hash<WaitKey, wg_wait>(waits_.get(), "alone_waits");
  control_->bump_nexthop_epoch();
}

}  // namespace waggle
