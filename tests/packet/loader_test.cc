// SPDX-License-Identifier: Apache-2.0
// Making, adopting and refusing the pinned tables.
#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include "base/unique_fd.h"
#include "dataplane/map_specs.h"
#include "dataplane/table_reader.h"
#include "loader_sandbox.h"
#include "waggle/abi/backend.h"
#include "waggle/abi/source_range.h"

namespace waggle {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

Write word_write(Table table, uint32_t index, uint16_t offset, uint64_t value) {
  Write write{.table = table, .offset = offset, .size = sizeof(value), .index = index, .name = nullptr};
  std::memcpy(write.bytes.data(), &value, sizeof(value));
  return write;
}

Write name_write(uint32_t index, const char* name) {
  auto value = std::make_shared<wg_service_name>();
  std::strncpy(value->name, name, sizeof(value->name) - 1);
  return {.table = Table::kServiceNames, .index = index, .name = std::move(value)};
}

uint64_t word_at(TableStore& store, Table table, size_t byte) {
  const auto content = store.content(table);
  uint64_t word = 0;
  EXPECT_TRUE(ok(content));
  if (content) std::memcpy(&word, content->data() + byte, sizeof(word));
  return word;
}

fs::path pin(const ScratchBpfRoot& root, const char* name) { return root.path() / "waggle/maps" / name; }

struct Loader : testing::Test {
  ScratchBpfRoot root;
};

TEST_F(Loader, PinsEveryTableWithItsConfiguredSize) {
  const auto dataplane = Dataplane::open(small_config(root));
  ASSERT_TRUE(ok(dataplane));
  EXPECT_FALSE(dataplane->adopted());
  EXPECT_TRUE(dataplane->sizes() == small_sizes());
  for (const auto& spec : map_specs(small_sizes())) EXPECT_TRUE(fs::exists(pin(root, spec.name.c_str()))) << spec.name;
  const auto reader = TableReader::open(root.path());
  ASSERT_TRUE(ok(reader));
  EXPECT_TRUE(reader->sizes() == small_sizes());
  EXPECT_EQ(reader->meta().abi_version, WG_ABI_VERSION);
  EXPECT_STREQ(reader->meta().node_name, "n1");
  EXPECT_EQ(reader->agent_pid(), ::getpid());
}

TEST_F(Loader, WritesLandWhereTheyBelong) {
  auto dataplane = Dataplane::open(small_config(root));
  ASSERT_TRUE(ok(dataplane));
  TableStore& store = dataplane->tables();
  ASSERT_TRUE(ok(store.apply(word_write(Table::kServices, 127, 8, 0x1122334455667788))));
  ASSERT_TRUE(ok(store.apply(word_write(Table::kReplyGate, 511, 0, 7))));
  ASSERT_TRUE(ok(store.apply(name_write(3, "web"))));
  EXPECT_EQ(word_at(store, Table::kServices, 127 * sizeof(wg_service) + 8), 0x1122334455667788u);
  EXPECT_EQ(word_at(store, Table::kReplyGate, 511 * 8), 7u);
  auto names = store.service_names();
  ASSERT_TRUE(ok(names));
  ASSERT_EQ(names->size(), 1u);
  EXPECT_EQ(names->front().first, 3u);
  EXPECT_STREQ(names->front().second.name, "web");
  ASSERT_TRUE(ok(store.wait_for_readers()));
  ASSERT_TRUE(ok(store.apply({.table = Table::kServiceNames, .index = 3, .name = nullptr})));
  EXPECT_TRUE(store.service_names()->empty());
}

Write range_write(uint32_t service, const char* range, bool admits) {
  const Cidr cidr = Cidr::parse(range).value();
  Write write{.table = Table::kSourceRanges,
              .prefix_length = cidr.prefix_length,
              .size = static_cast<uint16_t>(admits ? 16 : 0),
              .index = service,
              .name = nullptr};
  std::memcpy(write.bytes.data(), cidr.address.bytes.data(), write.bytes.size());
  return write;
}

// The longest prefix of the service alone that holds the source, as the programs ask.
bool admitted(int map_fd, uint32_t service, const char* source) {
  wg_source_range_key key{.prefix_bits = WG_SOURCE_RANGE_SERVICE_BITS + 128, .service = service, .address = {}};
  const auto words = IpAddress::parse(source)->words();
  std::memcpy(key.address, words.data(), sizeof key.address);
  wg_source_range_value value{};
  return ::bpf_map_lookup_elem(map_fd, &key, &value) == 0 && value.allowed == 1;
}

// Proves: K-75, K-76
TEST_F(Loader, SourceRangesAdmitTheirSourcesToTheirServiceAlone) {
  auto dataplane = Dataplane::open(small_config(root));
  ASSERT_TRUE(ok(dataplane));
  TableStore& store = dataplane->tables();
  for (const char* range : {"10.1.0.0/16", "10.1.2.0/24", "0.0.0.0/1"}) {
    ASSERT_TRUE(ok(store.apply(range_write(3, range, true))));
  }
  ASSERT_TRUE(ok(store.apply(range_write(4, "2001:db8::/32", true))));
  const UniqueFd map(::bpf_obj_get(pin(root, "source_ranges").c_str()));
  EXPECT_TRUE(admitted(map.get(), 3, "10.1.2.3"));
  EXPECT_FALSE(admitted(map.get(), 3, "192.168.0.1"));
  EXPECT_FALSE(admitted(map.get(), 4, "10.1.2.3"));
  EXPECT_TRUE(admitted(map.get(), 4, "2001:db8::7"));
  ASSERT_TRUE(ok(store.apply(range_write(3, "0.0.0.0/1", false))));
  ASSERT_TRUE(ok(store.apply(range_write(3, "0.0.0.0/1", false)))) << "gone already";
  EXPECT_FALSE(admitted(map.get(), 3, "11.0.0.1"));
  EXPECT_TRUE(admitted(map.get(), 3, "10.1.9.9"));
}

TEST_F(Loader, SourceRangesAreReadBackWhole) {
  auto dataplane = Dataplane::open(small_config(root));
  ASSERT_TRUE(ok(dataplane));
  EXPECT_TRUE(dataplane->tables().source_ranges()->empty());
  std::set<SourceRangeEntry> written;
  for (uint32_t service = 1; service <= 20; ++service) {
    for (const char* range : {"10.0.0.0/8", "10.0.0.0/16", "0.0.0.0/0"}) {
      ASSERT_TRUE(ok(dataplane->tables().apply(range_write(service, range, true))));
      const Cidr cidr = Cidr::parse(range).value();
      written.insert({service, cidr.prefix_length, cidr.address.bytes});
    }
  }
  auto reader = TableReader::open(root.path());
  ASSERT_TRUE(ok(reader));
  for (TableStore* store : {&dataplane->tables(), static_cast<TableStore*>(&*reader)}) {
    const auto found = store->source_ranges();
    ASSERT_TRUE(ok(found));
    EXPECT_EQ(found->size(), written.size());
    EXPECT_EQ(std::set(found->begin(), found->end()), written);
  }
}

TEST_F(Loader, RefusesWritesOutsideOfATable) {
  auto dataplane = Dataplane::open(small_config(root));
  ASSERT_TRUE(ok(dataplane));
  const auto beyond_table = dataplane->tables().apply(word_write(Table::kServices, 128, 0, 1));
  ASSERT_FALSE(beyond_table);
  EXPECT_THAT(beyond_table.error().message, AllOf(HasSubstr("services"), HasSubstr("element 128")));
  EXPECT_FALSE(dataplane->tables().apply(word_write(Table::kSlots, 0, 4, 1)));
  EXPECT_FALSE(dataplane->tables().apply(name_write(128, "far")));
}

TEST_F(Loader, AdoptsTablesWithContentKeyAndSizes) {
  wg_hash_key key{};
  {
    auto first = Dataplane::open(small_config(root));
    ASSERT_TRUE(ok(first));
    key = first->meta().hash_key;
    EXPECT_TRUE(key.k0 != 0 && key.k1 != 0);
    ASSERT_TRUE(ok(first->tables().apply(word_write(Table::kBackends, 255, 16, 42))));
    ASSERT_TRUE(ok(first->tables().apply(name_write(9, "kept"))));
  }
  DataplaneConfig config = small_config(root);
  config.sizes.flow_slots4 *= 2;
  config.snat_port_min = 20480;
  auto second = Dataplane::open(config);
  ASSERT_TRUE(ok(second));
  EXPECT_TRUE(second->adopted());
  EXPECT_EQ(second->meta().hash_key.k0, key.k0);
  EXPECT_EQ(second->meta().hash_key.k1, key.k1);
  EXPECT_EQ(word_at(second->tables(), Table::kBackends, 255 * sizeof(wg_backend) + 16), 42u);
  EXPECT_EQ(second->tables().service_names()->size(), 1u);
  EXPECT_EQ(second->sizes().flow_slots4, small_sizes().flow_slots4);
  EXPECT_EQ(second->meta().snat_port_min, DataplaneConfig{}.snat_port_min);
  EXPECT_THAT(second->notices(), testing::UnorderedElementsAre(AllOf(HasSubstr("flows4"), HasSubstr("waggle cleanup")),
                                                               HasSubstr("SNAT ports")));
}

TEST_F(Loader, TwoRootsGetDifferentHashKeys) {
  const ScratchBpfRoot other;
  const auto one = Dataplane::open(small_config(root));
  const auto two = Dataplane::open(small_config(other));
  ASSERT_TRUE(ok(one));
  ASSERT_TRUE(ok(two));
  EXPECT_NE(one->meta().hash_key.k0, two->meta().hash_key.k0);
}

TEST_F(Loader, RefusesTablesOfAnotherVersionAndLeavesThem) {
  ASSERT_TRUE(ok(Dataplane::open(small_config(root))));
  const UniqueFd meta_fd(::bpf_obj_get(pin(root, "meta").c_str()));
  const uint32_t zero = 0;
  wg_meta meta{};
  ASSERT_EQ(::bpf_map_lookup_elem(meta_fd.get(), &zero, &meta), 0);
  meta.abi_version = WG_ABI_VERSION + 1;
  ASSERT_EQ(::bpf_map_update_elem(meta_fd.get(), &zero, &meta, BPF_ANY), 0);

  const auto refused = Dataplane::open(small_config(root));
  ASSERT_FALSE(refused);
  const std::string words = "have version " + std::to_string(WG_ABI_VERSION + 1) + ", this program needs " +
                            std::to_string(WG_ABI_VERSION) + "; run `waggle cleanup` or keep the matching version";
  EXPECT_THAT(refused.error().message,
              AllOf(HasSubstr("tables at " + (root.path() / "waggle/maps").string()), HasSubstr(words)));
  EXPECT_TRUE(fs::exists(pin(root, "flows4")));
  const auto reader = TableReader::open(root.path());
  ASSERT_FALSE(reader);
  EXPECT_THAT(reader.error().message, HasSubstr(words));
}

TEST_F(Loader, RefusesATableOfAnotherShape) {
  ASSERT_TRUE(ok(Dataplane::open(small_config(root))));
  fs::remove(pin(root, "slots"));
  const UniqueFd other(::bpf_map_create(BPF_MAP_TYPE_ARRAY, "slots", 4, 64, 512, nullptr));
  ASSERT_EQ(::bpf_obj_pin(other.get(), pin(root, "slots").c_str()), 0);
  const auto refused = Dataplane::open(small_config(root));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("slots"), HasSubstr("64-byte values"), HasSubstr("cleanup")));
}

