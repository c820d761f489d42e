// SPDX-License-Identifier: Apache-2.0
// Very many packets, right ones and spoiled ones, at every hook: nothing fails, nothing changes that may not change,
// and right checksums stay right. WAGGLE_TEST_SEED repeats a run, WAGGLE_TEST_PACKETS makes it longer.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "packet_case.h"
#include "support/random_packets.h"

namespace waggle {
namespace {

std::vector<std::string> addresses(const Places& at) {
  return {at.pod,        at.local_backend, at.remote_backend,   at.far_backend, at.outside,
          at.cluster_ip, at.cluster_ip2,   at.load_balancer_ip, at.node,        at.silent_backend};
}

bool quotes(const Bytes& packet) {
  const std::vector<Field> fields = fields_of(packet);
  return std::ranges::any_of(fields, [](const Field& field) { return field.name.starts_with("quoted"); });
}

class Random : public PacketTest {
 protected:
  void SetUp() override {
    PacketTest::SetUp();
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp}) serve_all({family, protocol});
    }
  }
  void serve_all(const Variant& variant) {
    const Places& at = places(variant.family);
    const std::string suffix =
        fmt::format("{}{}", static_cast<int>(variant.family), static_cast<int>(variant.protocol));
    serve({.name = "default/many" + suffix,
           .variant = variant,
           .cluster_ips = {at.cluster_ip},
           .load_balancer_ips = {at.load_balancer_ip},
           .endpoints = {at.local_backend, at.remote_backend, at.far_backend, at.silent_backend, at.pod}});
    serve({.name = "default/nobody" + suffix, .variant = variant, .cluster_ips = {at.cluster_ip2}});
    serve({.name = "default/same" + suffix,
           .variant = variant,
           .cluster_ips = {at.cluster_ip},
           .port = 81,
           .endpoints = {at.local_backend}});
  }
  static PacketPool pool() {
    PacketPool pool{.addresses4 = addresses(places(Family::kIpv4)),
                    .addresses6 = addresses(places(Family::kIpv6)),
                    .destinations4 = {places(Family::kIpv4).cluster_ip},
                    .destinations6 = {places(Family::kIpv6).cluster_ip},
                    .ports = {kServicePort, 81, kBackendPort, kClientPort},
                    .destination_ports = {kServicePort, 81}};
    for (uint16_t i = 0; i < 16; ++i) {
      pool.ports.push_back(static_cast<uint16_t>(rig().settings().snat_port_min + 4 * i));
    }
    return pool;
  }
  RunInput random_input();
  void note_translated(RunHook hook, const Bytes& packet);
  static std::string complaint(const RunInput& input, const RunOutput& output);

  const uint64_t seed_ = from_environment("WAGGLE_TEST_SEED", std::random_device{}());
  RandomPackets random_{seed_, pool()};
  std::vector<Bytes> answers_ = {};  // to some translated packets; a quarter of all packets are these
  std::map<RunHook, uint64_t> translated_ = {};
};

RunInput Random::random_input() {
  RunInput input;
  input.hook = random_.one_of<RunHook>({RunHook::kTcIngress, RunHook::kTcEgress, RunHook::kXdp});
  const bool is_xdp = input.hook == RunHook::kXdp;
  input.ifindex = random_.one_of<uint32_t>({kUplink, kUplink2, is_xdp ? kUplink : kPodLink});
  if (!is_xdp && random_.below(3) == 0) input.mark = rig().settings().snat_mark | random_.below(4);
  const bool answers = random_.below(4) == 0 && !answers_.empty();
  input.packet = answers ? random_.one_of(answers_) : random_.next();
  const size_t smallest = smallest_packet(input.hook, input.packet);
  if (input.packet.size() < smallest) input.packet.resize(smallest);
  // Half of what comes by an uplink is for the node itself: TC may send it on past the stack, as XDP does.
  if (input.ifindex != kPodLink && random_.below(2) == 0) {
    std::ranges::copy(input.ifindex == kUplink ? kUplinkMac : kUplink2Mac, input.packet.begin());
  }
  return input;
}

void Random::note_translated(RunHook hook, const Bytes& packet) {
  constexpr size_t kAnswers = 256;
  ++translated_[hook];
  if (answers_.size() < kAnswers) return answers_.push_back(turned_round(packet));
  answers_[random_.below(kAnswers)] = turned_round(packet);
}

std::string Random::complaint(const RunInput& input, const RunOutput& output) {
  const bool is_xdp = input.hook == RunHook::kXdp;
  const std::set<int> verdicts = is_xdp ? std::set<int>{XDP_PASS, XDP_TX, XDP_REDIRECT}
                                        : std::set<int>{TC_ACT_UNSPEC, TC_ACT_SHOT, TC_ACT_REDIRECT};
  if (!verdicts.contains(output.verdict)) return fmt::format("verdict {}", output.verdict);
  // An ICMP error is a new packet, all of it right whatever the offending one was.
  if (!is_xdp && quotes(output.packet) && !quotes(input.packet)) return wrong_checksums(output.packet);
  const bool forwards = output.verdict != (is_xdp ? static_cast<int>(XDP_PASS) : TC_ACT_UNSPEC);
  return broken_rule(input.packet, output.packet, forwards);
}

TEST_F(Random, PacketsNeverBreakAnything) {
  const uint64_t packets = from_environment("WAGGLE_TEST_PACKETS", 120'000);
  uint64_t sent_on = 0;  // past the stack
  SCOPED_TRACE(fmt::format("WAGGLE_TEST_SEED={}", seed_));
  for (uint64_t i = 0; i < packets; ++i) {
    const RunInput input = random_input();
    const auto output = rig().run_uncounted(input);
    ASSERT_TRUE(output) << output.error().message;
    ASSERT_EQ(complaint(input, *output), "") << "packet " << i << " at hook " << static_cast<int>(input.hook)
                                             << ", link " << input.ifindex << ", mark " << input.mark << "\n"
                                             << packet_difference(input.packet, output->packet);
    if (output->packet == input.packet) continue;
    note_translated(input.hook, output->packet);
    const bool is_answer = quotes(output->packet) && !quotes(input.packet);
    sent_on += input.hook == RunHook::kTcIngress && output->verdict == TC_ACT_REDIRECT && !is_answer;
  }
  // About a twelfth, a twenty-fifth and a fifteenth of all packets: the pool decides, not the seed.
  for (const RunHook hook : {RunHook::kTcIngress, RunHook::kTcEgress, RunHook::kXdp}) {
    EXPECT_GT(translated_[hook], packets / 40) << "hook " << static_cast<int>(hook) << ": most packets came to nothing";
  }
  EXPECT_GT(sent_on, packets / 1000) << "hardly anything went past the stack";
}

}  // namespace
}  // namespace waggle
