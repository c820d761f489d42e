// SPDX-License-Identifier: Apache-2.0
// A case for the reference model: settings, then objects that come and go, packets in between, and time that passes. As
// values, as text (the fixtures in tests/packet/cases), and made smaller while it still fails.
//
//   # What this case shows.
//   === settings         detector=links|cidr|every-link|none snat=always masquerade=all ping=reject ports=pass
//   unallocated=pass
//   === apply            manifests (YAML documents)
//   === delete           objects that are gone, one a line: "Service ns/s1"
//   === packets          one a line: "pod tc 10.244.1.10:40000 > 10.96.0.1:80 TCP open", with < for the backend's
//   answer; "call node connect 10.96.0.1:80 TCP", "call pod send 2 10.96.0.1:53 UDP mapped"; "wait 35" where so many
//   seconds pass
//                        " = served 10.244.1.20:8080 10.244.2.20:8080 snat" behind it: what the model must say, too
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "support/reference/flows.h"

namespace waggle::reference {

// A packet of the client, or the answer of whatever backend its flow has (nothing, if it has no flow).
struct PacketStep {
  bool is_reply = false;
  bool by_xdp = false;  // comes in at XDP; what that leaves goes on to TC
  Link link = Link::kPod;
  FlowKey key;
  Signal signal = Signal::kData;
  std::string outcome = {};  // what the case says becomes of it; "": it does not say

  bool operator==(const PacketStep&) const = default;
};

// Nothing happens for a while, and then the agent sweeps the flow tables.
struct Pause {
  uint32_t seconds = 0;

  bool operator==(const Pause&) const = default;
};

using Step = std::variant<Event, PacketStep, Pause, Call>;

struct Scenario {
  Settings settings = {};
  std::vector<Step> steps = {};
};

std::string text_of(const PacketStep& step);
std::string text_of(const Step& step);
std::string text_of(const Scenario& scenario);
Result<Scenario> parse_scenario(const std::string& text, const std::string& file);

// Leaves out steps, and parts of objects, as long as it still fails.
Scenario shrunk(Scenario scenario, const std::function<bool(const Scenario&)>& fails);

}  // namespace waggle::reference
