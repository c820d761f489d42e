// SPDX-License-Identifier: Apache-2.0
#include "reference_run.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "reference_packets.h"

namespace waggle {

using namespace reference;  // NOLINT: the model's words are this file's

namespace {

std::string choices_text(const std::set<AddressPort>& choices) {
  std::vector<std::string> all;
  for (const AddressPort& choice : choices) all.push_back(choice.text());
  return fmt::format("{}", fmt::join(all, " "));
}

bool is_spilled_as(const wg_spill_key& entry, const FlowKey& key) {
  const auto client = key.client.address.words(), frontend = key.frontend.address.words();
  return entry.direction == WG_SPILL_REQUEST && std::ranges::equal(client, entry.client) &&
         std::ranges::equal(frontend, entry.other) && entry.client_port == htons(key.client.port) &&
         entry.other_port == htons(key.frontend.port) && entry.protocol == static_cast<uint8_t>(key.protocol);
}

}  // namespace

ReferenceRun::ReferenceRun(ProgramRig& rig, const Settings& settings, ReferenceCounts& counts)
    : rig_(rig), counts_(counts) {
  if (const auto done = rig_.reset(); !done) ADD_FAILURE() << done.error().message;
  std::vector<Cidr> pods;
  for (const auto& cidr : settings.pod_cidr) {
    if (cidr) pods.push_back(*cidr);
  }
  rig_.set_detector(static_cast<wg_detector>(settings.detector), pods);
  rig_.set_service_cidrs({});
  calls_of(rig_).forget_sockets();
  model_.world.settings = settings;
  ThisNode& here = model_.world.node;
  for (const char* own : {kNodeAddress4, kNodeSecondAddress4, kNodeAddress6, kNodeSecondAddress6}) {
    here.addresses.push_back(address_of(own));
  }
  here.node_port_addresses = {address_of(kNodeAddress4), address_of(kNodeAddress6)};
  Node node;
  node.name = "node1";
  apply(node);
}

uint32_t ReferenceRun::policy_of(const Settings& settings) {
  return (settings.snat_always ? WG_POLICY_SNAT_ALWAYS : 0) | (settings.masquerade_all ? WG_POLICY_MASQUERADE_ALL : 0) |
         (settings.answer_ping ? WG_POLICY_ANSWER_PING : 0) | (settings.reject_unknown ? WG_POLICY_REJECT_UNKNOWN : 0) |
         (settings.drop_unallocated ? WG_POLICY_DROP_UNALLOCATED : 0);
}

std::string ReferenceRun::take(const Step& step) {
  if (const auto* event = std::get_if<Event>(&step)) return apply(*event);
  if (const auto* pause = std::get_if<Pause>(&step)) return wait(*pause);
  if (const auto* one = std::get_if<Call>(&step)) return call(*one);
  const auto& packet = std::get<PacketStep>(step);
  ++counts_["packets"];
  if (packet.signal == Signal::kError) return error(packet);
  if (packet.signal == Signal::kPieces) return pieces(packet);
  return packet.is_reply ? reply(packet) : request(packet);
}

std::string ReferenceRun::take_all(const Scenario& scenario) {
  for (const Step& step : scenario.steps) {
    if (std::string wrong = take(step); !wrong.empty()) return fmt::format("{}{}", text_of(step), wrong);
  }
  return "";
}

std::string ReferenceRun::apply(const Event& event) {
  model_.apply(event);
  std::vector<Cidr> cidrs;
  for (const auto& [name, object] : model_.world.service_cidrs) {
    cidrs.insert(cidrs.end(), object.cidrs.begin(), object.cidrs.end());
  }
  rig_.set_service_cidrs(cidrs);
  const ThisNode& node = model_.world.node;
  rig_.set_node_addresses({.node_port_addresses = node.node_port_addresses, .node_ips = node.node_ips});
  const auto applied = rig_.apply_anyway({event});
  return applied ? "" : applied.error().message;
}

// Spilled flows have no clock: they stay until others need the room.
std::string ReferenceRun::wait(const Pause& pause) {
  rig_.pass_time(pause.seconds);
  if (const auto swept = rig_.sweep(); !swept) return swept.error().message;
  std::set<FlowKey> spilled;
  for (const auto& [entry, value] : rig_.spill()) {
    for (const auto& [key, flow] : model_.flows()) {
      if (is_spilled_as(entry, key)) spilled.insert(key);
    }
  }
  const size_t before = model_.flows().size();
  model_.pass(pause.seconds, spilled);
  ++counts_["pauses"];
  counts_["flows that aged out"] += before - model_.flows().size();
  return "";
}

RunOutput ReferenceRun::run(const RunInput& input) {
  const auto output = rig_.run_uncounted(input);
  EXPECT_TRUE(output) << output.error().message;
  return output.value_or(RunOutput{});
}

std::string ReferenceRun::compare(const std::string& what, const RunInput& input, const Expected& expected) {
  const RunOutput output = run(input);
  if (output.verdict != expected.verdict) {
    return fmt::format("{}: verdict {}, not {}\n{}", what, output.verdict, expected.verdict,
                       packet_difference(expected.packet, output.packet));
  }
  if (input.hook != RunHook::kXdp && output.mark != expected.mark) {
    return fmt::format("{}: mark {:#x}, not {:#x}", what, output.mark, expected.mark);
  }
  const std::string difference = packet_difference(expected.packet, output.packet);
  return difference.empty() ? "" : fmt::format("{}:\n{}", what, difference);
}

std::string ReferenceRun::request(const PacketStep& step) {
  Request request{.step = step,
                  .in = spec_of(step.key.client, step.key.frontend, step),
                  .source = {step.key.client.address, step.link},
                  .expected = {}};
  if (step.by_xdp) request.in.destination_mac = mac_of(link_of(step.link));
  request.expected = model_.request(step.key, request.source, step.signal);
  if (!step.outcome.empty() && outcome(request) != step.outcome) {
    return fmt::format("the model says: {}\n", outcome(request));
  }
  if (step.by_xdp && step.signal != Signal::kPing) {
    bool is_done = false;
    std::string wrong = request_at_xdp(request, is_done);
    if (is_done || !wrong.empty()) return wrong;
  }
  return request_at_tc(request);
}

std::string ReferenceRun::request_at_xdp(Request& request, bool& is_done) {
  const RunOutput out =
      run({.hook = RunHook::kXdp, .ifindex = link_of(request.step.link), .packet = build(request.in)});
  if (out.verdict == XDP_PASS && out.packet == build(request.in)) return "";  // for TC
  is_done = true;
  if (request.expected.decision.verdict != Verdict::kServed)
    return "XDP did something with a packet that is not served";
  ++counts_["finished by XDP"];
  return out.verdict == XDP_PASS ? served(request, out, XDP_PASS) : sent_on(request, out, RunHook::kXdp);
}

std::string ReferenceRun::request_at_tc(Request& request) {
  const Decision& decision = request.expected.decision;
  const bool is_ping = request.step.signal == Signal::kPing;
  const RunInput input{.ifindex = link_of(request.step.link),
                       .packet = is_ping ? echo(request.in, false) : build(request.in)};
  switch (decision.verdict) {
    case Verdict::kUntouched:
      ++counts_["untouched"];
      return compare("to be left alone", input, {.packet = input.packet});
    case Verdict::kDropped:
      ++counts_["dropped: " + decision.reason];
      return compare("to be dropped", input, {.verdict = TC_ACT_SHOT, .packet = input.packet});
    case Verdict::kRejected:
      ++counts_["rejected: " + decision.reason];
      return compare("to be rejected", input,
                     {.verdict = TC_ACT_REDIRECT, .packet = rejection(request.in, request.step)});
    case Verdict::kEchoed:
      ++counts_["echoed"];
      return compare("to be echoed", input, {.verdict = TC_ACT_REDIRECT, .packet = echo(request.in, true)});
    case Verdict::kServed:
      break;
  }
  const RunOutput out = run(input);
  if (out.verdict == TC_ACT_REDIRECT) return sent_on(request, out, RunHook::kTcIngress);
  return served(request, out, TC_ACT_UNSPEC);
}

std::string ReferenceRun::check_choice(const Request& request, const AddressPort& chosen, uint16_t source_port) const {
  const Expectation& expected = request.expected;
  if (!expected.decision.choices.contains(chosen)) {
    return fmt::format("it went to {}; expected: {}", chosen.text(), choices_text(expected.decision.choices));
  }
  const uint16_t own = expected.is_new ? request.in.source_port : expected.flow->client_port;
  if (source_port == kUnseen) return "";
  if (source_port == own && !(expected.is_new && expected.ambiguous.contains(chosen))) return "";
  if (source_port == own) return fmt::format("replies from {} would be ambiguous", chosen.text());
  if (!expected.is_new || !expected.may_translate_port) return fmt::format("its source port became {}", source_port);
  return "";
}

bool ReferenceRun::is_masked(const Request& request, const AddressPort& chosen) const {
  if (!request.expected.is_new) return request.expected.flow->node.has_value();
  return model_.snat_expected(request.step.key, request.source, request.expected.decision, chosen);
}

std::string ReferenceRun::outcome(const Request& request) const {
  static constexpr const char* kVerdicts[] = {"untouched", "rejected", "dropped", "served", "echoed"};
  const Decision& decision = request.expected.decision;
  std::string text = kVerdicts[static_cast<size_t>(decision.verdict)];
  if (decision.verdict != Verdict::kServed) return text;
  size_t masked = 0;
  for (const AddressPort& chosen : decision.choices) masked += is_masked(request, chosen);
  text += " " + choices_text(decision.choices);
  return masked == 0 ? text : text + (masked == decision.choices.size() ? " snat" : " snat-elsewhere");
}

void ReferenceRun::note(const Request& request, const Flow& flow) {
  ++counts_[request.expected.is_new ? "opened" : "established"];
  if (flow.node) ++counts_["by the node's address"];
  if (flow.client_port != request.in.source_port) ++counts_["with another source port"];
  // Only chance can show that an old memory does not count: it must not be followed each time.
  if (request.expected.outdated && request.expected.decision.choices.size() > 1)
    ++counts_[request.expected.outdated == flow.backend ? "as an old memory says" : kNotAsMemorySays];
  if (request.expected.is_new) model_.opened(request.step.key, flow, request.step.signal);
}

// After DNAT in `out`, at TC or by XDP for a backend here.
std::string ReferenceRun::served(Request& request, const RunOutput& out, int verdict) {
  Flow flow{.backend = place_of(destination_of(out.packet), port_of(out.packet, "destination port")),
            .owner = {},
            .link = request.step.link,
            .client_port = port_of(out.packet, "source port")};
  if (std::string wrong = check_choice(request, flow.backend, flow.client_port); !wrong.empty()) return wrong;
  PacketSpec middle = request.in;
  middle.destination = flow.backend.address.text();
  middle.destination_port = flow.backend.port;
  middle.source_port = flow.client_port;
  const std::string difference = packet_difference(build(middle), out.packet);
  if (!difference.empty()) return "to the backend:\n" + difference;
  const bool masked = is_masked(request, flow.backend);
  if (verdict == TC_ACT_UNSPEC && masked && goes_alone(request.step.by_xdp, flow.backend.address)) {
    return "TC let the stack see a flow that XDP forwards alone";
  }
  const uint32_t mark = masked ? rig_.settings().snat_mark : 0;
  if (out.verdict != verdict) return fmt::format("verdict {}, not {}", out.verdict, verdict);
  if (out.mark != mark) return fmt::format("mark {:#x}, not {:#x}", out.mark, mark);
  if (std::string wrong = leaves_node(request, middle, masked, flow); !wrong.empty()) return wrong;
  note(request, flow);
  return "";
}

// At TC egress of the link that leads to the backend.
std::string ReferenceRun::leaves_node(const Request& request, const PacketSpec& middle, bool masked, Flow& flow) {
  const uint32_t link = link_of(flow.backend.address);
  const uint32_t mark = masked ? rig_.settings().snat_mark : 0;
  const RunInput input{.hook = RunHook::kTcEgress, .ifindex = link, .mark = mark, .packet = build(middle)};
  if (!masked) return compare("on its way out", input, {.packet = input.packet});
  const RunOutput out = run(input);
  PacketSpec seen = middle;
  seen.source = node_address(link, flow.backend.address.family);
  seen.source_port = port_of(out.packet, "source port");
  flow.node = place_of(seen.source, seen.source_port);
  if (out.verdict != TC_ACT_UNSPEC || out.mark != 0) {
    return fmt::format("to get the node's address: verdict {}, mark {:#x}", out.verdict, out.mark);
  }
  if (std::string wrong = packet_difference(build(seen), out.packet); !wrong.empty()) {
    return "with the node's address:\n" + wrong;
  }
  return check_node_place(request, flow);
}

std::string ReferenceRun::check_node_place(const Request& request, const Flow& flow) const {
  const wg_settings& settings = rig_.settings();
  const uint16_t place = flow.node->port - settings.snat_port_min;
  if (!request.expected.is_new && request.expected.flow->node != flow.node) {
    return fmt::format("from {} now, from {} before", flow.node->text(), request.expected.flow->node->text());
  }
  if (place > settings.snat_port_mask) return fmt::format("node port {} is none of ours", flow.node->port);
  // What comes late on a connection that has ended may meet its port in new hands.
  const bool is_over = !request.expected.is_new && request.expected.flow->has_ended();
  if (!is_over && model_.is_reserved(*flow.node, flow.backend, request.step.key)) {
    return fmt::format("{} is another flow's toward {}", flow.node->text(), flow.backend.text());
  }
  return "";
}

std::string ReferenceRun::reply(const PacketStep& step) {
  const Flow* known = model_.flow(step.key);
  if (known == nullptr || known->has_ended()) return "";
  const Flow flow = *known;
  const AddressPort client{step.key.client.address, flow.client_port};
  const uint32_t link = link_of(flow.backend.address);
  PacketSpec in = spec_of(flow.backend, flow.node.value_or(client), step);
  const bool by_xdp = step.by_xdp && flow.node && link != kPodLink;
  if (by_xdp) in.destination_mac = mac_of(link);
  PacketSpec shown = in;
  shown.source = step.key.frontend.address.text();
  shown.source_port = step.key.frontend.port;
  shown.destination = step.key.client.address.text();
  shown.destination_port = step.key.client.port;
  ++counts_["replies"];
  bool is_done = false;
  std::string wrong;
  if (by_xdp) wrong = reply_at_xdp(in, shown, link, is_done);
  if (!is_done && wrong.empty() && goes_alone(by_xdp, step.key.client.address)) {
    is_done = true;
    wrong = reply_sent_on(in, shown, link);
  }
  if (!is_done && wrong.empty()) wrong = reply_at_tc(in, shown, flow, step.key, flow.node.has_value());
  model_.replied(step.key, step.signal);
  return wrong;
}

// Ingress from the backend, if the node's address comes off there; then egress toward the client.
std::string ReferenceRun::reply_at_tc(const PacketSpec& in, const PacketSpec& shown, const Flow& flow,
                                      const FlowKey& key, bool by_node) {
  PacketSpec middle = in;
  middle.destination = key.client.address.text();
  middle.destination_port = flow.client_port;
  if (by_node) {
    std::string wrong = compare("reply to the node", {.ifindex = link_of(flow.backend.address), .packet = build(in)},
                                {.packet = build(middle)});
    if (!wrong.empty()) return wrong;
  }
  return compare("reply to the client",
                 {.hook = RunHook::kTcEgress, .ifindex = link_of(flow.link), .packet = build(middle)},
                 {.packet = build(shown)});
}

ProgramRig& rig_of(const Settings& settings) {
  static std::map<uint32_t, std::unique_ptr<ProgramRig>> rigs;
  auto& rig = rigs[ReferenceRun::policy_of(settings)];
  if (rig == nullptr) {
    RigOptions options;
    options.policy = ReferenceRun::policy_of(settings);
    options.is_alone = true;
    options.sizes.affinity_entries = options.sizes.sock_entries = 4096;  // nothing is forgotten for lack of room
    auto opened = ProgramRig::open(options);
    if (!opened) {
      std::fprintf(stderr, "%s\n", opened.error().message.c_str());
      std::abort();  // nothing else in this executable makes sense
    }
    rig = std::move(*opened);
  }
  return *rig;
}

}  // namespace waggle
