// SPDX-License-Identifier: Apache-2.0
// Flows that XDP forwards alone, where TC must send a packet on: as XDP would, past the stack.
#include <fmt/format.h>

#include <cstdlib>

#include "packet_case.h"

namespace waggle {
namespace {

class Alone : public VariantTest {
 protected:
  // As it arrives at the first uplink.
  [[nodiscard]] static PacketSpec arriving(PacketSpec spec, const Mac& link = kUplinkMac) {
    spec.destination_mac = link;
    return spec;
  }
  [[nodiscard]] PacketSpec from_outside() const { return arriving(request(at().outside, at().load_balancer_ip)); }
  [[nodiscard]] static RunInput input(const PacketSpec& spec, uint32_t link = kUplink) {
    return {.ifindex = link, .packet = build(spec)};
  }
  // As it leaves but for the MAC addresses, which the kernel fills in when it knows the neighbour.
  [[nodiscard]] PacketSpec as_sent(const RunInput& input, const PacketSpec& in, const std::string& backend,
                                   const std::string& node) {
    PacketSpec out = to_backend(in, backend);
    out.source = node;
    out.source_port = port_of(run(input).packet, "source port");
    out.ttl -= 1;
    EXPECT_NE(out.source_port, in.source_port);
    return out;
  }
  // Sends it on, and answers how the backend sees it.
  PacketSpec send(const PacketSpec& in, const std::string& backend) {
    const PacketSpec out = as_sent(input(in), in, backend, at().node);
    expect("request", input(in), {.verdict = TC_ACT_REDIRECT, .packet = build(out)});
    return out;
  }
  // The first edge only: the stack and TC egress do the rest.
  void expect_by_the_stack(const std::string& what, const RunInput& input, const PacketSpec& in,
                           const std::string& backend) {
    expect(what, input, {.packet = build(to_backend(in, backend)), .mark = rig().settings().snat_mark});
  }
  void expect_by_the_stack(const std::string& what, const PacketSpec& in, const std::string& backend) {
    expect_by_the_stack(what, input(in), in, backend);
  }
  // The answer to `in`, as its client gets it.
  [[nodiscard]] static PacketSpec shown(const PacketSpec& in, const PacketSpec& reply) {
    PacketSpec spec = reply_to(in);
    spec.destination_mac = reply.destination_mac;
    spec.source_mac = reply.source_mac;
    spec.ttl = static_cast<uint8_t>(reply.ttl - 1);
    return spec;
  }
  // Of the backend that nobody answers for.
  void set_silent_neighbour(const char* command, const char* state) {
    const char* address = GetParam().ipv6() ? "2001:db8:1::99" : "192.0.2.99";
    ASSERT_EQ(std::system(fmt::format("ip neighbour {} {} dev uplink {}", command, address, state).c_str()), 0);
    rig().control().bump_nexthop_epoch();
  }
  void set_flags(uint32_t ifindex, uint8_t flags) {
    const auto index = static_cast<uint8_t>(ifindex == kUplink2);
    ASSERT_TRUE(
        rig().control().set_link({.ifindex = ifindex, .flags = flags, .snat4 = index, .snat6 = index, .reserved = 0}));
  }
};
INSTANTIATE_TEST_SUITE_P(, Alone, kTcVariants, variant_name);

TEST_P(Alone, ARequestIsSentOnThoughItsNeighbourIsNotKnown) {
  serve_on(at().silent_backend);
  const PacketSpec in = from_outside();
  const PacketSpec out = send(in, at().silent_backend);
  EXPECT_EQ(send(in, at().silent_backend).source_port, out.source_port) << "the same flow";
}

TEST_P(Alone, TheKernelTellsTheClientOfANeighbourThatDoesNotAnswer) {
  serve_on(at().silent_backend);
  const PacketSpec in = from_outside();
  const PacketSpec out = send(in, at().silent_backend);
  rig().age_waits(2);
  expect_by_the_stack("after two seconds", in, at().silent_backend);
  expect_by_the_stack("once more", in, at().silent_backend);
  rig().age_waits(11);
  EXPECT_EQ(send(in, at().silent_backend).source_port, out.source_port) << "long after";
  rig().age_waits(2);
  expect_by_the_stack("and then", in, at().silent_backend);
  set_silent_neighbour("replace", "lladdr 02:00:00:00:00:99 nud permanent");
  send(in, at().silent_backend);
  set_silent_neighbour("del", "");
  send(in, at().silent_backend);
}

// XDP has sent packets there in between: the neighbour answers after all.
TEST_P(Alone, ANeighbourThatIsLostTwiceIsAskedTwice) {
  if (GetParam().sctp()) return;
  serve_on(at().silent_backend);
  const PacketSpec in = from_outside();
  send(in, at().silent_backend);
  rig().age_waits(2);
  set_silent_neighbour("replace", "lladdr 02:00:00:00:00:99 nud permanent");
  EXPECT_EQ(run({.hook = RunHook::kXdp, .ifindex = kUplink, .packet = build(in)}).verdict, XDP_TX);
  set_silent_neighbour("del", "");
  send(in, at().silent_backend);
}

TEST_P(Alone, AReplyIsSentOnToItsClient) {
  serve_on(at().silent_backend);
  const PacketSpec in = from_outside();
  const PacketSpec reply = arriving(reply_to(send(in, at().silent_backend)));
  expect("reply", input(reply), {.verdict = TC_ACT_REDIRECT, .packet = build(shown(in, reply))});
  const FlowTable table = GetParam().ipv6() ? FlowTable::kFlows6 : FlowTable::kFlows4;
  EXPECT_EQ(std::string(flow_state_name(rig().flows(table).at(0).state())), "established");
  const wg_service_counter counted = rig().service_counter(view_of("default/web").index);
  EXPECT_EQ(counted.reply_packets, 1u);
  EXPECT_EQ(counted.request_packets, 2u);
  rig().forget_flows(table);
  expect("reply without a flow", input(reply),
         {.verdict = TC_ACT_SHOT, .packet = build(reply), .reasons = {{"snat-orphan", 1}}});
}

TEST_P(Alone, FromOneUplinkToAnother) {
  serve_on(at().far_backend);
  const PacketSpec in = from_outside();
  const PacketSpec out = as_sent(input(in), in, at().far_backend, at().node2);
  expect("request", input(in), {.verdict = TC_ACT_REDIRECT, .packet = build(out)});
  const PacketSpec reply = arriving(reply_to(out), kUplink2Mac);
  expect("reply", input(reply, kUplink2), {.verdict = TC_ACT_REDIRECT, .packet = build(shown(in, reply))});
}

// Two frontends, one client port, one backend: the second flow has another source port inside.
TEST_P(Alone, TheClientsOwnPortComesBack) {
  const std::string other = GetParam().ipv6() ? "2001:db8:80::2" : "198.18.0.2";
  serve_on(at().silent_backend);
  serve({.name = "default/other",
         .variant = GetParam(),
         .cluster_ips = {at().cluster_ip2},
         .load_balancer_ips = {other},
         .endpoints = {at().silent_backend}});
  send(from_outside(), at().silent_backend);
  const PacketSpec in = arriving(request(at().outside, other));
  const PacketSpec reply = arriving(reply_to(send(in, at().silent_backend)));
  expect("reply", input(reply), {.verdict = TC_ACT_REDIRECT, .packet = build(shown(in, reply))});
}

TEST_P(Alone, ACompleteChecksumStaysRight) {
  serve_on(at().silent_backend);
  PacketSpec in = from_outside();
  in.payload.push_back('!');
  const PacketSpec out = send(in, at().silent_backend);
  RunInput summed = input(in);
  summed.complete_checksum = true;
  expect("request", summed, {.verdict = TC_ACT_REDIRECT, .packet = build(out)});
  const PacketSpec reply = arriving(reply_to(out));
  summed = input(reply);
  summed.complete_checksum = true;
  expect("reply", summed, {.verdict = TC_ACT_REDIRECT, .packet = build(shown(in, reply))});
}

TEST_P(Alone, WhatOnlyTheKernelCanAnswerGoesThroughTheStack) {
  serve_on(at().narrow_backend);
  PacketSpec in = from_outside();
  const PacketSpec out = send(in, at().narrow_backend);
  in.ttl = 1;
  expect_by_the_stack("TTL 1", in, at().narrow_backend);
  in.ttl = 0;
  expect_by_the_stack("TTL 0", in, at().narrow_backend);
  in = from_outside();
  const size_t header = build(in).size() - 14 - in.payload.size();
  // SCTP pads its only chunk to 4 bytes.
  in.payload.assign(1280 - header - (GetParam().sctp() ? 1 : 0), 'f');
  while (build(in).size() > 14 + 1280) in.payload.pop_back();
  send(in, at().narrow_backend);
  in.payload.insert(in.payload.end(), 4, '!');
  expect_by_the_stack("larger than the route's MTU", in, at().narrow_backend);
  PacketSpec reply = arriving(reply_to(out));
  PacketSpec inside = reply;
  inside.destination = in.source;
  inside.destination_port = in.source_port;
  inside.ttl = reply.ttl = 1;
  expect("a reply with TTL 1", input(reply), {.packet = build(inside)});
  inside.ttl = reply.ttl = 64;
  inside.payload = reply.payload = Bytes(1500, 'b');
  expect("a reply larger than the link's MTU", input(reply), {.packet = build(inside)});
}

TEST_P(Alone, SegmentsThatGroHasJoinedMustFit) {
  if (GetParam().sctp()) return;
  serve_on(at().narrow_backend);
  PacketSpec in = from_outside();
  in.tcp_options = Bytes(12, 1);
  const size_t header = build(in).size() - 14 - in.payload.size();
  in.payload.assign(3000, 's');
  RunInput joined = input(in);
  joined.gso_size = static_cast<uint32_t>(1280 - header);
  const PacketSpec out = as_sent(joined, in, at().narrow_backend, at().node);
  expect("segments that fit", joined, {.verdict = TC_ACT_REDIRECT, .packet = build(out)});
  joined.gso_size += 1;
  expect_by_the_stack("one byte too many in each", joined, in, at().narrow_backend);
}

TEST_P(Alone, TheStackTakesWhatXdpWouldNotForward) {
  serve_on(at().far_backend);
  const PacketSpec in = from_outside();
  const PacketSpec out = as_sent(input(in), in, at().far_backend, at().node2);
  PacketSpec tagged = in;
  tagged.vlans = {7};
  expect_by_the_stack("a VLAN's packet", tagged, at().far_backend);
  PacketSpec overheard = in;
  overheard.destination_mac = kClientMac;
  expect_by_the_stack("a frame for another", overheard, at().far_backend);
  const PacketSpec reply = arriving(reply_to(out), kUplink2Mac);
  PacketSpec inside = reply;
  inside.destination = in.source;
  inside.destination_port = in.source_port;
  for (const uint32_t link : {kUplink, kUplink2}) {
    for (const unsigned flags : {WG_LINK_UPLINK, WG_LINK_XDP}) {
      set_flags(link, static_cast<uint8_t>(flags));
      const std::string what = fmt::format("link {} with flags {}", link, flags);
      expect_by_the_stack(what, in, at().far_backend);
      expect("reply, " + what, input(reply, kUplink2), {.packet = build(inside)});
    }
    set_flags(link, WG_LINK_UPLINK | WG_LINK_XDP);
  }
}

TEST_P(Alone, FragmentsArePutTogetherByTheStack) {
  if (GetParam().sctp()) return;
  serve_on(at().remote_backend);
  PacketSpec in = from_outside();
  in.tcp_flags = kAck;
  send(in, at().remote_backend);
  in.payload.assign(200, 'p');
  const PacketSpec inside = to_backend(in, at().remote_backend);
  const std::vector<Bytes> before = build_fragments(in, 48);
  const std::vector<Bytes> after = build_fragments(inside, 48);
  for (size_t piece = 0; piece < before.size(); ++piece) {
    expect(fmt::format("fragment {}", piece), {.ifindex = kUplink, .packet = before[piece]},
           {.packet = after[piece], .mark = rig().settings().snat_mark});
  }
}

TEST_P(Alone, ABackendOnThisNodeIsReachedByTheStack) {
  serve_on(at().local_backend);
  const PacketSpec in = from_outside();
  expect("no node address", input(in), {.packet = build(to_backend(in, at().local_backend))});
}

}  // namespace
}  // namespace waggle