TEST_F(Loader, RefusesASecondOwnerUntilTheFirstIsGone) {
  {
    const auto first = Dataplane::open(small_config(root));
    ASSERT_TRUE(ok(first));
    const auto second = Dataplane::open(small_config(root));
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message, AllOf(HasSubstr("another agent (pid " + std::to_string(::getpid()) + ")"),
                                              HasSubstr((root.path() / "waggle").string())));
    EXPECT_FALSE(cleanup_dataplane(root.path()));
  }
  EXPECT_TRUE(ok(Dataplane::open(small_config(root))));
}

TEST_F(Loader, MountsABpfFileSystemOnAnEmptyDirectory) {
  const ScratchDirectory directory;
  DataplaneConfig config = small_config(root);
  config.bpf_root = directory.path() / "bpf";
  {
    const auto dataplane = Dataplane::open(config);
    ASSERT_TRUE(ok(dataplane));
    EXPECT_TRUE(fs::exists(config.bpf_root / "waggle/maps/meta"));
  }
  EXPECT_TRUE(ok(cleanup_dataplane(config.bpf_root)));
  EXPECT_EQ(::umount2(config.bpf_root.c_str(), MNT_DETACH), 0);
}

TEST_F(Loader, RefusesADirectoryWithOtherFiles) {
  const ScratchDirectory directory;
  std::ofstream(directory.path() / "notes.txt") << "mine";
  DataplaneConfig config = small_config(root);
  config.bpf_root = directory.path();
  const auto refused = Dataplane::open(config);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr(directory.path().string()), HasSubstr("not a BPF file system"),
                                             HasSubstr("mount -t bpf")));
  EXPECT_TRUE(fs::exists(directory.path() / "notes.txt"));
  const auto reader = TableReader::open(directory.path());
  ASSERT_FALSE(reader);
  EXPECT_THAT(reader.error().message, HasSubstr("not a BPF file system"));
}

