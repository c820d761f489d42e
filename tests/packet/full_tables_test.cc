// SPDX-License-Identifier: Apache-2.0
// Tables at their limits: more flows than slots, more frontends than a bucket holds.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <map>
#include <set>

#include "packet_case.h"
#include "plan/dump.h"
#include "waggle/abi/frontend.h"

namespace waggle {
namespace {

constexpr uint32_t kSlots = 64;

class FullTable : public testing::TestWithParam<Variant> {
 protected:
  void SetUp() override {
    RigOptions options;
    options.sizes.flow_slots4 = options.sizes.flow_slots6 = kSlots;
    auto opened = ProgramRig::open(options);
    ASSERT_TRUE(opened) << opened.error().message;
    rig = std::move(*opened);
    ASSERT_TRUE(rig->apply(events_of(
        {.variant = GetParam(), .cluster_ips = {at.cluster_ip}, .endpoints = {at.local_backend, at.local_backend2}})));
  }
  RunOutput ask(uint16_t port, uint8_t flags = kSyn) {
    const PacketSpec spec = packet(port, flags);
    return rig->run({.packet = build(spec)}).value();
  }
  [[nodiscard]] PacketSpec packet(uint16_t port, uint8_t flags) const {
    return {.source = at.pod,
            .destination = at.cluster_ip,
            .protocol = GetParam().protocol,
            .source_port = port,
            .destination_port = kServicePort,
            .tcp_flags = flags};
  }
  // The backend that `asked` went to answers; the source the client sees.
  std::string answer(uint16_t port, const RunOutput& asked) {
    PacketSpec spec = packet(port, kSyn | kAck);
    spec.source = destination_of(asked.packet);
    spec.source_port = kBackendPort;
    spec.destination = at.pod;
    spec.destination_port = port;
    return source_of(rig->run({.hook = RunHook::kTcEgress, .packet = build(spec)}).value().packet);
  }
  [[nodiscard]] size_t flows() const {
    return rig->flows(GetParam().ipv6() ? FlowTable::kFlows6 : FlowTable::kFlows4).size();
  }
  Reasons reasons() { return rig->reasons(WG_HOOK_TC); }

  const Places& at = places(GetParam().family);
  std::unique_ptr<ProgramRig> rig;
};
INSTANTIATE_TEST_SUITE_P(, FullTable, kTcVariants, variant_name);

TEST_P(FullTable, NewFlowsEvictOldOnesAndTheEvictionsAreCounted) {
  for (uint16_t port = 1000; port < 1400; ++port) {
    const RunOutput asked = ask(port);
    EXPECT_EQ(asked.verdict, TC_ACT_UNSPEC);
    EXPECT_EQ(port_of(asked.packet, "destination port"), kBackendPort);
    EXPECT_EQ(answer(port, asked), at.cluster_ip);
  }
  EXPECT_EQ(flows(), kSlots);
  EXPECT_EQ(reasons()["evicted-live"], 400 - kSlots);
  EXPECT_EQ(rig->spilled(), 0u);
}

TEST_P(FullTable, AFloodOfHalfOpenFlowsEvictsItsOwnKindFirst) {
  std::map<uint16_t, RunOutput> established;
  for (uint16_t port = 1000; port < 1016; ++port) {
    established[port] = ask(port);
    EXPECT_EQ(answer(port, established[port]), at.cluster_ip);
  }
  for (uint16_t port = 2000; port < 2400; ++port) ask(port);
  for (auto& [port, asked] : established) {
    EXPECT_EQ(answer(port, asked), at.cluster_ip) << "port " << port << " was evicted";
  }
}

TEST_P(FullTable, ExpiredFlowsMakeRoomWithoutCountingAsEvictions) {
  for (uint16_t port = 1000; port < 1400; ++port) ask(port);
  const uint64_t evicted = reasons()["evicted-live"];
  rig->age_flows(3600);
  for (uint16_t port = 3000; port < 3020; ++port) ask(port);
  EXPECT_EQ(reasons()["evicted-live"], evicted);
}

class Frontends : public VariantTest {
 protected:
  // As many addresses as asked for whose frontend belongs into this bucket: the key of the hash is another every run,
  // and it spreads a run of addresses so evenly that often no bucket overflows by itself.
  // Each ClusterIP also has an entry for the whole address: those get places away from the buckets in question.
  [[nodiscard]] std::vector<std::string> addresses_of_bucket(uint32_t bucket, size_t count);
  [[nodiscard]] uint32_t bucket_of(const std::string& address, uint16_t port, uint8_t protocol) const;
  [[nodiscard]] bool takes_place_aside(const std::string& address);
  [[nodiscard]] std::string address_number(uint32_t number) const {
    if (GetParam().ipv6()) return fmt::format("fd00:96::2:{:x}", number);
    return fmt::format("10.98.{}.{}", number >> 8, number & 0xff);
  }
  [[nodiscard]] uint32_t bucket_mask() const {
    return GetParam().ipv6() ? rig().settings().frontends6_mask : rig().settings().frontends4_mask;
  }
  std::set<uint32_t> overflowed_buckets();

