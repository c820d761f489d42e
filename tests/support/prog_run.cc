// SPDX-License-Identifier: Apache-2.0
#include "support/prog_run.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/if_link.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "dataplane/bpf_root.h"
#include "dataplane/counters.h"
#include "dataplane/errors.h"
#include "dataplane/flow_entry.h"
#include "dataplane/flow_tables.h"
#include "dataplane/hash_entries.h"
#include "dataplane/jiffies.h"
#include "dataplane/netns_cookie.h"
#include "dataplane/settings.h"
#include "dataplane/sweep.h"
#include "support/program_map.h"
#include "waggle/abi/sock.h"

namespace waggle {
namespace {

constexpr uint32_t kCompleteChecksum = 1u << 2;  // BPF_F_TEST_SKB_CHECKSUM_COMPLETE, Linux 6.16

DataplaneConfig config_of(const RigOptions& options, const std::filesystem::path& root) {
  DataplaneConfig config;
  config.bpf_root = root;
  config.node_name = "node1";
  config.sizes = options.sizes;
  config.snat_port_min = options.snat_port_min;
  config.snat_ports = options.snat_ports;
  config.reject_per_second = options.reject_per_second;
  return config;
}

Result<PinnedMaps> make_maps(const DataplaneConfig& config) {
  const PinPaths paths(config.bpf_root);
  if (auto made = make_pin_directories(paths); !made) return tl::unexpected(made.error());
  auto meta = fresh_meta(config);
  if (!meta) return tl::unexpected(meta.error());
  return PinnedMaps::create_or_adopt(paths, config.sizes, *meta);
}

const char* program_of(RunHook hook) {
  switch (hook) {
    case RunHook::kTcIngress:
      return "tc_ingress";
    case RunHook::kTcEgress:
      return "tc_egress";
    case RunHook::kXdp:
      break;
  }
  return "xdp_ingress";
}

PlannerConfig planner_config(const PinnedMaps& maps) { return {maps.sizes().plan, maps.meta().hash_key, "node1"}; }

const char* reason_name(size_t reason) {
  static constexpr const char* kNames[] = {
#define WG_REASON_NAME(name, text, meaning) text,
      WG_REASONS(WG_REASON_NAME)
#undef WG_REASON_NAME
  };
  return kNames[reason];
}

wg_prefix prefix_of(const Cidr& cidr) {
  wg_prefix prefix{};
  IpAddress mask{.family = cidr.address.family};
  for (size_t bit = 0; bit < cidr.prefix_length; ++bit) mask.bytes[bit / 8] |= 0x80 >> bit % 8;
  std::ranges::copy(mask.words(), prefix.mask);
  std::ranges::copy(cidr.address.words(), prefix.address);
  for (size_t i = 0; i < WG_ADDRESS_WORDS; ++i) prefix.address[i] &= prefix.mask[i];
  return prefix;
}

wg_link uplink(uint32_t ifindex, uint8_t snat) {
  return {.ifindex = ifindex, .flags = WG_LINK_UPLINK | WG_LINK_XDP, .snat4 = snat, .snat6 = snat, .reserved = 0};
}

}  // namespace

size_t smallest_packet(RunHook hook, const Bytes& packet) {
  const int type = packet[12] << 8 | packet[13];
  if (hook == RunHook::kXdp) return 14;
  return type == kEtherIpv4 ? 34 : type == kEtherIpv6 ? 54 : 14;
}

DataplaneSizes RigOptions::small_dataplane_sizes() {
  DataplaneSizes sizes;
  sizes.plan = {.frontend_buckets4 = 64,
                .frontend_buckets6 = 64,
                .services = 256,
                .slots = 1024,
                .backends = 512,
                .reply_gate_words = 512,
                .frontend_gate_words = 512};
  sizes.flow_slots4 = 1024;
  sizes.flow_slots6 = 1024;
  sizes.snat_slots4 = 1024;
  sizes.snat_slots6 = 1024;
  sizes.spill_entries = 512;
  sizes.sock_entries = 64;
  sizes.nexthops = 64;
  sizes.affinity_entries = 64;
  sizes.fragment_entries = 64;
  sizes.plan.source_ranges = 64;
  return sizes;
}

ProgramRig::ProgramRig(PinnedMaps maps, wg_settings settings, Programs programs)
    : maps_(std::move(maps)), settings_(settings), programs_(std::move(programs)), planner_(planner_config(maps_)) {}

ProgramRig::~ProgramRig() = default;

Result<std::unique_ptr<ProgramRig>> ProgramRig::open(const RigOptions& options) {
  auto root = enter_private_node();
  if (!root) return tl::unexpected(root.error());
  static int count = 0;
  const DataplaneConfig config = config_of(options, *root / fmt::format("rig{}", count++));
  std::error_code error;
  if (!std::filesystem::create_directory(config.bpf_root, error)) return failure("making a directory for pins");
  auto maps = make_maps(config);
  if (!maps) return tl::unexpected(maps.error());
  const auto cookie = own_netns_cookie();
  if (!cookie) return tl::unexpected(cookie.error());
  wg_settings settings = make_settings(config, *maps, *cookie);
  settings.policy = options.policy;
  auto programs = Programs::load(*maps, settings);
  if (!programs) return tl::unexpected(programs.error());
  std::unique_ptr<ProgramRig> rig(new ProgramRig(std::move(*maps), settings, std::move(*programs)));
  rig->is_alone_ = options.is_alone;
  if (auto ready = rig->prepare(config.bpf_root); !ready) return tl::unexpected(ready.error());
  return rig;
}

Result<void> ProgramRig::prepare(const std::string& bpf_root) {
  std::error_code ignored;
  std::filesystem::remove_all(bpf_root, ignored);  // the descriptors keep the maps
  auto writer = TableWriter::open(maps_);
  if (!writer) return tl::unexpected(writer.error());
  writer_ = std::make_unique<TableWriter>(std::move(*writer));
  auto control = ControlTable::open(maps_.fd("control"));
  if (!control) return tl::unexpected(control.error());
  control_ = std::make_unique<ControlTable>(std::move(*control));
  auto waits = map_of_program(programs_.fd("tc_ingress"), "alone_waits");
  if (!waits) return tl::unexpected(waits.error());
  waits_ = std::move(*waits);
  for (const auto& [index, address] : {std::pair{0, kNodeAddress4}, std::pair{1, kNodeSecondAddress4}}) {
    if (auto set = control_->set_snat_address(WG_IPV4, index, address_of(address).words()); !set) return set;
  }
  for (const auto& [index, address] : {std::pair{0, kNodeAddress6}, std::pair{1, kNodeSecondAddress6}}) {
    if (auto set = control_->set_snat_address(WG_IPV6, index, address_of(address).words()); !set) return set;
  }
  if (auto set = control_->set_link({kPodLink, WG_LINK_LOCAL_PODS, WG_NO_ADDRESS, WG_NO_ADDRESS, 0}); !set) return set;
  if (auto set = control_->set_link(uplink(kUplink, 0)); !set) return set;
  if (auto set = control_->set_link(uplink(kUplink2, 1)); !set) return set;
  if (auto attached = attach_xdp(kUplink); !attached) return attached;
  return attach_xdp(kUplink2);
}

// TEST_RUN wants a link whose receive queue is ready for XDP. Whose program that is does not matter: the first rig's
// stay.
Result<void> ProgramRig::attach_xdp(uint32_t ifindex) {
  static std::map<uint32_t, UniqueFd> links;
  if (links.contains(ifindex)) return {};
  LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
  UniqueFd link(::bpf_link_create(programs_.fd("xdp_ingress"), static_cast<int>(ifindex), BPF_XDP, &options));
  if (!link.valid()) return system_failure("attaching XDP to the test's uplink", errno);
  links.emplace(ifindex, std::move(link));
  return {};
}

void ProgramRig::edit_bytes(const char* map, uint32_t index, size_t size,
                            const std::function<void(std::byte*)>& change) {
  std::vector<uint64_t> value((size + 7) / 8);
  if (maps_.spec(map).value_size != size || ::bpf_map_lookup_elem(maps_.fd(map), &index, value.data()) != 0) {
    std::abort();  // the test names what is not there
  }
  change(reinterpret_cast<std::byte*>(value.data()));
  ::bpf_map_update_elem(maps_.fd(map), &index, value.data(), BPF_ANY);
}

void ProgramRig::put_bytes(const char* map, size_t key_size, const void* key, size_t value_size, const void* value) {
  const MapSpec& spec = maps_.spec(map);
  if (spec.key_size != key_size || spec.value_size != value_size ||
      ::bpf_map_update_elem(maps_.fd(map), key, value, BPF_ANY) != 0) {
    std::abort();  // the test means another table
  }
}

ProgramRig::AffinityEntries ProgramRig::affinity() const {
  return hash_entries<wg_affinity_key, wg_affinity_value>(maps_.fd("affinity"), "affinity").value();
}

void ProgramRig::set_detector(wg_detector detector, const std::vector<Cidr>& pod_cidrs) {
  edit<wg_control>("control", 0, [&](wg_control& control) {
    control.detector = detector;
    std::ranges::fill(control.has_pod_cidr, 0u);
    for (const Cidr& cidr : pod_cidrs) {
      const auto family = static_cast<size_t>(cidr.address.family);
      control.has_pod_cidr[family] = 1;
      control.pod_cidr[family] = prefix_of(cidr);
    }
  });
}

void ProgramRig::set_service_cidrs(const std::vector<Cidr>& cidrs) {
  edit<wg_control>("control", 0, [&](wg_control& control) {
    std::ranges::fill(control.service_cidr_count, 0u);
    for (const Cidr& cidr : cidrs) {
      const auto family = static_cast<size_t>(cidr.address.family);
      control.service_cidr[family][control.service_cidr_count[family]++] = prefix_of(cidr);
    }
  });
}

Result<void> ProgramRig::apply(std::vector<Event> events) {
  const Plan plan = plan_events(std::move(events));
  if (!plan.problems.empty()) return failure(plan.problems.front());
  return write(plan);
}

Result<void> ProgramRig::apply_anyway(std::vector<Event> events) { return write(plan_events(std::move(events))); }

Plan ProgramRig::plan_events(std::vector<Event> events) {
  std::set<ObjectName> touched = std::exchange(readdressed_, {});
  for (Event& event : events) touched.merge(state_.apply(std::move(event)));
  return planner_.plan(state_, touched);
}

Result<void> ProgramRig::write(const Plan& plan) {
  for (const Write& write : plan.writes) {
    if (auto written = writer_->apply(write); !written) return written;
  }
  planner_.grace_began();
  if (!is_alone_) {
    if (auto waited = writer_->wait_for_readers(); !waited) return waited;
  }
  planner_.grace_passed();
  return {};
}

Result<void> ProgramRig::reset() {
  std::set<ObjectName> services;
  for (const auto& [name, service] : state_.services()) services.insert(name);
  state_ = State();
  forget_all_flows();
  clear_hash<wg_affinity_key, wg_affinity_value>(maps_.fd("affinity"), "affinity");
  clear_hash<wg_sock_key, wg_sock_value>(maps_.fd("sock_flows"), "sock_flows");
  clear_hash<wg_source_range_key, wg_source_range_value>(maps_.fd("source_ranges"), "source_ranges");
  auto done = write(planner_.plan(state_, services));
  for (int round = 0; done && round < 3; ++round) done = release();
  return done;
}

Result<void> ProgramRig::release() {
  planner_.grace_began();
  planner_.grace_passed();
  return write(planner_.release({}, planner_.settled()));
}

Result<RunOutput> ProgramRig::run_uncounted(const RunInput& input) {
  RunOutput output;
  output.packet.resize(input.packet.size() + 256);
  __sk_buff skb{};
  skb.ifindex = input.ifindex;
  skb.ingress_ifindex = input.from_host ? 0 : input.ifindex;
  skb.mark = input.mark;
  skb.gso_size = input.gso_size;
  xdp_md xdp{};
  xdp.data_end = static_cast<uint32_t>(input.packet.size());
  xdp.ingress_ifindex = input.ifindex;
  const bool is_xdp = input.hook == RunHook::kXdp;
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = input.packet.data(), .data_out = output.packet.data(),
              .data_size_in = static_cast<uint32_t>(input.packet.size()),
              .data_size_out = static_cast<uint32_t>(output.packet.size()), .repeat = 1);
  options.ctx_in = is_xdp ? static_cast<void*>(&xdp) : &skb;
  options.ctx_out = const_cast<void*>(options.ctx_in);
  options.ctx_size_in = is_xdp ? sizeof(xdp) : sizeof(skb);
  options.ctx_size_out = options.ctx_size_in;
  options.flags = input.complete_checksum ? kCompleteChecksum : 0;
  if (const int result = ::bpf_prog_test_run_opts(programs_.fd(program_of(input.hook)), &options); result != 0) {
    return system_failure(
        fmt::format("running {} on a packet of {} bytes", program_of(input.hook), input.packet.size()), result);
  }
  output.packet.resize(options.data_size_out);
  output.verdict = static_cast<int>(options.retval);
  output.mark = skb.mark;
  return output;
}

