// SPDX-License-Identifier: Apache-2.0
// ICMP errors about packets of a flow: whoever sent the packet must recognize it in the quote (contract K-14).
#include "reference_packets.h"
#include "reference_run.h"

namespace waggle {

using namespace reference;  // NOLINT: the model's words are this file's

namespace {

// "Too big", said by somebody to who sent `offending`. Half of them quote all of it.
IcmpErrorSpec too_big(const std::string& from, const PacketSpec& offending, bool whole) {
  const bool ipv6 = address_of(offending.source).family == Family::kIpv6;
  return {.source = from,
          .destination = offending.source,
          .type = static_cast<uint8_t>(ipv6 ? 2 : 3),
          .code = static_cast<uint8_t>(ipv6 ? 0 : 4),
          .rest = 1400,
          .quoted = quote_of(offending, whole ? 500 : 8)};
}

// The same error about the same packet as another place of the node sees both. SCTP's checksum stays in the quote.
IcmpErrorSpec seen_as(const IcmpErrorSpec& error, const std::string& from, const PacketSpec& offending, bool whole) {
  IcmpErrorSpec seen = too_big(from, offending, whole);
  const size_t checksum = quote_of(offending, 0).size() + 8;
  if (offending.protocol == Protocol::kSctp && checksum + 4 <= error.quoted.size()) {
    std::copy_n(error.quoted.begin() + static_cast<ptrdiff_t>(checksum), 4,
                seen.quoted.begin() + static_cast<ptrdiff_t>(checksum));
  }
  return seen;
}

// The same as it leaves past the stack.
Bytes past_the_stack(IcmpErrorSpec error, const Mac& mac) {
  error.destination_mac = mac;
  error.ttl -= 1;
  return build(error);
}

bool quotes_all(const PacketSpec& spec) { return (spec.source_port + spec.destination_port) % 2 == 0; }

std::string router_of(const std::string& address) {
  return address_of(address).family == Family::kIpv4 ? "192.0.2.2" : "2001:db8:1::2";
}

}  // namespace

std::string ReferenceRun::error(const PacketStep& step) {
  const Flow* flow = model_.flow(step.key);
  if (flow == nullptr || flow->has_ended()) return "";
  ++counts_["ICMP errors"];
  const PacketSpec in = between(step.key.client, step.key.frontend, step.key.protocol);
  PacketSpec middle = in;
  middle.source_port = flow->client_port;
  middle.destination = flow->backend.address.text();
  middle.destination_port = flow->backend.port;
  return step.is_reply ? error_about_reply(*flow, in, middle, step.by_xdp)
                       : error_about_request(*flow, in, middle, step.by_xdp);
}

// From beyond the node: first the node's address comes off, then the client sees its frontend.
std::string ReferenceRun::error_about_request(const Flow& flow, const PacketSpec& in, const PacketSpec& middle,
                                              bool by_xdp) {
  const bool whole = quotes_all(in);
  const std::string from = router_of(in.source);
  IcmpErrorSpec inside = too_big(from, middle, whole);
  if (flow.node) {
    const uint32_t link = link_of(flow.backend.address);
    IcmpErrorSpec outside = too_big(from, between(*flow.node, flow.backend, in.protocol), whole);
    if (goes_alone(by_xdp && link != kPodLink, address_of(in.source))) {
      outside.destination_mac = mac_of(link);
      ++counts_["ICMP errors sent on by TC"];
      return compare("error about a request, past the stack", {.ifindex = link, .packet = build(outside)},
                     {.verdict = TC_ACT_REDIRECT,
                      .packet = past_the_stack(seen_as(outside, in.destination, in, whole), mac_of(link))});
    }
    inside = seen_as(outside, from, middle, whole);
    std::string wrong = compare("error about a request, to the node", {.ifindex = link, .packet = build(outside)},
                                {.packet = build(inside)});
    if (!wrong.empty()) return wrong;
  }
  return compare("error about a request, to the client",
                 {.hook = RunHook::kTcEgress, .ifindex = link_of(flow.link), .packet = build(inside)},
                 {.packet = build(seen_as(inside, in.destination, in, whole))});
}

std::string ReferenceRun::error_about_reply(const Flow& flow, const PacketSpec& in, const PacketSpec& middle,
                                            bool by_xdp) {
  const bool whole = quotes_all(in);
  const std::string from = router_of(in.source);
  const uint32_t mark = flow.node ? rig_.settings().snat_mark : 0;
  const uint32_t link = link_of(flow.link);
  IcmpErrorSpec outside = too_big(from, answer_to(in), whole);
  if (flow.node && goes_alone(by_xdp && link != kPodLink, flow.backend.address)) {
    outside.destination_mac = mac_of(link);
    ++counts_["ICMP errors sent on by TC"];
    const PacketSpec seen = between(flow.backend, *flow.node, in.protocol);
    return compare("error about an answer, past the stack", {.ifindex = link, .packet = build(outside)},
                   {.verdict = TC_ACT_REDIRECT,
                    .packet = past_the_stack(seen_as(outside, flow.node->address.text(), seen, whole), mac_of(link))});
  }
  const IcmpErrorSpec inside = seen_as(outside, from, answer_to(middle), whole);
  std::string wrong = compare("error about an answer, from the client's side",
                              {.ifindex = link, .packet = build(outside)}, {.packet = build(inside), .mark = mark});
  if (!wrong.empty() || !flow.node) return wrong;
  const PacketSpec seen = between(flow.backend, *flow.node, in.protocol);
  return compare(
      "error about an answer, to the backend",
      {.hook = RunHook::kTcEgress, .ifindex = link_of(flow.backend.address), .mark = mark, .packet = build(inside)},
      {.packet = build(seen_as(inside, flow.node->address.text(), seen, whole))});
}

}  // namespace waggle
