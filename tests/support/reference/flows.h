// SPDX-License-Identifier: Apache-2.0
// The model of what goes on over time: which flows there are, what the next packet of a client or of a backend must
// meet, what clients remember (affinity), and when either is forgotten. Time stands still in it unless it is told to
// pass. Owned by whoever runs
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
  uint64_t seen = 0;                     // second of its last packet
  bool replied = false;
  bool client_finished = false;
  bool backend_finished = false;
  bool reset = false;

  [[nodiscard]] bool is_ending() const { return client_finished || backend_finished || reset; }
  [[nodiscard]] bool has_ended() const { return reset || (client_finished && backend_finished); }
};

// What a client's packet must meet.
struct Expectation {
  Decision decision = {};
  bool is_new = true;                        // a served packet opens a flow
  const Flow* flow = nullptr;                // the flow it belongs to, if !is_new
  bool may_translate_port = false;           // the client's port may become another one (K-13: never ambiguous)
  std::set<AddressPort> ambiguous = {};      // choices for which it must
  std::optional<AddressPort> outdated = {};  // a choice that affinity would have made if not so much time had passed
};

// A process names a service in connect(), or in sendto() on an unconnected UDP socket that it has for a while.
struct Call {
  Link link = Link::kHost;  // kHost: of the node; kPod: of a pod
  bool is_send = false;
  bool is_mapped = false;  // an IPv4 address, through an IPv6 socket
  uint32_t socket = 0;     // which of the unconnected ones; each is of one link and family
  AddressPort to;
  Protocol protocol = Protocol::kTcp;

  auto operator<=>(const Call&) const = default;
};

enum class CallResult : uint8_t { kLeft, kTranslated, kRefused, kForbidden };
struct CallExpectation {
  CallResult result = CallResult::kLeft;  // kLeft: to packets
  std::set<AddressPort> choices = {};
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
  // The client's data on a flow that goes on.
  void went_on(const FlowKey& key);
  // So many seconds pass, and what was idle for too long is forgotten, but for flows that no clock is kept of.
  void pass(uint32_t seconds, const std::set<FlowKey>& without_clock);

  [[nodiscard]] CallExpectation call(const Call& call) const;
  // It was translated to this one.
  void called(const Call& call, const AddressPort& chosen);

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
  [[nodiscard]] const AddressPort* kept_by(const Call& call, const Frontend& frontend) const;
  void note_ambiguity(const FlowKey& key, Expectation& expected) const;

  struct Memory {
    AddressPort backend;
    uint64_t since = 0;  // second of the client's last new flow
  };

  std::map<FrontendKey, Frontend> frontends_;
  std::map<FrontendKey, PortKey> owners_;  // of entries that were: their flows go on (K-13)
  std::map<FlowKey, Flow> flows_;
  // By what tells one client from another.
  template <typename Client>
  using Affinity = std::map<std::pair<PortKey, Client>, Memory>;
  struct Kept {
    AddressPort backend;
    PortKey owner;
  };

  // K-62..K-65. Answers the backend whose memory is too old.
  template <typename Client>
  std::optional<AddressPort> narrow(Decision& decision, const PortKey& owner, const Affinity<Client>& affinity,
                                    const Client& client) const {
    const uint32_t timeout_s = world.served(owner)->affinity_timeout_s;
    const auto remembered = affinity.find({owner, client});
    if (decision.verdict != Verdict::kServed || timeout_s == 0 || remembered == affinity.end()) return {};
    const Memory& memory = remembered->second;
    if (!decision.choices.contains(memory.backend)) return {};
    if (now_ - memory.since >= timeout_s) return memory.backend;
    decision.choices = {memory.backend};
    return {};
  }
  template <typename Client>
  void forget_what_is_off(Affinity<Client>& affinity) const {
    std::erase_if(affinity, [this](const auto& one) {
      const Service* service = world.served(one.first.first);
      return service == nullptr || service->affinity_timeout_s == 0;
    });
  }

  Affinity<IpAddress> affinity_;
  Affinity<Link> call_affinity_;  // sockets are told apart by their network namespace
  std::map<Call, Kept> kept_;     // backends of unconnected sockets
  uint64_t now_ = 0;              // seconds
};

}  // namespace waggle::reference