TEST_F(Loader, RefusesSettingsThatDoNotFit) {
  DataplaneConfig config = small_config(root);
  config.sizes.flow_slots4 = 1000;
  EXPECT_THAT(Dataplane::open(config).error().message,
              AllOf(HasSubstr("flow slots (IPv4)"), HasSubstr("power of two")));
  config = small_config(root);
  config.snat_port_min = 62000;
  EXPECT_THAT(Dataplane::open(config).error().message, HasSubstr("SNAT ports"));
  config = small_config(root);
  config.snat_mark = 3;
  EXPECT_THAT(Dataplane::open(config).error().message, HasSubstr("SNAT mark"));
  EXPECT_FALSE(fs::exists(root.path() / "waggle"));
}

// A set without its `meta` is one whose making was interrupted.
TEST_F(Loader, MakesAnInterruptedSetAnew) {
  {
    auto first = Dataplane::open(small_config(root));
    ASSERT_TRUE(ok(first));
    ASSERT_TRUE(ok(first->tables().apply(word_write(Table::kSlots, 5, 0, 1))));
  }
  for (const char* name : {"meta", "service_names", "control"}) fs::remove(pin(root, name));
  auto second = Dataplane::open(small_config(root));
  ASSERT_TRUE(ok(second));
  EXPECT_FALSE(second->adopted());
  EXPECT_EQ(word_at(second->tables(), Table::kSlots, 5 * sizeof(wg_slot)), 0u);
  EXPECT_TRUE(fs::exists(pin(root, "meta")));
  EXPECT_THAT(second->notices(), testing::Contains(HasSubstr("slots of an interrupted start")));
}

