// SPDX-License-Identifier: Apache-2.0
// Packets of a flow in IP fragments: each becomes the same fragment of the translated packet (contract K-14).
#include <fmt/format.h>

#include "reference_packets.h"
#include "reference_run.h"

namespace waggle {

using namespace reference;  // NOLINT: the model's words are this file's

namespace {

constexpr size_t kPiece = 48;  // bytes of IP payload in each

PacketSpec large(PacketSpec spec, uint32_t ip_id) {
  spec.ip_id = ip_id;
  for (int i = 0; i < 101; ++i) spec.payload.push_back(static_cast<uint8_t>(i * 7));
  return spec;
}

}  // namespace

std::string ReferenceRun::compare_pieces(const std::string& what, RunInput input, const PacketSpec& in,
                                         const PacketSpec& out, uint32_t mark) {
  const std::vector<Bytes> before = build_fragments(in, kPiece);
  const std::vector<Bytes> after = build_fragments(out, kPiece);
  for (size_t piece = 0; piece < before.size(); ++piece) {
    input.packet = before[piece];
    std::string wrong =
        compare(fmt::format("{}, fragment {}", what, piece), input, {.packet = after[piece], .mark = mark});
    if (!wrong.empty()) return wrong;
  }
  return "";
}

std::string ReferenceRun::pieces(const PacketStep& step) {
  // SCTP makes its own packets small enough.
  if (step.key.protocol == Protocol::kSctp || !model_.goes_on(step.key)) return "";
  ++counts_["in fragments"];
  ip_id_ = (ip_id_ + 1) & 0xffff;
  const Flow flow = *model_.flow(step.key);
  const PacketSpec in = large(between(step.key.client, step.key.frontend, step.key.protocol), ip_id_);
  const AddressPort inside{step.key.client.address, flow.client_port};
  const PacketSpec middle = large(between(inside, flow.backend, step.key.protocol), ip_id_);
  if (!step.is_reply) {
    model_.went_on(step.key);
    return pieces_of_request(flow, in, middle);
  }
  model_.replied(step.key, Signal::kData);
  return pieces_of_reply(flow, in, middle);
}

std::string ReferenceRun::pieces_of_request(const Flow& flow, const PacketSpec& in, const PacketSpec& middle) {
  const uint32_t mark = flow.node ? rig_.settings().snat_mark : 0;
  std::string wrong = compare_pieces("a request", {.ifindex = link_of(flow.link)}, in, middle, mark);
  if (!wrong.empty() || !flow.node) return wrong;
  const PacketSpec seen = large(between(*flow.node, flow.backend, in.protocol), ip_id_);
  return compare_pieces("a request on its way out",
                        {.hook = RunHook::kTcEgress, .ifindex = link_of(flow.backend.address), .mark = mark}, middle,
                        seen);
}

std::string ReferenceRun::pieces_of_reply(const Flow& flow, const PacketSpec& in, const PacketSpec& middle) {
  const PacketSpec inside = answer_to(middle);
  if (flow.node) {
    const PacketSpec outside = large(between(flow.backend, *flow.node, in.protocol), ip_id_);
    std::string wrong =
        compare_pieces("an answer to the node", {.ifindex = link_of(flow.backend.address)}, outside, inside);
    if (!wrong.empty()) return wrong;
  }
  return compare_pieces("an answer to the client", {.hook = RunHook::kTcEgress, .ifindex = link_of(flow.link)}, inside,
                        answer_to(in));
}

}  // namespace waggle
