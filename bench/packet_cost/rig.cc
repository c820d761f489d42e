// SPDX-License-Identifier: Apache-2.0
#include "packet_cost/rig.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "dataplane/conntrack_lookup.h"
#include "dataplane/dataplane.h"
#include "dataplane/errors.h"
#include "dataplane/jiffies.h"
#include "packet_cost/test_network.h"

namespace waggle {
namespace {

constexpr uint32_t kUnusedSlots = 1u << 10;
constexpr uint32_t kLeastSlots = 1u << 10;
// Fixed, so that runs can be compared; nobody attacks a benchmark.
constexpr wg_hash_key kHashKey{0x243F6A8885A308D3ull, 0x13198A2E03707344ull};

uint32_t slots_for(const RigConfig& config) { return std::max(2 * config.live_flows, kLeastSlots); }

// The agent's sizes for what the programs read at random, small ones for what they only index with few rows.
DataplaneSizes sizes_for(const RigConfig& config) {
  DataplaneSizes sizes;
  const uint32_t slots = slots_for(config);
  const uint32_t reservations = config.snat ? slots : kUnusedSlots;
  sizes.plan.services = 512;
  sizes.plan.slots = 2048;
  sizes.plan.backends = 2048;
  sizes.plan.source_ranges = 1u << 15;
  sizes.flow_slots4 = config.family == WG_IPV4 ? slots : kUnusedSlots;
  sizes.flow_slots6 = config.family == WG_IPV6 ? slots : kUnusedSlots;
  sizes.snat_slots4 = config.family == WG_IPV4 ? reservations : kUnusedSlots;
  sizes.snat_slots6 = config.family == WG_IPV6 ? reservations : kUnusedSlots;
  return sizes;
}

wg_settings settings_for(const MapSet& maps) {
  const auto mask = [&maps](const char* name) { return maps.spec(name).entries - 1; };
  wg_settings settings{};
  settings.hash_key = kHashKey;
  settings.frontends4_mask = mask("frontends4");
  settings.frontends6_mask = mask("frontends6");
  settings.flows4_mask = mask("flows4");
  settings.flows6_mask = mask("flows6");
  settings.snat4_mask = mask("snat4");
  settings.snat6_mask = mask("snat6");
  settings.services_mask = mask("services");
  settings.backends_mask = mask("backends");
  settings.slots_mask = mask("slots");
  settings.reply_gate_mask = maps.spec("reply_gate").entries * 64 - 1;
  settings.frontend_gate_mask = maps.spec("frontend_gate").entries * 64 - 1;
  settings.nexthops_mask = mask("nexthops");
  settings.snat_mark = 0x4000;
  settings.snat_port_min = BENCH_NODE_PORT;
  settings.snat_port_mask = BENCH_NODE_PORTS - 1;
  settings.hz = jiffies_per_second();
  settings.policy = offers_conntrack_lookup() ? WG_POLICY_KEEP_TRACKED : 0;
  std::ranges::copy(default_flow_lifetimes(), settings.flow_lifetime_s);
  return settings;
}

ServiceRequest services_for(const RigConfig& config) {
  constexpr uint32_t kAffinityTimeout = 10800;
  ServiceRequest request{};
  request.family = config.family;
  request.key = kHashKey;
  request.local = !config.snat;
  request.protocol = protocol_of(config.feature);
  request.affinity_timeout_s = config.feature == Feature::kAffinity ? kAffinityTimeout : 0;
  if (config.feature == Feature::kFewRanges) request.source_ranges = 4;
  if (config.feature == Feature::kManyRanges) request.source_ranges = 64;
  return request;
}

wg_link link_row(uint32_t ifindex) {
  return {.ifindex = ifindex, .flags = WG_LINK_UPLINK | WG_LINK_XDP, .snat4 = 0, .snat6 = 0, .reserved = 0};
}

Result<void> sum_services(int fd, size_t cpus, wg_service_counter& sum) {
  std::vector<wg_service_counter> values(cpus);
  for (uint32_t service = 0; service < BENCH_SERVICES; ++service) {
    const uint32_t row = service_row(service);
    if (::bpf_map_lookup_elem(fd, &row, values.data()) != 0) return system_failure("reading service counters", errno);
    for (const auto& value : values) {
      sum.request_packets += value.request_packets;
      sum.reply_packets += value.reply_packets;
      sum.new_flows += value.new_flows;
    }
  }
  return {};
}

Result<uint64_t> sum_reason(int fd, size_t cpus, uint32_t reason, uint32_t hook) {
  std::vector<uint64_t> values(cpus);
  const uint32_t row = reason * WG_HOOK_COUNT + hook;
  if (::bpf_map_lookup_elem(fd, &row, values.data()) != 0) return system_failure("reading reason counters", errno);
  uint64_t sum = 0;
  for (const uint64_t value : values) sum += value;
  return sum;
}

}  // namespace

Result<Rig> Rig::make(const RigConfig& config) {
  auto maps = MapSet::create(sizes_for(config), config.family, 2 * slots_for(config));
  if (!maps) return tl::unexpected(maps.error());
  Rig rig(config, std::move(*maps));
  rig.settings_ = settings_for(rig.maps_);
  auto services = write_services(rig.maps_, services_for(config));
  if (!services) return tl::unexpected(services.error());
  rig.services_ = std::move(*services);
  if (auto written = rig.write_control(); !written) return tl::unexpected(written.error());
  if (auto loaded = rig.load_programs(); !loaded) return tl::unexpected(loaded.error());
  return rig;
}

Result<void> Rig::write_control() const {
  auto mapping = maps_.map("control");
  if (!mapping) return tl::unexpected(mapping.error());
  auto* control = reinterpret_cast<wg_control*>(mapping->data());
  control->nexthop_epoch = 1;
  control->snat_address4[0] = address_words_of(WG_IPV4, BENCH_NODE)[0];
  std::ranges::copy(address_words_of(WG_IPV6, BENCH_NODE), control->snat_address6[0]);
  for (const uint32_t ifindex : {kLoopback, config_.uplink_ifindex})
    control->link[ifindex & (WG_LINKS - 1)] = link_row(ifindex);
  return {};
}

Result<void> Rig::load_programs() {
  const Constant settings{"settings", std::as_bytes(std::span(&settings_, 1))};
  for (const auto name : {BenchObject::kTcLb, BenchObject::kXdpLb, BenchObject::kLruTc, BenchObject::kLruXdp}) {
    auto object = LoadedObject::load(name, settings, maps_);
    if (!object) return tl::unexpected(object.error());
    objects_.emplace(name, std::move(*object));
  }
  for (const auto name : {BenchObject::kFloorTc, BenchObject::kFloorXdp}) {
    auto object = LoadedObject::load(name);
    if (!object) return tl::unexpected(object.error());
    objects_.emplace(name, std::move(*object));
  }
  return {};
}

Result<FillRequest> Rig::fill_request() const {
  auto clock = JiffiesClock::open();
  if (!clock) return tl::unexpected(clock.error());
  auto now = clock->now();
  if (!now) return tl::unexpected(now.error());
  return FillRequest{config_.family, kHashKey, protocol_of(config_.feature), config_.snat, *now};
}

Result<void> Rig::fill(uint32_t first, uint32_t last) {
  auto request = fill_request();
  if (!request) return tl::unexpected(request.error());
  auto stored = fill_flows(maps_, services_, *request, {first, last});
  if (!stored) return tl::unexpected(stored.error());
  if (*stored != last - first) return failure("the flow table is too small for the flows to measure");
  return fill_lru(maps_, *request, {first, last});
}

Result<void> Rig::fill_up() {
  auto request = fill_request();
  if (!request) return tl::unexpected(request.error());
  const uint32_t slots = slots_for(config_);
  // The last free slots are hard to hit: half as many flows again.
  auto stored = fill_flows(maps_, services_, *request, {0, slots + slots / 2});
  if (!stored) return tl::unexpected(stored.error());
  return fill_lru(maps_, *request, {0, slots});
}

Result<void> Rig::set_seen(uint32_t seconds_ago) const {
  auto request = fill_request();
  if (!request) return tl::unexpected(request.error());
  request->seen -= seconds_ago * settings_.hz;
  return waggle::set_seen(maps_, *request);
}

Contestants Rig::contestants(TestHook hook, bool egress) const {
  const bool tc = hook == TestHook::kTc;
  const LoadedObject& floor = objects_.at(tc ? BenchObject::kFloorTc : BenchObject::kFloorXdp);
  const LoadedObject& product = objects_.at(tc ? BenchObject::kTcLb : BenchObject::kXdpLb);
  const LoadedObject& lru = objects_.at(tc ? BenchObject::kLruTc : BenchObject::kLruXdp);
  const char* product_name = egress ? "tc_egress" : tc ? "tc_ingress" : "xdp_ingress";
  return {floor.program("empty"), floor.program("parse_and_forward"), product.program(product_name),
          lru.program(egress ? "lru_egress" : "lru_ingress")};
}

Result<RigCounters> Rig::counters(TestHook hook) const {
  const auto cpus = static_cast<size_t>(::libbpf_num_possible_cpus());
  const uint32_t hook_row = hook == TestHook::kTc ? WG_HOOK_TC : WG_HOOK_XDP;
  RigCounters sums;
  if (auto summed = sum_services(maps_.fd("service_counters"), cpus, sums.services); !summed)
    return tl::unexpected(summed.error());
  const int reasons = maps_.fd("reason_counters");
  auto not_service = sum_reason(reasons, cpus, WG_REASON_NOT_SERVICE, hook_row);
  auto evicted = sum_reason(reasons, cpus, WG_REASON_EVICTED_LIVE, hook_row);
  if (!not_service) return tl::unexpected(not_service.error());
  if (!evicted) return tl::unexpected(evicted.error());
  sums.not_service = *not_service;
  sums.evicted_live = *evicted;
  return sums;
}

}  // namespace waggle
