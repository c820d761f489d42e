// SPDX-License-Identifier: Apache-2.0
#include "packet_cost/measure.h"

#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <optional>

namespace waggle {
namespace {

struct Lineup {
  Wrapped empty;
  Wrapped product;
  std::optional<Wrapped> floor;
  std::optional<Wrapped> lru;
};

bench_setup setup_of(const MeasureRequest& request) {
  bench_setup setup{};
  setup.packet = request.test.packet;
  setup.family = request.family;
  setup.tcp_flags = request.test.tcp_flags;
  setup.protocol = protocol_of(request.feature);
  setup.fragment = request.test.fragment;
  setup.payload = request.test.payload;
  setup.few_clients = request.test.few_clients ? 1 : 0;
  return setup;
}

Result<Wrapped> wrap(int program, const MeasureRequest& request) {
  auto wrapped = Wrapped::make(request.test.hook, setup_of(request), program);
  if (wrapped) wrapped->go_through(request.first_flow, request.flows);
  return wrapped;
}

Result<Lineup> make_lineup(const Contestants& programs, const MeasureRequest& request) {
  auto empty = wrap(programs.empty, request);
  if (!empty) return tl::unexpected(empty.error());
  auto product = wrap(programs.product, request);
  if (!product) return tl::unexpected(product.error());
  Lineup lineup{std::move(*empty), std::move(*product), {}, {}};
  if (request.feature != Feature::kPlain) return lineup;
  auto floor = wrap(programs.floor, request);
  if (!floor) return tl::unexpected(floor.error());
  auto lru = wrap(programs.lru, request);
  if (!lru) return tl::unexpected(lru.error());
  lineup.floor = std::move(*floor);
  lineup.lru = std::move(*lru);
  return lineup;
}

// All but a few: a new flow may lose its slot to another of the same stretch, a stranger may hash to a bit of the gate.
bool nearly(uint64_t count, uint32_t repeats) { return count + repeats / 100 + 1 >= repeats; }

bool meets(Expect expect, const RigCounters& before, const RigCounters& after, uint32_t repeats) {
  const uint64_t requests = after.services.request_packets - before.services.request_packets;
  const uint64_t replies = after.services.reply_packets - before.services.reply_packets;
  const uint64_t opened = after.services.new_flows - before.services.new_flows;
  switch (expect) {
    case Expect::kRequest:
      return requests == repeats && replies == 0 && opened == 0;
    case Expect::kReply:
      return replies == repeats && requests == 0 && opened == 0;
    case Expect::kNotService:
      return nearly(after.not_service - before.not_service, repeats) && requests == 0 && replies == 0;
    case Expect::kNewFlow:
    case Expect::kEviction:
      return nearly(requests, repeats) && nearly(opened, repeats);
  }
  return false;
}

// Runs a contestant once, unmeasured, and compares the counters with what the case is about.
Result<RigCounters> rehearse(const Rig& rig, const Wrapped& wrapped, const MeasureRequest& request, const char* who) {
  auto before = rig.counters(request.test.hook);
  if (!before) return tl::unexpected(before.error());
  auto ran = wrapped.run(request.repeats);
  if (!ran) return tl::unexpected(ran.error());
  auto after = rig.counters(request.test.hook);
  if (!after) return tl::unexpected(after.error());
  if (!meets(request.test.expect, *before, *after, request.repeats))
    return failure(fmt::format("{} ({}): the {} program does not treat these packets as the case says",
                               request.test.name, test_hook_name(request.test.hook), who));
  after->evicted_live -= before->evicted_live;
  return after;
}

Result<void> rehearse_all(const Rig& rig, const Lineup& lineup, const MeasureRequest& request) {
  auto product = rehearse(rig, lineup.product, request, "product's");
  if (!product) return tl::unexpected(product.error());
  const bool evicts = product->evicted_live * 10 >= uint64_t{request.repeats} * 9;
  if (request.test.expect == Expect::kEviction && !evicts)
    return failure(fmt::format("{}: the flow table is not full", request.test.name));
  if (!lineup.lru || !lineup.floor) return {};
  auto lru = rehearse(rig, *lineup.lru, request, "LRU");
  if (!lru) return tl::unexpected(lru.error());
  auto floor = lineup.floor->run(1);
  if (!floor) return tl::unexpected(floor.error());
  const uint32_t forwarded = request.test.hook == TestHook::kTc ? TC_ACT_OK : static_cast<uint32_t>(XDP_TX);
  if (floor->verdict != forwarded) return failure("the floor program does not forward");
  return {};
}

Result<void> run_round(const Rig& rig, const Contestants& programs, const Lineup& lineup, const MeasureRequest& request,
                       Rounds& rounds) {
  auto bare = run_program(request.test.hook, programs.empty, setup_of(request), request.repeats);
  if (!bare) return tl::unexpected(bare.error());
  rounds.bare.push_back(bare->ns);
  const std::pair<const Wrapped*, std::vector<double>*> order[] = {
      {&lineup.empty, &rounds.empty},
      {lineup.floor ? &*lineup.floor : nullptr, &rounds.floor},
      {&lineup.product, &rounds.product},
      {lineup.lru ? &*lineup.lru : nullptr, &rounds.lru}};
  for (const auto& [wrapped, times] : order) {
    if (wrapped == nullptr) continue;
    if (wrapped == &lineup.product)
      if (auto aged = rig.set_seen(request.test.idle_s); !aged) return aged;
    auto ran = wrapped->run(request.repeats);
    if (!ran) return tl::unexpected(ran.error());
    times->push_back(ran->ns);
  }
  return {};
}

}  // namespace

Result<Rounds> measure_case(const Rig& rig, const MeasureRequest& request) {
  const Contestants programs = rig.contestants(request.test.hook, request.test.egress);
  auto lineup = make_lineup(programs, request);
  if (!lineup) return tl::unexpected(lineup.error());
  if (auto rehearsed = rehearse_all(rig, *lineup, request); !rehearsed) return tl::unexpected(rehearsed.error());
  Rounds rounds;
  for (unsigned round = 0; round < request.rounds; ++round)
    if (auto ran = run_round(rig, programs, *lineup, request, rounds); !ran) return tl::unexpected(ran.error());
  return rounds;
}

}  // namespace waggle
