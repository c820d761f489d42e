// SPDX-License-Identifier: Apache-2.0
// The whole XDP program, natively under the sanitizers, on tables the real planner wrote and on very many packets. Each
// ends where its memory ends: one byte too far is a fault. WAGGLE_TEST_SEED repeats a run.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/mman.h>

#include <cstring>

#include "flow_table.h"
#include "support/plan_rig.h"
#include "support/random_packets.h"
#include "waggle/abi/frontend.h"

namespace waggle {
namespace {

constexpr uint32_t kUplinkIndex = 21;
constexpr size_t kPage = 4096;

// Two pages below 4 GiB (pointers of a BPF context have 32 bits); the second may not be touched.
class FrameMemory {
 public:
  FrameMemory()
      : pages_(static_cast<uint8_t*>(
            ::mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0))) {
    EXPECT_NE(pages_, MAP_FAILED);
    EXPECT_EQ(::mprotect(pages_ + kPage, kPage, PROT_NONE), 0);
  }
  ~FrameMemory() { ::munmap(pages_, 2 * kPage); }
  FrameMemory(const FrameMemory&) = delete;
  FrameMemory& operator=(const FrameMemory&) = delete;

  int run(Bytes& packet) {
    uint8_t* frame = pages_ + kPage - packet.size();
    std::memcpy(frame, packet.data(), packet.size());
    const int verdict = native_xdp(frame, static_cast<uint32_t>(packet.size()), kUplinkIndex);
    std::memcpy(packet.data(), frame, packet.size());
    return verdict;
  }

 private:
  uint8_t* pages_;
};

constexpr native_sizes kSizes = {
    .frontends = 64, .services = 64, .slots = 256, .backends = 256, .gate_words = 64, .flows = 16, .snat = 16};

class XdpNatively : public testing::Test {
 protected:
  XdpNatively()
      : plan_({.frontend_buckets4 = kSizes.frontends,
               .frontend_buckets6 = kSizes.frontends,
               .services = kSizes.services,
               .slots = kSizes.slots,
               .backends = kSizes.backends,
               .reply_gate_words = kSizes.gate_words,
               .frontend_gate_words = kSizes.gate_words},
              "node1") {}

  void SetUp() override {
    start_tables(kSizes.flows, static_cast<uint32_t>(seed_));
    std::memcpy(const_cast<wg_settings*>(native_settings()), &plan_.config.hash_key, sizeof(wg_hash_key));
    serve();
    copy_tables();
    prepare_node();
  }
  void serve();
  void copy_tables();
  static void prepare_node();
  PacketPool pool();

  const uint64_t seed_ = from_environment("WAGGLE_TEST_SEED", std::random_device{}());
  PlanRig plan_;
  FrameMemory memory_;
};

void XdpNatively::serve() {
  for (const char* family : {"10.96.0.", "fd00::"}) {
    const bool ipv4 = family[2] == '.';
    const std::string backend = ipv4 ? "10.244.0." : "2001:db8::";
    for (int i = 1; i <= 12; ++i) {
      const std::string name = "default/s" + std::string(ipv4 ? "4" : "6") + std::to_string(i);
      const std::vector<EndpointPort> ports = {{"t", Protocol::kTcp, 8080}, {"u", Protocol::kUdp, 8080}};
      // Backends are shared, so that replies look alike; the last service has none.
      std::vector<Endpoint> endpoints = {endpoint(backend + std::to_string(i / 2), i / 2 % 2 == 0 ? "node1" : "node2")};
      if (i == 12) endpoints.clear();
      EndpointSlice slice = slice_object(name, "-1", endpoints, ports);
      slice.family = ipv4 ? Family::kIpv4 : Family::kIpv6;
      plan_.apply({service_object(name, {family + std::to_string(i)}, {tcp_port("t", 80), udp_port("u", 80)}), slice});
    }
  }
}

void XdpNatively::copy_tables() {
  for (const Table table : {Table::kFrontends4, Table::kFrontends6, Table::kServices, Table::kSlots, Table::kBackends,
                            Table::kFrontendGate, Table::kReplyGate}) {
    const auto bytes = plan_.store.bytes(table);
    std::memcpy(native_table_element(std::string(table_name(table)).c_str(), 0), bytes.data(), bytes.size());
  }
}

void XdpNatively::prepare_node() {
  wg_control* control = native_control();
  control->link[kUplinkIndex] = {kUplinkIndex, WG_LINK_UPLINK | WG_LINK_XDP, 0, 0, 0};
  control->snat_address4[0] = htonl(0xc0000201);
  control->snat_address6[0][0] = htonl(0x20010db8);
  control->snat_address6[0][3] = htonl(1);
  bpf_fib_lookup route{};
  route.ifindex = kUplinkIndex;
  route.mtu_result = 1500;
  native_set_route(BPF_FIB_LKUP_RET_SUCCESS, &route);
}

PacketPool XdpNatively::pool() {
  PacketPool pool{.addresses4 = {"192.0.2.1"},
                  .addresses6 = {"2001:db8::1:0:1"},
                  .ports = {80, 80, 80, 80, 80, 80, 8080, 1000, 1001},
                  .destination_ports = {80}};
  for (int i = 1; i <= 12; ++i) {
    pool.destinations4.push_back("10.96.0." + std::to_string(i));
    pool.destinations6.push_back("fd00::" + std::to_string(i));
    pool.addresses4.push_back("10.244.0." + std::to_string(i / 2));
    pool.addresses6.push_back("2001:db8::" + std::to_string(i / 2));
    pool.addresses4.push_back("203.0.113." + std::to_string(i));
    pool.addresses6.push_back("2001:db8:cc::" + std::to_string(i));
  }
  for (uint16_t i = 0; i < 8; ++i) pool.ports.push_back(static_cast<uint16_t>(60416 + 100 * i));
  return pool;
}

TEST_F(XdpNatively, VeryManyPacketsBreakNothing) {
  const uint64_t packets = from_environment("WAGGLE_TEST_PACKETS", 200'000);
  SCOPED_TRACE("WAGGLE_TEST_SEED=" + std::to_string(seed_));
  RandomPackets random(seed_, pool());
  std::map<int, uint64_t> verdicts;
  uint64_t now = kStart, translated = 0;
  for (uint64_t i = 0; i < packets; ++i) {
    if (random.below(50) == 0) native_set_jiffies(now += random.below(10 * kHz));
    const Bytes in = random.next();
    Bytes out = in;
    const int verdict = memory_.run(out);
    ++verdicts[verdict];
    translated += in != out;
    ASSERT_TRUE(verdict == XDP_PASS || verdict == XDP_TX || verdict == XDP_REDIRECT) << verdict;
    ASSERT_EQ(broken_rule(in, out, verdict != XDP_PASS), "") << "packet " << i << "\n" << packet_difference(in, out);
  }
  EXPECT_GT(verdicts[XDP_TX], packets / 100) << "hardly anything was forwarded: this tests little";
  EXPECT_GT(translated - verdicts[XDP_TX], packets / 100) << "hardly anything went to local backends";
}

}  // namespace
}  // namespace waggle
