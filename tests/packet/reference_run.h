// SPDX-License-Identifier: Apache-2.0
// Runs scenarios through the real programs and compares every packet, byte by byte, with what the reference model
// says. Used by reference_test.cc (random histories) and reference_replay_test.cc (fixtures).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "packet_case.h"
#include "socket_calls.h"
#include "support/reference/scenario.h"

namespace waggle {

// What was compared, by what happened: a run that met only some of it proves little.
using ReferenceCounts = std::map<std::string, uint64_t>;
inline constexpr const char* kNotAsMemorySays = "not as an old memory says";

class ReferenceRun {
 public:
  // Starts from empty tables. The rig's policy must be policy_of(settings).
  ReferenceRun(ProgramRig& rig, const reference::Settings& settings, ReferenceCounts& counts);

  // What differs from the model, in words; empty if nothing does.
  std::string take(const reference::Step& step);
  std::string take_all(const reference::Scenario& scenario);
  [[nodiscard]] const reference::Model& model() const { return model_; }

  static uint32_t policy_of(const reference::Settings& settings);

 private:
  // The client's port inside the node, of a packet that went past the stack.
  static constexpr uint16_t kUnseen = 0;

  // One packet on its way, and what the model says of it.
  struct Request {
    const reference::PacketStep& step;
    PacketSpec in;
    reference::Source source;
    reference::Expectation expected;
  };

  std::string apply(const Event& event);
  std::string wait(const reference::Pause& pause);
  std::string request(const reference::PacketStep& step);
  std::string request_at_xdp(Request& request, bool& is_done);
  std::string request_at_tc(Request& request);
  std::string served(Request& request, const RunOutput& out, int verdict);
  std::string leaves_node(const Request& request, const PacketSpec& middle, bool masked, reference::Flow& flow);
  // Past the stack: by XDP, or by TC of a flow that XDP forwards.
  std::string sent_on(Request& request, const RunOutput& out, RunHook hook);
  static bool goes_alone(bool by_xdp, const IpAddress& destination);
  std::string check_choice(const Request& request, const reference::AddressPort& chosen, uint16_t source_port) const;
  bool is_masked(const Request& request, const reference::AddressPort& chosen) const;
  // "served 10.244.1.20:8080 snat": what the model says, for cases that say it, too.
  std::string outcome(const Request& request) const;
  std::string check_node_place(const Request& request, const reference::Flow& flow) const;
  void note(const Request& request, const reference::Flow& flow);

  std::string reply(const reference::PacketStep& step);
  std::string reply_at_xdp(const PacketSpec& in, const PacketSpec& shown, uint32_t link, bool& is_done);
  std::string reply_sent_on(const PacketSpec& in, const PacketSpec& shown, uint32_t link);
  std::string reply_at_tc(const PacketSpec& in, const PacketSpec& shown, const reference::Flow& flow,
                          const reference::FlowKey& key, bool by_node);

  std::string call(const reference::Call& call);

  // Errors about packets of a flow (K-14).
  std::string error(const reference::PacketStep& step);
  std::string error_about_request(const reference::Flow& flow, const PacketSpec& in, const PacketSpec& middle,
                                  bool by_xdp);
  std::string error_about_reply(const reference::Flow& flow, const PacketSpec& in, const PacketSpec& middle,
                                bool by_xdp);

  // Data of a flow in fragments.
  std::string pieces(const reference::PacketStep& step);
  std::string pieces_of_request(const reference::Flow& flow, const PacketSpec& in, const PacketSpec& middle);
  std::string pieces_of_reply(const reference::Flow& flow, const PacketSpec& in, const PacketSpec& middle);
  std::string compare_pieces(const std::string& what, RunInput input, const PacketSpec& in, const PacketSpec& out,
                             uint32_t mark = 0);

  RunOutput run(const RunInput& input);
  std::string compare(const std::string& what, const RunInput& input, const Expected& expected);

  ProgramRig& rig_;
  reference::Model model_;
  ReferenceCounts& counts_;
  uint32_t ip_id_ = 0;  // of the last fragmented packet
};

// One rig for each policy, made when it is first asked for, and socket calls below its hooks.
ProgramRig& rig_of(const reference::Settings& settings);
SocketCalls& calls_of(const ProgramRig& rig);

}  // namespace waggle
