// SPDX-License-Identifier: Apache-2.0
// Packets that need both edges at once: sent on by XDP, or by TC where XDP has left them to it.
#include <fmt/format.h>

#include "reference_packets.h"
#include "reference_run.h"

namespace waggle {

using namespace reference;  // NOLINT: the model's words are this file's

namespace {

// XDP knows the neighbour's MAC address, TC leaves it to the kernel.
void leave(PacketSpec& spec, uint32_t link, RunHook hook) {
  if (hook == RunHook::kXdp) return send_on(spec, link);
  spec.ttl -= 1;
}

}  // namespace

// All uplinks of the rig run XDP.
bool ReferenceRun::goes_alone(bool by_xdp, const IpAddress& destination) {
  return by_xdp && link_of(destination) != kPodLink;
}

std::string ReferenceRun::sent_on(Request& request, const RunOutput& out, RunHook hook) {
  Flow flow{.backend = place_of(destination_of(out.packet), port_of(out.packet, "destination port")),
            .owner = {},
            .link = request.step.link,
            .client_port = kUnseen};
  if (std::string wrong = check_choice(request, flow.backend, flow.client_port); !wrong.empty()) return wrong;
  // The same packet once more, through the stack, shows whether the client's port is another one inside the node.
  PacketSpec overheard = request.in;
  overheard.destination_mac = kNodeMac;
  const RunInput again{.ifindex = link_of(request.step.link), .packet = build(overheard)};
  flow.client_port =
      request.expected.may_translate_port ? port_of(run(again).packet, "source port") : request.in.source_port;
  if (!request.expected.is_new) flow.client_port = request.expected.flow->client_port;
  if (std::string wrong = check_choice(request, flow.backend, flow.client_port); !wrong.empty()) return wrong;
  if (!is_masked(request, flow.backend)) return "it was sent on without need for the node's address";
  const bool is_xdp = hook == RunHook::kXdp;
  if (!is_xdp && !goes_alone(request.step.by_xdp, flow.backend.address)) return "TC kept it from the stack";
  const uint32_t link = link_of(flow.backend.address);
  PacketSpec seen = request.in;
  seen.source = node_address(link, flow.backend.address.family);
  seen.source_port = port_of(out.packet, "source port");
  seen.destination = flow.backend.address.text();
  seen.destination_port = flow.backend.port;
  leave(seen, link, hook);
  flow.node = place_of(seen.source, seen.source_port);
  const int verdict = !is_xdp ? TC_ACT_REDIRECT : link == link_of(request.step.link) ? XDP_TX : XDP_REDIRECT;
  if (out.verdict != verdict) return fmt::format("verdict {}, not {}", out.verdict, verdict);
  if (!is_xdp && out.mark != 0) return fmt::format("mark {:#x} of a packet that was sent on", out.mark);
  if (std::string wrong = packet_difference(build(seen), out.packet); !wrong.empty()) return "sent on:\n" + wrong;
  ++counts_[is_xdp ? "sent on by XDP" : "sent on by TC"];
  if (std::string wrong = check_node_place(request, flow); !wrong.empty()) return wrong;
  note(request, flow);
  return "";
}

std::string ReferenceRun::reply_at_xdp(const PacketSpec& in, const PacketSpec& shown, uint32_t link, bool& is_done) {
  const RunInput input{.hook = RunHook::kXdp, .ifindex = link, .packet = build(in)};
  const RunOutput out = run(input);
  if (out.verdict == XDP_PASS && out.packet == input.packet) return "";  // for TC
  is_done = true;
  ++counts_["replies by XDP"];
  PacketSpec sent = shown;
  const uint32_t out_link = link_of(address_of(shown.destination));
  send_on(sent, out_link);
  const int verdict = out_link == link ? XDP_TX : XDP_REDIRECT;
  if (out.verdict != verdict) return fmt::format("reply: XDP verdict {}, not {}", out.verdict, verdict);
  const std::string difference = packet_difference(build(sent), out.packet);
  return difference.empty() ? "" : "reply sent by XDP:\n" + difference;
}

std::string ReferenceRun::reply_sent_on(const PacketSpec& in, const PacketSpec& shown, uint32_t link) {
  PacketSpec sent = shown;
  sent.ttl -= 1;
  ++counts_["replies sent on by TC"];
  return compare("reply past the stack", {.ifindex = link, .packet = build(in)},
                 {.verdict = TC_ACT_REDIRECT, .packet = build(sent)});
}

}  // namespace waggle
