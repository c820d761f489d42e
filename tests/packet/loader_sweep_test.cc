// SPDX-License-Identifier: Apache-2.0
// The sweep over the flow tables: what expires, what is kept, what is still named.
#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "base/unique_fd.h"
#include "dataplane/flow_entry.h"
#include "dataplane/jiffies.h"
#include "dataplane/table_reader.h"
#include "loader_sandbox.h"
#include "waggle/abi/frontend.h"

namespace waggle {
namespace {

constexpr uint32_t kTcp = uint32_t{WG_FLOW_TCP} << WG_FLOW_PROTOCOL_SHIFT;
constexpr uint32_t kUdp = uint32_t{WG_FLOW_UDP} << WG_FLOW_PROTOCOL_SHIFT;
constexpr uint32_t kGeneration = 0x12340000;
constexpr uint32_t kTag = 0x00005a80;

struct FlowSweep : testing::Test {
  ScratchBpfRoot root;
  std::optional<Dataplane> dataplane;
  uint32_t now = 0;

  void SetUp() override {
    auto opened = Dataplane::open(small_config(root));
    ASSERT_TRUE(ok(opened));
    dataplane.emplace(std::move(*opened));
    const auto clock = JiffiesClock::open();
    ASSERT_TRUE(ok(clock));
    now = *clock->now();
  }

  [[nodiscard]] uint32_t seen_before(uint32_t seconds) const { return now - seconds * jiffies_per_second(); }

  [[nodiscard]] UniqueFd map(const char* name) const {
    return UniqueFd(::bpf_obj_get((root.path() / "waggle/maps" / name).c_str()));
  }

  // Writes one entry of a bucket table, as a program would have left it.
  template <typename Bucket, typename Entry>
  void put(const char* name, uint32_t slot, const Entry& entry) const {
    const UniqueFd fd = map(name);
    const uint32_t bucket = slot / WG_FLOW_WAYS;
    Bucket content{};
    ASSERT_EQ(::bpf_map_lookup_elem(fd.get(), &bucket, &content), 0);
    content.way[slot % WG_FLOW_WAYS] = entry;
    ASSERT_EQ(::bpf_map_update_elem(fd.get(), &bucket, &content, BPF_ANY), 0);
  }

  void put_flow4(uint32_t slot, uint32_t state_and_protocol, uint32_t age_s, uint32_t backend = 1) const {
    wg_flow4 flow{};
    flow.head.control = kGeneration | kTag | state_and_protocol;
    flow.head.seen = seen_before(age_s);
    flow.head.backend = backend;
    flow.head.frontend = 0x0100600a;
    flow.head.frontend_port = 0x5000;
    flow.head.client_port = 0x1234;
    flow.client[0] = 0x0200000a;
    flow.backend_address[0] = 0x0300000a;
    put<wg_flow_bucket4>("flows4", slot, flow);
  }

  [[nodiscard]] uint32_t control4(uint32_t slot) const {
    const UniqueFd fd = map("flows4");
    const uint32_t bucket = slot / WG_FLOW_WAYS;
    wg_flow_bucket4 content{};
    EXPECT_EQ(::bpf_map_lookup_elem(fd.get(), &bucket, &content), 0);
    return content.way[slot % WG_FLOW_WAYS].head.control;
  }

