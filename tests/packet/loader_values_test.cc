// SPDX-License-Identifier: Apache-2.0
// Single values between user space and the programs: links and addresses, counters, the clock, sizes.
#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "base/unique_fd.h"
#include "dataplane/jiffies.h"
#include "dataplane/libbpf_log.h"
#include "dataplane/table_reader.h"
#include "loader_sandbox.h"

namespace waggle {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

struct Values : testing::Test {
  ScratchBpfRoot root;
  [[nodiscard]] fs::path pin(const char* name) const { return root.path() / "waggle/maps" / name; }
};

wg_link link_of(uint32_t ifindex, uint8_t snat4) {
  return {.ifindex = ifindex, .flags = 0, .snat4 = snat4, .snat6 = WG_NO_ADDRESS, .reserved = 0};
}

TEST_F(Values, LinksTakeTheirPlaceOrTheNextFreeOnes) {
  auto dataplane = Dataplane::open(small_config(root));
  ASSERT_TRUE(ok(dataplane));
  for (uint32_t i = 0; i < WG_LINK_PROBES; ++i) ASSERT_TRUE(ok(dataplane->set_link(link_of(255 + i * WG_LINKS, 1))));
  const auto full = dataplane->set_link(link_of(255 + 9 * WG_LINKS, 1));
  ASSERT_FALSE(full);
  EXPECT_THAT(full.error().message, HasSubstr("taken by other links"));
  ASSERT_TRUE(ok(dataplane->set_link(link_of(255 + WG_LINKS, 2))));  // a change keeps the place
  dataplane->clear_link(255);
  ASSERT_TRUE(ok(dataplane->set_link(link_of(255 + 2 * WG_LINKS, 3))));  // not into the place that became free

  const auto control = TableReader::open(root.path())->control();
  ASSERT_TRUE(ok(control));
  EXPECT_EQ(control->link[255].ifindex, 0u);
  EXPECT_EQ(control->link[0].ifindex, 255 + WG_LINKS);
  EXPECT_EQ(control->link[0].snat4, 2);
  EXPECT_EQ(control->link[1].ifindex, 255 + 2 * WG_LINKS);
  EXPECT_EQ(control->link[1].snat4, 3);
  EXPECT_EQ(control->link[2].ifindex, 255 + 3 * WG_LINKS);
}

TEST_F(Values, ControlHoldsSnatAddressesAndTheEpoch) {
  auto dataplane = Dataplane::open(small_config(root));
  ASSERT_TRUE(ok(dataplane));
  ASSERT_TRUE(ok(dataplane->set_snat_address(WG_IPV4, 15, {0x0100000a})));
  ASSERT_TRUE(ok(dataplane->set_snat_address(WG_IPV6, 0, {1, 2, 3, 4})));
  EXPECT_FALSE(dataplane->set_snat_address(WG_IPV4, WG_SNAT_ADDRESSES, {1}));
  dataplane->bump_nexthop_epoch();
  dataplane->bump_nexthop_epoch();
  const auto control = TableReader::open(root.path())->control();
  ASSERT_TRUE(ok(control));
  EXPECT_EQ(control->snat_address4[15], 0x0100000au);
  EXPECT_THAT(control->snat_address6[0], testing::ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(control->nexthop_epoch, 2u);
}

wg_prefix prefix_of(uint32_t address, uint32_t mask) { return {.address = {address}, .mask = {mask}}; }

TEST_F(Values, ControlHoldsWhoIsALocalPodAndWhichAddressesAreServices) {
  auto dataplane = Dataplane::open(small_config(root));
  ASSERT_TRUE(ok(dataplane));
  dataplane->set_detector({.detector = WG_DETECT_CIDR, .pod_cidrs = {prefix_of(10, 0xff), std::nullopt}});
  const std::vector<wg_prefix> many(WG_SERVICE_CIDRS + 2, prefix_of(11, 0xff));
  EXPECT_EQ(dataplane->set_service_cidrs(WG_IPV4, many), 2u);
  EXPECT_EQ(dataplane->set_service_cidrs(WG_IPV6, std::vector{prefix_of(1, 0xff), prefix_of(2, 0xff)}), 0u);
  EXPECT_EQ(dataplane->set_service_cidrs(WG_IPV6, std::vector{prefix_of(2, 0xff)}), 0u);
  auto control = TableReader::open(root.path())->control();
  ASSERT_TRUE(ok(control));
  EXPECT_EQ(control->detector, static_cast<uint32_t>(WG_DETECT_CIDR));
  EXPECT_THAT(control->has_pod_cidr, testing::ElementsAre(1, 0));
  EXPECT_EQ(control->pod_cidr[WG_IPV4].address[0], 10u);
  EXPECT_THAT(control->service_cidr_count, testing::ElementsAre(WG_SERVICE_CIDRS, 1));
  EXPECT_EQ(control->service_cidr[WG_IPV4][WG_SERVICE_CIDRS - 1].address[0], 11u);
  EXPECT_EQ(control->service_cidr[WG_IPV6][0].address[0], 2u);

  dataplane->set_detector({});
  control = TableReader::open(root.path())->control();
  EXPECT_EQ(control->detector, static_cast<uint32_t>(WG_DETECT_NONE));
  EXPECT_THAT(control->has_pod_cidr, testing::ElementsAre(0, 0));
}

TEST_F(Values, CountersAreSummedOverTheCpus) {
  const auto dataplane = Dataplane::open(small_config(root));
  ASSERT_TRUE(ok(dataplane));
  const UniqueFd services(::bpf_obj_get(pin("service_counters").c_str()));
  const UniqueFd reasons(::bpf_obj_get(pin("reason_counters").c_str()));
  const auto cpus = static_cast<size_t>(::sysconf(_SC_NPROCESSORS_CONF));
  const std::vector<wg_service_counter> copies(cpus, wg_service_counter{1, 20, 3, 40, 5});
  const std::vector<uint64_t> ones(cpus, 1);
  const uint32_t index = 7;
  ASSERT_EQ(::bpf_map_update_elem(services.get(), &index, copies.data(), BPF_ANY), 0);
  ASSERT_EQ(::bpf_map_update_elem(reasons.get(), &index, ones.data(), BPF_ANY), 0);
  const auto sum = dataplane->service_counter(index);
  ASSERT_TRUE(ok(sum));
  EXPECT_EQ(sum->request_bytes, 20 * cpus);
  EXPECT_EQ(sum->new_flows, 5 * cpus);
  EXPECT_EQ(dataplane->reason_counters()->at(index), cpus);
  EXPECT_FALSE(dataplane->service_counter(128));
}

// Indexes are used again, so the counts go with the name.
TEST_F(Values, AServiceThatGoesTakesItsCountsWithIt) {
  auto dataplane = Dataplane::open(small_config(root));
  ASSERT_TRUE(ok(dataplane));
  const UniqueFd services(::bpf_obj_get(pin("service_counters").c_str()));
  const auto cpus = static_cast<size_t>(::sysconf(_SC_NPROCESSORS_CONF));
  const std::vector<wg_service_counter> copies(cpus, wg_service_counter{1, 20, 3, 40, 5});
  const uint32_t index = 7;
  Write name{.table = Table::kServiceNames, .index = index, .name = std::make_shared<wg_service_name>()};
  ASSERT_TRUE(ok(dataplane->tables().apply(name)));
  ASSERT_EQ(::bpf_map_update_elem(services.get(), &index, copies.data(), BPF_ANY), 0);
  ASSERT_TRUE(ok(dataplane->tables().apply(name)));
  EXPECT_EQ(dataplane->service_counter(index)->new_flows, 5 * cpus) << "another port number, the same service";
  name.name = nullptr;
  ASSERT_TRUE(ok(dataplane->tables().apply(name)));
  EXPECT_EQ(dataplane->service_counter(index)->new_flows, 0u);
  EXPECT_EQ(dataplane->service_counter(index)->request_bytes, 0u);
}

// Against the coarse clock, which the same tick drives.
TEST(Jiffies, TickAsOftenAsTheySay) {
  const auto clock = JiffiesClock::open();
  ASSERT_TRUE(ok(clock));
  const uint32_t hz = jiffies_per_second();
  EXPECT_TRUE(hz >= 24 && hz <= 1200) << hz;
  const auto start = std::chrono::steady_clock::now();
  const uint32_t first = *clock->now();
  uint32_t last = first;
  while (last - first < hz / 5) last = *clock->now();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_GE(seconds * hz, last - first - 1.0);  // never faster than real time; a loaded machine may only be late
}

TEST(LibbpfLog, TellsTheProgramAndTheVerifiersLastWords) {
  const std::string log =
      "libbpf: prog 'tc_egress': BPF program load failed: Invalid argument\n"
      "libbpf: prog 'tc_egress': -- BEGIN PROG LOAD LOG --\n"
      "0: R1=ctx(off=0,imm=0) R10=fp0\n"
      "0: (85) call unknown#212\n"
      "invalid func unknown#212\n"
      "processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n"
      "-- END PROG LOAD LOG --\n"
      "libbpf: prog 'tc_egress': failed to load: -22\n"
      "libbpf: failed to load object 'tc_lb'\n";
  EXPECT_EQ(summarize_libbpf_log(log), "program tc_egress: invalid func unknown#212");
  EXPECT_EQ(summarize_libbpf_log("libbpf: elf: broken\n"), "libbpf: elf: broken");
  EXPECT_EQ(summarize_libbpf_log(""), "");
}

TEST(Sizes, GrowWithMemoryInPowersOfTwo) {
  constexpr uint64_t kGiB = 1ull << 30;
  EXPECT_EQ(default_sizes(kGiB / 4).flow_slots4, 1u << 16);
  EXPECT_EQ(default_sizes(24 * kGiB).flow_slots4, 1u << 20);
  EXPECT_EQ(default_sizes(24 * kGiB).flow_slots6, 1u << 19);
  EXPECT_EQ(default_sizes(24 * kGiB).snat_slots4, 1u << 18);
  EXPECT_EQ(default_sizes(4096 * kGiB).flow_slots4, 1u << 22);
  EXPECT_TRUE(ok(check_sizes(default_sizes(total_memory_bytes()))));
}

}  // namespace
}  // namespace waggle
