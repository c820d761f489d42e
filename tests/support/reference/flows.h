// SPDX-License-Identifier: Apache-2.0
// The model of what goes on over time: which flows there are, what the next packet of a client or of a backend must
// meet, and what clients remember (affinity). Time stands still in it unless it is told to pass. Owned by whoever runs
// packets through the real programs and compares.
#pragma once

#include <optional>

#include "support/reference/decide.h"

namespace waggle::reference {

// The client's view of a flow.
struct FlowKey {
  AddressPort client;
  AddressPort frontend;
  Protocol protocol = Protocol::kTcp;

  auto operator<=>(const FlowKey&) const = default;
};

// SYN, ACK, FIN, RST; of UDP only kData; of SCTP INIT, DATA, SHUTDOWN COMPLETE, ABORT. kPing: an echo request, whatever
// the key says of ports and protocol. kError: an ICMP error about a packet of the client, or about the backend's
// answer. kPieces: kData in IP fragments.
enum class Signal : uint8_t { kOpen, kData, kFinish, kReset, kPing, kError, kPieces };

struct Flow {
  AddressPort backend;
  PortKey owner;
  Link link = Link::kPod;
  std::optional<AddressPort> node = {};  // the source that the backend sees, if it is the node's
  uint16_t client_port = 0;              // as the stack sees it: another one if replies would be ambiguous
  bool client_finished = false;
  bool backend_finished = false;
  bool reset = false;

  [[nodiscard]] bool is_ending() const { return client_finished || backend_finished || reset; }
  [[nodiscard]] bool has_ended() const { return reset || (client_finished && backend_finished); }
};

// What a client's packet must meet.
struct Expectation {
  Decision decision = {};
  bool is_new = true;                    // a served packet opens a flow
  const Flow* flow = nullptr;            // the flow it belongs to, if !is_new
  bool may_translate_port = false;       // the client's port may become another one (K-13: never ambiguous)
  std::set<AddressPort> ambiguous = {};  // choices for which it must
};

class Model {
 public:
  World world;

  void apply(const Event& event);

  // The next packet of a client. Answers what must happen; the caller says with opened() what was chosen.
  Expectation request(const FlowKey& key, const Source& source, Signal signal);
  [[nodiscard]] bool snat_expected(const FlowKey& key, const Source& source, const Decision& decision,
                                   const AddressPort& chosen) const;
  void opened(const FlowKey& key, const Flow& flow, Signal signal);
  // The next data of this flow goes on with it.
  [[nodiscard]] bool goes_on(const FlowKey& key) const;
  // A backend's answer.
  void replied(const FlowKey& key, Signal signal);

  [[nodiscard]] const Flow* flow(const FlowKey& key) const;
  [[nodiscard]] const std::map<FlowKey, Flow>& flows() const { return flows_; }
  [[nodiscard]] const std::map<FrontendKey, Frontend>& frontends() const { return frontends_; }
  // Another flow whose replies come from this backend to this place of the node.
  [[nodiscard]] bool is_reserved(const AddressPort& node, const AddressPort& backend, const FlowKey& except) const;
  void forget_flows() { flows_.clear(), affinity_.clear(); }

 private:
  [[nodiscard]] const Frontend* live(const FlowKey& key) const;
  [[nodiscard]] Decision without_entry(const FlowKey& key, Signal signal) const;
  [[nodiscard]] bool must_leave(const FlowKey& key, const Flow& flow, Signal signal) const;
  void apply_affinity(const Frontend& frontend, const Source& source, Decision& decision) const;
  void note_ambiguity(const FlowKey& key, Expectation& expected) const;

  using AffinityKey = std::pair<PortKey, IpAddress>;

  std::map<FrontendKey, Frontend> frontends_;
  std::map<FrontendKey, PortKey> owners_;  // of entries that were: their flows go on (K-13)
  std::map<FlowKey, Flow> flows_;
  std::map<AffinityKey, AddressPort> affinity_;
};

}  // namespace waggle::reference
