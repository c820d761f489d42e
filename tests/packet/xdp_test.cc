// SPDX-License-Identifier: Apache-2.0
// What XDP finishes at once on an uplink: outside clients of backends on other nodes, there and back. And what it must
// leave to TC.
#include <fmt/format.h>

#include <cstdlib>

#include "packet_case.h"

namespace waggle {
namespace {

class Xdp : public VariantTest {
 protected:
  [[nodiscard]] PacketSpec from_outside() const { return request(at().outside, at().load_balancer_ip); }
  // `request` as it leaves toward the backend, but for the node port.
  [[nodiscard]] static PacketSpec forwarded(PacketSpec spec, const std::string& backend, const std::string& node) {
    spec.source = node;
    spec.destination = backend;
    spec.destination_port = kBackendPort;
    spec.ttl -= 1;
    spec.source_mac = kUplinkMac;
    spec.destination_mac = kRouterMac;
    return spec;
  }
  // Sends the request by XDP and answers it as it left, with its node port.
  PacketSpec send(const PacketSpec& in, const std::string& backend) {
    PacketSpec out = forwarded(in, backend, at().node);
    out.source_port = port_of(run(input(in)).packet, "source port");
    expect("request", input(in), {.verdict = XDP_TX, .packet = build(out)});
    return out;
  }
  [[nodiscard]] static RunInput input(const PacketSpec& spec, uint32_t link = kUplink) {
    return {.hook = RunHook::kXdp, .ifindex = link, .packet = build(spec)};
  }
  void expect_left_to_tc(const std::string& what, const PacketSpec& spec) {
    expect(what, input(spec), {.verdict = XDP_PASS, .packet = build(spec), .reasons = {{"to-stack", 1}}});
  }
  [[nodiscard]] const char* router() const { return GetParam().ipv6() ? "2001:db8:1::2" : "192.0.2.2"; }
  void set_router_mac(const char* mac) {
    const std::string command =
        fmt::format("ip neighbour replace {} lladdr {} dev uplink nud permanent", router(), mac);
    ASSERT_EQ(std::system(command.c_str()), 0);
  }
};
INSTANTIATE_TEST_SUITE_P(, Xdp, kVariants, variant_name);

// The port has another socket now, perhaps: the newest datagram says whose the next answer is.
TEST_P(Xdp, ADatagramToTheBackendItselfEndsTheFlowThatItsAnswerWouldBelongTo) {
  if (!GetParam().udp()) return;
  serve_on(at().local_backend);
  const PacketSpec in = from_outside();
  PacketSpec direct = in;
  direct.destination = at().local_backend;
  direct.destination_port = kBackendPort;
  const RunInput answer{.hook = RunHook::kTcEgress, .ifindex = kUplink, .packet = build(reply_to(direct))};
  for (int round = 0; round < 2; ++round) {
    expect("through the service", input(in), {.verdict = XDP_PASS, .packet = build(direct)});
    expect("its answer", answer, {.packet = build(reply_to(in))});
    expect("directly", input(direct), {.verdict = XDP_PASS, .packet = build(direct), .reasons = {{"not-service", 1}}});
    expect("its answer", answer, {.packet = answer.packet, .reasons = {{"no-flow", 1}}});
  }
}

TEST_P(Xdp, RequestLeavesAtOnceAndItsReplyComesBackAtOnce) {
  serve_on(at().remote_backend);
  const PacketSpec in = from_outside();
  const PacketSpec out = send(in, at().remote_backend);
  EXPECT_EQ(send(in, at().remote_backend).source_port, out.source_port);
  const PacketSpec reply = reply_to(out);
  PacketSpec shown = reply_to(in);
  shown.ttl = static_cast<uint8_t>(reply.ttl - 1);
  shown.source_mac = kUplinkMac;
  shown.destination_mac = kRouterMac;
  expect("reply", input(reply), {.verdict = XDP_TX, .packet = build(shown)});
}

TEST_P(Xdp, AnotherUplinkIsReachedByRedirect) {
  serve_on(at().far_backend);
  const PacketSpec in = from_outside();
  PacketSpec out = forwarded(in, at().far_backend, at().node2);
  out.source_mac = kUplink2Mac;
  out.destination_mac = kRouter2Mac;
  out.source_port = port_of(run(input(in)).packet, "source port");
  expect("request", input(in), {.verdict = XDP_REDIRECT, .packet = build(out)});
  const PacketSpec reply = reply_to(out);
  PacketSpec shown = reply_to(in);
  shown.ttl = static_cast<uint8_t>(reply.ttl - 1);
  shown.source_mac = kUplinkMac;
  shown.destination_mac = kRouterMac;
  expect("reply", input(reply, kUplink2), {.verdict = XDP_REDIRECT, .packet = build(shown)});
}

TEST_P(Xdp, TcGoesOnWithTheSameFlow) {
  serve_on(at().remote_backend);
  const PacketSpec in = from_outside();
  const PacketSpec out = send(in, at().remote_backend);
  PacketSpec middle = in;
  middle.destination = at().remote_backend;
  middle.destination_port = kBackendPort;
  const uint32_t mark = rig().settings().snat_mark;
  expect("TC ingress", {.ifindex = kUplink, .packet = build(in)}, {.packet = build(middle), .mark = mark});
  middle.source_mac = kNodeMac;
  PacketSpec seen = middle;
  seen.source = at().node;
  seen.source_port = out.source_port;
  expect("TC egress", {.hook = RunHook::kTcEgress, .ifindex = kUplink, .mark = mark, .packet = build(middle)},
         {.packet = build(seen)});
}

TEST_P(Xdp, LeavesToTcWhatTheKernelMustSee) {
  serve_on(at().remote_backend);
  send(from_outside(), at().remote_backend);
  PacketSpec last_hop = from_outside();
  last_hop.ttl = 1;
  expect_left_to_tc("TTL 1", last_hop);
  last_hop.ttl = 0;
  expect_left_to_tc("TTL 0", last_hop);
  PacketSpec tagged = from_outside();
  tagged.vlans = {7};
  expect_left_to_tc("VLAN tag", tagged);
  PacketSpec big = from_outside();
  big.payload.assign(1500, 'b');
  expect_left_to_tc("larger than the link's MTU", big);
}

TEST_P(Xdp, RepliesTheKernelMustSeeAreLeftToTc) {
  serve_on(at().remote_backend);
  PacketSpec reply = reply_to(send(from_outside(), at().remote_backend));
  reply.ttl = 1;
  expect_left_to_tc("TTL 1", reply);
  reply.ttl = 64;
  reply.vlans = {7};
  expect_left_to_tc("VLAN tag", reply);
}

TEST_P(Xdp, HonoursTheMtuOfTheRoute) {
  serve_on(at().narrow_backend);
  const PacketSpec in = from_outside();
  send(in, at().narrow_backend);
  const size_t header = build(in).size() - 14 - in.payload.size();
  PacketSpec fitting = in;
  fitting.payload.assign(1280 - header, 'f');
  send(fitting, at().narrow_backend);
  fitting.payload.push_back('!');
  expect_left_to_tc("one byte too many", fitting);
}

TEST_P(Xdp, WithoutAKnownNeighbourTheKernelFindsIt) {
  serve_on(at().silent_backend);
  expect_left_to_tc("no neighbour", from_outside());
}

TEST_P(Xdp, SendsOutOnlyByUplinksThatRunXdp) {
  serve_on(at().far_backend);
  wg_link link{.ifindex = kUplink2, .flags = WG_LINK_UPLINK, .snat4 = 1, .snat6 = 1, .reserved = 0};
  ASSERT_TRUE(rig().control().set_link(link));
  expect_left_to_tc("generic XDP there", from_outside());
  link.flags = WG_LINK_UPLINK | WG_LINK_XDP;
  ASSERT_TRUE(rig().control().set_link(link));
  EXPECT_EQ(run(input(from_outside())).verdict, XDP_REDIRECT);
}

TEST_P(Xdp, ANewEpochMakesItAskForTheWayAgain) {
  serve_on(at().remote_backend);
  PacketSpec out = send(from_outside(), at().remote_backend);
  set_router_mac("02:00:00:00:00:77");
  rig().control().bump_nexthop_epoch();
  out.destination_mac = {0x02, 0, 0, 0, 0, 0x77};
  expect("new MAC", input(from_outside()), {.verdict = XDP_TX, .packet = build(out)});
  set_router_mac("02:00:00:00:00:22");
  rig().control().bump_nexthop_epoch();
}

TEST_P(Xdp, APodsClientTakesNoNodeAddress) {
  serve_on(at().remote_backend);
  PacketSpec in = request(at().pod, at().cluster_ip);
  PacketSpec out = in;
  out.destination = at().remote_backend;
  out.destination_port = kBackendPort;
  // As on a pod's link: not an uplink, so the flow is opened without SNAT, by TC. XDP then only translates.
  run({.packet = build(in)});
  expect("at XDP", input(in), {.verdict = XDP_PASS, .packet = build(out)});
}

TEST_P(Xdp, TranslatesVlanPacketsToLocalBackends) {
  serve_on(at().local_backend);
  PacketSpec in = from_outside();
  in.vlans = {7, 9};
  PacketSpec out = in;
  out.destination = at().local_backend;
  out.destination_port = kBackendPort;
  expect("two tags", input(in), {.verdict = XDP_PASS, .packet = build(out)});
}

TEST_P(Xdp, TranslatesPacketsOfSeveralBuffers) {
  serve_on(at().local_backend);
  PacketSpec in = from_outside();
  in.payload.assign(9000, 'j');
  in.payload.back() = '.';
  PacketSpec out = in;
  out.destination = at().local_backend;
  out.destination_port = kBackendPort;
  expect("jumbo", input(in), {.verdict = XDP_PASS, .packet = build(out)});
}

TEST_P(Xdp, FollowsTheLifeOfAConnection) {
  if (GetParam().udp()) return;
  serve_on(at().remote_backend);
  PacketSpec in = from_outside();
  const PacketSpec out = send(in, at().remote_backend);
  const auto state = [this] {
    return std::string(
        flow_state_name(rig().flows(GetParam().ipv6() ? FlowTable::kFlows6 : FlowTable::kFlows4).at(0).state()));
  };
  EXPECT_EQ(state(), "half-open");
  PacketSpec reply = reply_to(out);
  run(input(reply));
  EXPECT_EQ(state(), "established");
  reply.tcp_flags = kFin | kAck;
  run(input(reply));
  EXPECT_EQ(state(), "backend-fin");
  in.tcp_flags = kFin | kAck;
  EXPECT_EQ(send(in, at().remote_backend).source_port, out.source_port);
  EXPECT_EQ(state(), "closed");
}

}  // namespace
}  // namespace waggle