 private:
  std::map<uint32_t, uint32_t> aside_;  // whole-address entries by bucket
};
INSTANTIATE_TEST_SUITE_P(, Frontends, kTcVariants, variant_name);

uint32_t Frontends::bucket_of(const std::string& address, uint16_t port, uint8_t protocol) const {
  const wg_hash_key key = rig().settings().hash_key;
  const auto words = address_of(address).words();
  const uint32_t count = GetParam().ipv6() ? WG_ADDRESS_WORDS : 1;
  return static_cast<uint32_t>(wg_frontend_hash(&key, words.data(), count, htons(port), protocol)) & bucket_mask();
}

// True: the whole-address entry finds room in its own bucket, which is none of those the frontends fill.
bool Frontends::takes_place_aside(const std::string& address) {
  const uint32_t bucket = bucket_of(address, WG_FRONTEND_ANY_PORT, WG_FRONTEND_ANY_PROTOCOL);
  if (bucket <= WG_FRONTEND_PROBES || bucket == bucket_mask() || aside_[bucket] == WG_FRONTEND_WAYS) return false;
  ++aside_[bucket];
  return true;
}

std::vector<std::string> Frontends::addresses_of_bucket(uint32_t bucket, size_t count) {
  std::vector<std::string> found;
  for (uint32_t number = 1; found.size() < count && number < 65536; ++number) {
    const std::string address = address_number(number);
    const bool leads = bucket_of(address, kServicePort, static_cast<uint8_t>(GetParam().protocol)) == bucket;
    if (leads && takes_place_aside(address)) found.push_back(address);
  }
  return found;
}

std::set<uint32_t> Frontends::overflowed_buckets() {
  const auto frontends = frontends_view(rig().tables(), GetParam().family).value();
  std::set<uint32_t> buckets;
  for (const FrontendView& view : frontends) {
    if (view.overflow) buckets.insert(view.position / WG_FRONTEND_WAYS);
  }
  return buckets;
}

// One bucket's frontends take all its probes, round the end of the table, and push the next bucket's own past them.
TEST_P(Frontends, ThatOverflowTheirBucketAreFound) {
  constexpr size_t kOneBucketAtMost = WG_FRONTEND_WAYS * WG_FRONTEND_PROBES;
  std::vector<std::string> frontends = addresses_of_bucket(bucket_mask(), kOneBucketAtMost);
  for (const std::string& pushed : addresses_of_bucket(0, WG_FRONTEND_WAYS)) frontends.push_back(pushed);
  ASSERT_EQ(frontends.size(), kOneBucketAtMost + WG_FRONTEND_WAYS);
  std::map<std::string, std::string> backends;
  for (const std::string& frontend : frontends) {
    const size_t number = backends.size() + 1;
    const std::string backend =
        GetParam().ipv6() ? fmt::format("2001:db8:f1::2:{:x}", number) : fmt::format("10.244.1.{}", number);
    serve({.name = fmt::format("default/s{}", number),
           .variant = GetParam(),
           .cluster_ips = {frontend},
           .endpoints = {backend}});
    backends[frontend] = backend;
  }
  ASSERT_EQ(overflowed_buckets(), (std::set<uint32_t>{0, 1, 2, 3, 4, 5, 6, bucket_mask()}));
  for (const auto& [frontend, backend] : backends) {
    EXPECT_EQ(backend_of({.packet = build(request(at().pod, frontend))}), backend);
    PacketSpec other_port = request(at().pod, frontend);
    other_port.destination_port += 1;
    EXPECT_EQ(run({.packet = build(other_port)}).reasons, (Reasons{{"not-service", 1}}));
  }
}

}  // namespace
}  // namespace waggle