Result<RunOutput> ProgramRig::run(const RunInput& input) {
  const wg_hook hook = input.hook == RunHook::kXdp ? WG_HOOK_XDP : WG_HOOK_TC;
  const Reasons before = reasons(hook);
  auto output = run_uncounted(input);
  if (!output) return output;
  output->reasons = reasons(hook);
  for (const auto& [name, count] : before) {
    if ((output->reasons[name] -= count) == 0) output->reasons.erase(name);
  }
  return output;
}

Reasons ProgramRig::reasons(wg_hook hook) const {
  Reasons reasons;
  const auto counters = read_reason_counters(maps_);
  for (size_t reason = 0; counters && reason < WG_REASON_COUNT; ++reason) {
    const uint64_t count = counters->at(reason * WG_HOOK_COUNT + hook);
    if (count != 0) reasons[reason_name(reason)] = count;
  }
  return reasons;
}

wg_service_counter ProgramRig::service_counter(uint32_t service) const {
  return read_service_counter(maps_, service).value_or(wg_service_counter{});
}

std::vector<FlowCopy> ProgramRig::flows(FlowTable table) const {
  std::vector<FlowCopy> found;
  (void)visit_flows(maps_, table, [&found](const FlowCopy& flow) { found.push_back(flow); });
  return found;
}

size_t ProgramRig::spilled() const { return spill().size(); }

ProgramRig::SpillEntries ProgramRig::spill() const {
  return hash_entries<wg_spill_key, wg_spill_value>(maps_.fd("flow_spill"), "flow_spill").value();
}

Result<SweepResult> ProgramRig::sweep(const std::function<void()>& meanwhile) {
  SweepSettings sweep{.hz = settings_.hz};
  std::ranges::copy(settings_.flow_lifetime_s, sweep.lifetimes_s.begin());
  const auto clock = JiffiesClock::open();
  if (!clock) return tl::unexpected(clock.error());
  auto now = clock->now();
  if (!now) return tl::unexpected(now.error());
  sweep.now = *now;
  return sweep_flows(maps_, sweep, {}, [&] {
    meanwhile();
    return writer_->wait_for_readers();
  });
}

}  // namespace waggle