  SweepResult sweep(bool references = false) {
    auto result = dataplane->sweep({.references = references});
    EXPECT_TRUE(ok(result));
    return result ? std::move(*result) : SweepResult{};
  }
};

FlowOccupancy of(const SweepResult& result, FlowTable table) { return result.tables[static_cast<size_t>(table)]; }

TEST_F(FlowSweep, FreesWhatItsStateNoLongerAllows) {
  put_flow4(0, WG_FLOW_HALF_OPEN | kTcp, 61);
  put_flow4(1, WG_FLOW_HALF_OPEN | kTcp, 50);
  put_flow4(9, WG_FLOW_CLOSED | kTcp, 12);
  put_flow4(17, WG_FLOW_ESTABLISHED | kTcp, 3600);
  put_flow4(1023, WG_FLOW_ESTABLISHED | kUdp, 182);
  put_flow4(1022, WG_FLOW_ESTABLISHED | kUdp, 170);
  const SweepResult result = sweep();
  const FlowOccupancy flows = of(result, FlowTable::kFlows4);
  EXPECT_EQ(flows.slots, 1024u);
  EXPECT_EQ(flows.expired, 3u);
  EXPECT_EQ(flows.live(), 3u);
  EXPECT_EQ(flows.by_state[WG_FLOW_HALF_OPEN], 1u);
  EXPECT_EQ(flows.by_state[WG_FLOW_ESTABLISHED], 2u);
  EXPECT_EQ(control4(0), kGeneration);
  EXPECT_EQ(control4(17), kGeneration | kTag | WG_FLOW_ESTABLISHED | kTcp);
}

// Way 0's bit moves to way 1, where it stays as long as flow_spill has a flow of the bucket, in either direction.
TEST_F(FlowSweep, ABucketIsMarkedSpilledUntilItsLastSpilledFlowIsGone) {
  wg_spill_key key{};
  key.client[0] = 0x0200000a;
  key.client_port = 0x1234;
  key.protocol = WG_PROTOCOL_TCP;
  key.direction = WG_SPILL_REPLY;
  key.family = WG_IPV4;
  const wg_spill_value value{};
  const wg_hash_key hash_key = dataplane->meta().hash_key;
  const uint64_t hash = wg_flow_hash(&hash_key, key.client, 1, key.client_port, key.protocol);
  const uint32_t mask = dataplane->sizes().flow_slots4 / WG_FLOW_WAYS - 1;
  const uint32_t slot = wg_flow_place_of(hash, mask, key.protocol).bucket1 * WG_FLOW_WAYS;
  put_flow4(slot, WG_FLOW_CLOSED | WG_FLOW_SPILLED | kTcp, 100);
  ASSERT_EQ(::bpf_map_update_elem(map("flow_spill").get(), &key, &value, BPF_ANY), 0);
  EXPECT_EQ(sweep().unspilled, 0u);
  EXPECT_EQ(control4(slot), kGeneration);
  EXPECT_EQ(control4(slot + 1), WG_FLOW_SPILLED);
  ASSERT_EQ(::bpf_map_delete_elem(map("flow_spill").get(), &key), 0);
  EXPECT_EQ(sweep().unspilled, 1u);
  EXPECT_EQ(control4(slot + 1), WG_FLOW_EMPTY);
}

TEST_F(FlowSweep, NeverTouchesASlotBeingFilled) {
  put_flow4(8, WG_FLOW_BUSY | kTcp, 100000);
  const SweepResult result = sweep();
  EXPECT_EQ(of(result, FlowTable::kFlows4).expired, 0u);
  EXPECT_EQ(of(result, FlowTable::kFlows4).by_state[WG_FLOW_BUSY], 1u);
  EXPECT_EQ(control4(8), kGeneration | kTag | WG_FLOW_BUSY | kTcp);
}

TEST_F(FlowSweep, AFlowSeenAfterTheClockWasReadIsYoung) {
  wg_flow4 flow{};
  flow.head.control = kGeneration | WG_FLOW_CLOSED | kTcp;
  flow.head.seen = now + 60 * jiffies_per_second();
  put<wg_flow_bucket4>("flows4", 3, flow);
  EXPECT_EQ(of(sweep(), FlowTable::kFlows4).expired, 0u);
}

TEST_F(FlowSweep, ReservationsOutliveTheirFlowsByTheLinger) {
  wg_snat4 reservation{};
  reservation.head.control = kGeneration | WG_FLOW_CLOSED | kTcp;
  reservation.head.seen = seen_before(10 + WG_SNAT_LINGER_S - 5);
  put<wg_snat_bucket4>("snat4", 5, reservation);
  reservation.head.seen = seen_before(10 + WG_SNAT_LINGER_S + 2);
  put<wg_snat_bucket4>("snat4", 6, reservation);
  const FlowOccupancy snat = of(sweep(), FlowTable::kSnat4);
  EXPECT_EQ(snat.expired, 1u);
  EXPECT_EQ(snat.live(), 1u);
}

// Puts a frontend where its hash says and answers its position.
uint32_t put_frontend4(const Dataplane& dataplane, const UniqueFd& table, uint32_t address, __be16 port, uint8_t kind) {
  const wg_hash_key key = dataplane.meta().hash_key;
  const auto hash = static_cast<uint32_t>(wg_frontend_hash(&key, &address, 1, port, WG_PROTOCOL_TCP));
  const uint32_t bucket = hash & (dataplane.sizes().plan.frontend_buckets4 - 1);
  wg_frontend_bucket4 content{};
  content.way[2] = {
      .address = address, .port = port, .protocol = WG_PROTOCOL_TCP, .kind = kind, .service = 1, .flags = 0};
  EXPECT_EQ(::bpf_map_update_elem(table.get(), &bucket, &content, BPF_ANY), 0);
  return bucket * WG_FRONTEND_WAYS + 2;
}

TEST_F(FlowSweep, FindsWhatLiveFlowsName) {
  const uint32_t position = put_frontend4(*dataplane, map("frontends4"), 0x0100600a, 0x5000, WG_FRONTEND_TOMBSTONE);
  put_flow4(0, WG_FLOW_ESTABLISHED | kTcp, 1, 77 | WG_FLOW_SNAT | 3u << WG_FLOW_SNAT_ADDRESS_SHIFT);
  put_flow4(1, WG_FLOW_CLOSED | kTcp, 100, 78);  // expired: names nothing
  wg_flow6 flow6{};
  flow6.head.control = kGeneration | WG_FLOW_ESTABLISHED | kUdp;
  flow6.head.seen = now;
  flow6.head.backend = 79;
  flow6.head.frontend = 1001;
  put<wg_flow_bucket6>("flows6", 511, flow6);
  const SweepResult result = sweep(true);
  const FlowReferences& references = result.references;
  EXPECT_EQ(std::ranges::count(references.backends, true), 2);
  EXPECT_TRUE(references.backends[77]);
  EXPECT_TRUE(references.backends[79]);
  EXPECT_EQ(std::ranges::count(references.frontends4, true), 1);
  EXPECT_TRUE(references.frontends4[position]);
  EXPECT_EQ(std::ranges::count(references.frontends6, true), 1);
  EXPECT_TRUE(references.frontends6[1001]);
}

TEST_F(FlowSweep, SpilledFlowsNameThingsToo) {
  const uint32_t position = put_frontend4(*dataplane, map("frontends4"), 0x0900600a, 0x5000, WG_FRONTEND_LIVE);
  wg_spill_key key{};
  key.other[0] = 0x0900600a;
  key.other_port = 0x5000;
  key.protocol = WG_PROTOCOL_TCP;
  key.direction = WG_SPILL_REQUEST;
  key.family = WG_IPV4;
  wg_spill_value value{};
  value.backend = 55;
  ASSERT_EQ(::bpf_map_update_elem(map("flow_spill").get(), &key, &value, BPF_ANY), 0);
  const SweepResult result = sweep(true);
  EXPECT_EQ(result.spilled, 1u);
  EXPECT_TRUE(result.references.backends[55]);
  EXPECT_TRUE(result.references.frontends4[position]);
}

TEST_F(FlowSweep, TheReaderShowsEveryFlow) {
  put_flow4(3, WG_FLOW_ESTABLISHED | kTcp, 42, 5);
  put_flow4(4, WG_FLOW_BUSY | kTcp, 1, 5);
  wg_snat4 reservation{};
  reservation.head.control = kGeneration | WG_FLOW_HALF_OPEN | kUdp;
  reservation.head.frontend = 0x0500000a;
  reservation.node[0] = 0x0600000a;
  put<wg_snat_bucket4>("snat4", 9, reservation);
  const auto reader = TableReader::open(root.path());
  ASSERT_TRUE(ok(reader));
  std::vector<FlowCopy> flows;
  const auto collect = [&flows](const FlowCopy& flow) { flows.push_back(flow); };
  ASSERT_TRUE(ok(reader->for_each_flow(FlowTable::kFlows4, collect)));
  ASSERT_TRUE(ok(reader->for_each_flow(FlowTable::kSnat4, collect)));
  ASSERT_EQ(flows.size(), 2u);
  EXPECT_EQ(flows[0].slot, 3u);
  EXPECT_EQ(flows[0].protocol(), WG_PROTOCOL_TCP);
  EXPECT_EQ(flows[0].client[0], 0x0200000au);
  EXPECT_EQ(flows[0].backend[0], 0x0300000au);
  EXPECT_EQ(flows[0].backend_id(), 5u);
  EXPECT_EQ(flow_state_name(flows[0].state()), "established");
  EXPECT_GE(flows[0].age_s(*reader->jiffies_now(), reader->meta().hz), 42u);
  EXPECT_EQ(flows[1].behind[0], 0x0500000au);
  EXPECT_EQ(flows[1].client[0], 0x0600000au);
}

// A writer that follows the programs' protocol: claim, body, publish; every word of a body says the same number.
void write_until(const std::atomic<bool>& stop, wg_flow4& slot) {
  for (uint32_t number = 1; !stop; ++number) {
    const uint32_t generation = (slot.head.control & WG_FLOW_GENERATION_MASK) + WG_FLOW_GENERATION_ONE;
    __atomic_store_n(&slot.head.control, generation | WG_FLOW_BUSY | kTcp, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&slot.head.frontend, number, __ATOMIC_RELAXED);
    __atomic_store_n(&slot.client[0], number, __ATOMIC_RELAXED);
    __atomic_store_n(&slot.backend_address[0], number, __ATOMIC_RELAXED);
    __atomic_store_n(&slot.head.control, generation | WG_FLOW_ESTABLISHED | kTcp, __ATOMIC_RELEASE);
  }
}

TEST(FlowEntry, ACopyIsNeverAMixtureOfTwoFlows) {
  wg_flow4 slot{};
  std::atomic<bool> stop = false;
  std::thread writer([&] { write_until(stop, slot); });
  uint32_t last = 0;
  uint64_t changes = 0;  // many only if both threads truly ran at once
  uint64_t mixtures = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);  // a busy machine sees fewer
  while (changes < 300'000 && std::chrono::steady_clock::now() < deadline) {
    const auto flow = copy_entry(&slot);
    if (!flow || flow->head.frontend == last) continue;
    last = flow->head.frontend;
    ++changes;
    const bool whole = flow->head.frontend == flow->client[0] && flow->client[0] == flow->backend_address[0];
    mixtures += whole ? 0 : 1;
  }
  stop = true;
  writer.join();
  EXPECT_EQ(mixtures, 0u);
}

TEST(FlowEntry, FreeingLosesAgainstAnyChange) {
  wg_flow4 slot{};
  slot.head.control = kGeneration | kTag | WG_FLOW_CLOSED | kTcp;
  const uint32_t verified = slot.head.control;
  slot.head.control = kGeneration | kTag | WG_FLOW_ESTABLISHED | kTcp;  // a packet came meanwhile
  EXPECT_FALSE(free_entry(&slot, verified));
  EXPECT_EQ(slot.head.control, kGeneration | kTag | WG_FLOW_ESTABLISHED | kTcp);
  EXPECT_TRUE(free_entry(&slot, slot.head.control));
  EXPECT_EQ(slot.head.control, kGeneration);
}

}  // namespace
}  // namespace waggle
