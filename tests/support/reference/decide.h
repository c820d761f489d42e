// SPDX-License-Identifier: Apache-2.0
// What must become of a new flow (contract section 2): whose address it is, and whether it is left alone, rejected,
// dropped or served, by which endpoints and with whose source address. Written from the contract, row by row.
#pragma once

#include <set>
#include <string>

#include "support/reference/endpoints.h"

namespace waggle::reference {

enum class FrontendKind : uint8_t { kClusterIp, kLoadBalancer, kExternalIp, kNodePort };

struct Frontend {
  PortKey owner;
  FrontendKind kind = FrontendKind::kClusterIp;
  bool filtered = false;  // K-75

  [[nodiscard]] bool is_external() const { return kind != FrontendKind::kClusterIp; }
  bool operator==(const Frontend&) const = default;
};

// Every entry there is (K-01..K-08), by address, port and protocol.
using FrontendKey = std::pair<AddressPort, Protocol>;
std::map<FrontendKey, Frontend> frontends_of(const World& world);

// Where a packet comes from, as the node can see it.
enum class Link : uint8_t { kPod, kUplink, kHost };
struct Source {
  IpAddress address;
  Link link = Link::kPod;
};

enum class Verdict : uint8_t { kUntouched, kRejected, kDropped, kServed, kEchoed };
struct Decision {
  Verdict verdict = Verdict::kUntouched;
  std::string reason = {};             // as the counters call it; "" if served
  std::set<AddressPort> choices = {};  // kServed: one of these
  std::set<AddressPort> here = {};     // those of the service that are on this node
  bool keeps_source = false;           // K-21, K-23: no SNAT but for the sender itself

  bool operator==(const Decision&) const = default;
};

// A new TCP, UDP or SCTP flow to an entry.
Decision decide(const World& world, const Frontend& frontend, const Source& source);
// Is a ClusterIP in all certainty its service's and no host's? Then what goes to its other ports is refused.
bool is_whole(const World& world, const IpAddress& cluster_ip);
// A packet that begins something, to an address where no entry fits (K-09, K-85..K-90).
Decision decide_no_entry(const World& world, const IpAddress& destination, bool is_ping);

// Does the node's address go in between? (K-20, K-21, K-50..K-58)
bool needs_snat(const World& world, const Frontend& frontend, const Source& source, const Decision& decision,
                const AddressPort& chosen);

// K-61
bool has_detector(const World& world, Family family);
bool is_local_pod(const World& world, const Source& source);

}  // namespace waggle::reference
