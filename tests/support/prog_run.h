// SPDX-License-Identifier: Apache-2.0
// The loaded programs on small tables of their own, run on single packets through BPF_PROG_TEST_RUN. Owned by one test;
// needs root. The network around it is private_node.h's, the node's name is "node1".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/control_table.h"
#include "dataplane/flow_sweep.h"
#include "dataplane/pinned_maps.h"
#include "dataplane/programs.h"
#include "dataplane/table_writer.h"
#include "plan/planner.h"
#include "support/packet_builder.h"
#include "support/private_node.h"
#include "waggle/abi/affinity.h"
#include "waggle/abi/counter.h"
#include "waggle/abi/fragment.h"
#include "waggle/abi/source_range.h"

namespace waggle {

enum class RunHook : uint8_t { kTcIngress, kTcEgress, kXdp };

struct RunInput {
  RunHook hook = RunHook::kTcIngress;
  uint32_t ifindex = kPodLink;     // the link the packet comes in by, or leaves by
  uint32_t mark = 0;               // TC only
  bool from_host = false;          // TC egress only: a process of the node sent it, it came in by no link
  uint32_t gso_size = 0;           // TC only: it was joined from segments with so many bytes of payload
  bool complete_checksum = false;  // TC only: as from a NIC that summed the packet up; the kernel checks the sum after
  Bytes packet = {};
};

using Reasons = std::map<std::string, uint64_t>;  // by the name the CLI shows

struct RunOutput {
  int verdict = 0;  // TC_ACT_* or XDP_*
  uint32_t mark = 0;
  Bytes packet = {};
  Reasons reasons = {};  // counted by this run at its hook, without zeros
};

// An Ethernet header; at TC also the IP header that an EtherType without a tag announces.
size_t smallest_packet(RunHook hook, const Bytes& packet);

struct RigOptions {
  DataplaneSizes sizes = small_dataplane_sizes();
  uint16_t snat_port_min = 60416;
  uint32_t snat_ports = 1024;
  uint32_t reject_per_second = 1'000'000;
  uint32_t policy = 0;    // WG_POLICY_*
  bool is_alone = false;  // nobody runs the programs while tables change: no write waits for readers

  static DataplaneSizes small_dataplane_sizes();
};

class ProgramRig {
 public:
  static Result<std::unique_ptr<ProgramRig>> open(const RigOptions& options = {});
  ~ProgramRig();
  ProgramRig(const ProgramRig&) = delete;
  ProgramRig& operator=(const ProgramRig&) = delete;

  // Plans these events and writes the tables.
  Result<void> apply(std::vector<Event> events);
  // As apply(), whatever the planner complains about.
  Result<void> apply_anyway(std::vector<Event> events);
  // From the next apply() on.
  void set_node_addresses(NodeAddresses addresses) {
    readdressed_.merge(planner_.set_node_addresses(std::move(addresses)));
  }
  // Removes every object and every flow, and all they left in the tables.
  Result<void> reset();

  // BPF_PROG_TEST_RUN refuses packets below smallest_packet().
  Result<RunOutput> run(const RunInput& input);
  // As run(), without reasons: for very many packets.
  Result<RunOutput> run_uncounted(const RunInput& input);

  [[nodiscard]] std::vector<FlowCopy> flows(FlowTable table) const;
  [[nodiscard]] size_t spilled() const;  // entries of flow_spill, two a flow
  [[nodiscard]] Reasons reasons(wg_hook hook) const;
  [[nodiscard]] wg_service_counter service_counter(uint32_t service) const;
  [[nodiscard]] const wg_settings& settings() const { return settings_; }
  [[nodiscard]] int program_fd(const std::string& name) const { return programs_.fd(name); }
  TableStore& tables() { return *writer_; }
  ControlTable& control() { return *control_; }

  // Who is a local pod: by kPodLink, or by the source of a family that has a CIDR here.
  void set_detector(wg_detector detector, const std::vector<Cidr>& pod_cidrs = {});
  void set_service_cidrs(const std::vector<Cidr>& cidrs);
  // Changes one element of an array table as no planner would.
  template <typename Value>
  void edit(const char* map, uint32_t index, const std::function<void(Value&)>& change) {
    edit_bytes(map, index, sizeof(Value), [&](std::byte* value) { change(*reinterpret_cast<Value*>(value)); });
  }
  // Puts an entry into a hash or a trie.
  template <typename Key, typename Value>
  void put(const char* map, const Key& key, const Value& value) {
    put_bytes(map, sizeof(Key), &key, sizeof(Value), &value);
  }
  using AffinityEntries = std::vector<std::pair<wg_affinity_key, wg_affinity_value>>;
  [[nodiscard]] AffinityEntries affinity() const;

  // Makes every flow and reservation look as if its last packet had been this long ago.
  void age_flows(uint32_t seconds);
  // The same for the ports that fragments left.
  void age_fragments(uint32_t seconds);
  // And for the neighbours that TC waits for.
  void age_waits(uint32_t seconds);
  // All of it, and what clients are remembered for: as if so much time had passed without a packet.
  void pass_time(uint32_t seconds);
  // The agent's sweep; `meanwhile` runs in the midst of it: spilled bits are parked, flow_spill is not yet read.
  Result<SweepResult> sweep(const std::function<void()>& meanwhile = [] {});
  // Reads flow_spill; takes every entry out of it, and puts entries back.
  using SpillEntries = std::vector<std::pair<wg_spill_key, wg_spill_value>>;
  [[nodiscard]] SpillEntries spill() const;
  SpillEntries take_spilled();
  void put_spilled(const SpillEntries& entries);
  // Empties one table of flows, as evictions would.
  void forget_flows(FlowTable table);
  // Empties the flow tables, the spill table and the next hops; nobody waits for a neighbour.
  void forget_all_flows();

 private:
  ProgramRig(PinnedMaps maps, wg_settings settings, Programs programs);
  Result<void> prepare(const std::string& bpf_root);
  Plan plan_events(std::vector<Event> events);
  // Applies the writes, and a grace period passes.
  Result<void> write(const Plan& plan);
  // A grace period passes and a sweep finds that no flow names anything: what is gone is forgotten.
  Result<void> release();
  Result<void> attach_xdp(uint32_t ifindex);
  void put_bytes(const char* map, size_t key_size, const void* key, size_t value_size, const void* value);
  void edit_bytes(const char* map, uint32_t index, size_t size, const std::function<void(std::byte*)>& change);
  void change_heads(FlowTable table, const std::function<void(wg_flow_head&)>& change);

  bool is_alone_ = false;
  PinnedMaps maps_;
  wg_settings settings_;
  Programs programs_;
  std::unique_ptr<TableWriter> writer_;
  std::unique_ptr<ControlTable> control_;
  UniqueFd waits_;  // table alone_waits
  State state_;
  Planner planner_;
  std::set<ObjectName> readdressed_ = {};  // to be planned, because the node's addresses changed
};

}  // namespace waggle