TEST_F(Loader, AddsATableMissingFromAWholeSet) {
  {
    auto first = Dataplane::open(small_config(root));
    ASSERT_TRUE(ok(first));
    ASSERT_TRUE(ok(first->tables().apply(word_write(Table::kSlots, 5, 0, 1))));
  }
  fs::remove(pin(root, "nexthops"));
  auto second = Dataplane::open(small_config(root));
  ASSERT_TRUE(ok(second));
  EXPECT_TRUE(second->adopted());
  EXPECT_EQ(word_at(second->tables(), Table::kSlots, 5 * sizeof(wg_slot)), 1u);
  EXPECT_THAT(second->notices(), testing::ElementsAre(HasSubstr("nexthops was missing")));
}

TEST_F(Loader, SurvivesBeingKilledAtAnyPointOfAStart) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 20; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto opened = Dataplane::open(small_config(root));
      ::_exit(opened ? 0 : 1);
    }
    const auto moment = std::chrono::microseconds(random() % 20000);
    const auto until = std::chrono::steady_clock::now() + moment;
    while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    if (round % 4 != 3) continue;  // several kills may follow each other
    ASSERT_TRUE(ok(Dataplane::open(small_config(root))));
    ASSERT_TRUE(ok(cleanup_dataplane(root.path())));
  }
}

TEST_F(Loader, ReaderSaysWhenNothingIsThere) {
  const auto reader = TableReader::open(root.path());
  ASSERT_FALSE(reader);
  EXPECT_THAT(reader.error().message, HasSubstr("no tables at"));
}

TEST_F(Loader, ReaderWorksWithoutAnAgentAndWritesNothing) {
  {
    auto dataplane = Dataplane::open(small_config(root));
    ASSERT_TRUE(ok(dataplane));
    ASSERT_TRUE(ok(dataplane->tables().apply(word_write(Table::kSlots, 5, 0, 77))));
  }
  auto reader = TableReader::open(root.path());
  ASSERT_TRUE(ok(reader));
  EXPECT_EQ(reader->agent_pid(), 0);
  EXPECT_EQ(word_at(*reader, Table::kSlots, 5 * sizeof(wg_slot)), 77u);
  EXPECT_FALSE(reader->apply(word_write(Table::kSlots, 5, 0, 1)));
  EXPECT_TRUE(ok(reader->jiffies_now()));
  EXPECT_TRUE(ok(reader->nexthops()));
  EXPECT_EQ(reader->reason_counters()->size(), WG_REASON_COUNTERS);
  const auto maps = reader->maps();
  ASSERT_TRUE(ok(maps));
  EXPECT_EQ(maps->size(), map_specs(small_sizes()).size());
  for (const auto& map : *maps) {
    const bool grows = map.type == "lpm_trie";  // takes memory entry by entry; it has none yet
    EXPECT_EQ(map.memory_bytes == 0, grows) << map.name;
  }
}

TEST_F(Loader, CleanupRemovesEverything) {
  ASSERT_TRUE(ok(Dataplane::open(small_config(root))));
  const auto counts = cleanup_dataplane(root.path());
  ASSERT_TRUE(ok(counts));
  EXPECT_EQ(counts->maps, map_specs(small_sizes()).size());
  EXPECT_FALSE(fs::exists(root.path() / "waggle"));
  const auto again = cleanup_dataplane(root.path());
  ASSERT_TRUE(ok(again));
  EXPECT_EQ(again->maps, 0u);
}

}  // namespace
}  // namespace waggle
