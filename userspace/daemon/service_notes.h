// SPDX-License-Identifier: Apache-2.0
// What services ask for and do not get, or had better not have: a sentence for each such thing, with the number of
// services it concerns and a few of their names. Owned by the agent, which hands it every event of the source, puts the
// sentences into the status and logs each once.
#pragma once

#include <array>
#include <set>
#include <string>
#include <vector>

#include "model/state.h"
#include "node/interfaces.h"

namespace waggle {

class ServiceNotes {
 public:
  struct Note {
    bool grave = false;  // somebody should act on it
    std::string text;
  };

  void take(const std::vector<Event>& events, const NodeInterfaces& interfaces);
  [[nodiscard]] std::vector<std::string> all() const;
  // Those that were never answered here before.
  std::vector<Note> news();

 private:
  enum Thing : uint8_t { kNodePort, kExternalIp, kSourceRange, kAffinity, kOwnAddress };
  static constexpr std::array kAll = {kNodePort, kExternalIp, kSourceRange, kAffinity, kOwnAddress};

  [[nodiscard]] static bool asks(const Service& service, Thing thing, const NodeInterfaces& interfaces);
  [[nodiscard]] Note note(Thing thing) const;

  std::array<std::set<ObjectName>, kAll.size()> asking_;
  std::array<bool, kAll.size()> told_{};
};

}  // namespace waggle
