// SPDX-License-Identifier: Apache-2.0
// Two CPUs hammer one flow table of 64 slots: no lookup may ever answer another flow's translation, no flow may be
// there twice. WAGGLE_TEST_OPERATIONS makes it longer.
#include "bpf/flow_stress.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/jiffies.h"
#include "waggle/abi/settings.h"

namespace waggle {
namespace {

constexpr uint64_t kOperations = 24'000'000;  // of both CPUs together
constexpr uint32_t kBurst = 50'000;

struct Load {
  uint32_t buckets = 8;
  uint32_t flows = 96;
};

using Object = std::unique_ptr<bpf_object, decltype([](bpf_object* object) { ::bpf_object__close(object); })>;

// Puts `value` into the variable `name` of .rodata.
template <typename T>
void set_variable(const bpf_object* object, const std::string& name, const T& value) {
  const bpf_map* rodata = ::bpf_object__find_map_by_name(object, ".rodata");
  const btf* types = ::bpf_object__btf(object);
  const auto* section =
      ::btf__type_by_id(types, static_cast<uint32_t>(::btf__find_by_name_kind(types, ".rodata", BTF_KIND_DATASEC)));
  size_t size = 0;
  auto* bytes = static_cast<char*>(const_cast<void*>(::bpf_map__initial_value(const_cast<bpf_map*>(rodata), &size)));
  for (uint32_t i = 0; i < ::btf_vlen(section); ++i) {
    const btf_var_secinfo& variable = ::btf_var_secinfos(section)[i];
    const char* found = ::btf__name_by_offset(types, ::btf__type_by_id(types, variable.type)->name_off);
    if (name == found) std::memcpy(bytes + variable.offset, &value, sizeof(value));
  }
}

wg_settings stress_settings(const Load& load) {
  wg_settings settings{};
  std::random_device random;
  settings.hash_key = {uint64_t{random()} << 32 | random(), uint64_t{random()} << 32 | random()};
  settings.flows4_mask = load.buckets - 1;
  settings.hz = jiffies_per_second();
  for (uint32_t& lifetime : settings.flow_lifetime_s) lifetime = 3600;
  return settings;
}

Object open_stress(const char* path, const Load& load) {
  Object object(::bpf_object__open_file(path, nullptr));
  if (!object) return object;
  set_variable(object.get(), "settings", stress_settings(load));
  set_variable(object.get(), "stress_flows", load.flows);
  ::bpf_map__set_max_entries(::bpf_object__find_map_by_name(object.get(), "flows4"), load.buckets);
  if (::bpf_object__load(object.get()) != 0) object.reset();
  return object;
}

// One CPU's part of the operations.
void hammer(int program, int cpu, uint64_t operations) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(cpu, &cpus);
  ASSERT_EQ(::sched_setaffinity(0, sizeof(cpus), &cpus), 0) << "this test needs two CPUs";
  std::array<uint8_t, 64> frame{};
  for (uint64_t done = 0; done < operations; done += kBurst) {
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_size_in = frame.size(), .repeat = kBurst);
    ASSERT_EQ(::bpf_prog_test_run_opts(program, &options), 0);
    ASSERT_EQ(options.retval, 2u) << "XDP_PASS";
  }
}

stress_counters run(const char* path, const Load& load, uint64_t operations) {
  const Object object = open_stress(path, load);
  EXPECT_TRUE(object) << path << ": not loaded (needs root)";
  if (!object) return {};
  const int program = ::bpf_program__fd(::bpf_object__find_program_by_name(object.get(), "stress_once"));
  std::thread other(hammer, program, 1, operations / STRESS_CPUS);
  hammer(program, 0, operations / STRESS_CPUS);
  other.join();
  stress_counters sum{};
  for (uint32_t cpu = 0; cpu < STRESS_CPUS; ++cpu) {
    std::array<uint64_t, sizeof(sum) / sizeof(uint64_t)> part{};
    const int map = ::bpf_object__find_map_fd_by_name(object.get(), "stress");
    EXPECT_EQ(::bpf_map_lookup_elem(map, &cpu, part.data()), 0);
    for (size_t i = 0; i < part.size(); ++i) reinterpret_cast<uint64_t*>(&sum)[i] += part[i];
  }
  return sum;
}

std::string text_of(const stress_counters& sum) {
  std::string text;
  const auto add = [&text](const char* name, uint64_t count) { text += std::string(name) + std::to_string(count); };
  add("operations ", sum.operations);
  add(", requests found ", sum.requests_found);
  add(", replies found ", sum.replies_found);
  add(", replies missed ", sum.replies_missed);
  add(", inserted ", sum.inserted);
  add(", evicted ", sum.evicted);
  add(", found by the second look ", sum.found_by_second_look);
  add(", busy ", sum.busy);
  add(", deleted ", sum.deleted);
  add(", mixed ", sum.mixed);
  add(", duplicates ", sum.duplicates);
  return text;
}

uint64_t operations() {
  const char* wanted = std::getenv("WAGGLE_TEST_OPERATIONS");
  return wanted == nullptr ? kOperations : std::strtoull(wanted, nullptr, 10);
}

TEST(FlowStress, NoLookupEverAnswersAMixtureAndNoFlowIsThereTwice) {
  const uint64_t each = operations() / 3 / kBurst / STRESS_CPUS * kBurst * STRESS_CPUS;
  // Some evictions; evictions all the time; two buckets that everyone wants.
  for (const Load load : {Load{8, 96}, Load{8, 256}, Load{2, 24}}) {
    const stress_counters sum = run(WAGGLE_FLOW_STRESS, load, each);
    std::printf("%u buckets, %u flows: %s\n", load.buckets, load.flows, text_of(sum).c_str());
    EXPECT_EQ(sum.operations, each);
    EXPECT_EQ(sum.mixed, 0u) << text_of(sum);
    EXPECT_EQ(sum.duplicates, 0u) << text_of(sum);
    EXPECT_GT(sum.evicted, sum.operations / 100) << text_of(sum);
    EXPECT_GT(sum.replies_found, sum.operations / 100) << text_of(sum);
    EXPECT_GT(sum.found_by_second_look, 0u) << "the CPUs never met: this shows nothing";
  }
}

// The same without verification, until the fault shows: if the stress could not find it, it would prove nothing.
TEST(FlowStress, WithoutVerificationItFindsMixtures) {
  uint64_t mixed = 0;
  for (int round = 0; round < 100 && mixed == 0; ++round) {
    mixed = run(WAGGLE_FLOW_STRESS_UNVERIFIED, {2, 24}, 20 * kBurst).mixed;
  }
  EXPECT_GT(mixed, 0u);
}

}  // namespace
}  // namespace waggle
