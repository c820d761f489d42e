// SPDX-License-Identifier: Apache-2.0
// Checks a Configuration and turns it into AgentOptions. Pure. Called by parse_agent_options().
#pragma once

#include <optional>
#include <string>

#include "daemon/config_settings.h"
#include "daemon/options.h"

namespace waggle {

// Collects the first complaint, so that the steps of a check read as a list.
class ConfigChecks {
 public:
  explicit ConfigChecks(const Configuration& configuration) : configuration_(configuration) {}

  void complain(std::string sentence) {
    if (!complaint_.has_value()) complaint_ = std::move(sentence);
  }
  // "--snat-ports what", or "waggle.yaml:12: snat.ports: what".
  void complain(Section section, std::string_view path, std::string_view what) {
    complain(name(section, path) + " " + std::string(what));
  }
  void unless(bool fine, Section section, std::string_view path, std::string_view what) {
    if (!fine) complain(section, path, what);
  }
  [[nodiscard]] std::string name(Section section, std::string_view path) const {
    return setting_name(configuration_, setting_at(section, path));
  }
  [[nodiscard]] bool said(Section section, std::string_view path) const {
    return configuration_.said_by.contains(&setting_at(section, path));
  }
  [[nodiscard]] const std::optional<std::string>& complaint() const { return complaint_; }

 private:
  const Configuration& configuration_;
  std::optional<std::string> complaint_;
};

// The parts of what follows: KubeProxyConfiguration and its flags (contract O-10, O-12), WaggleConfiguration and its
// own.
void take_kube_proxy(const Configuration& configuration, ConfigChecks& checks, AgentOptions& options);
void take_waggle(const Configuration& configuration, ConfigChecks& checks, AgentOptions& options);
// Who is a local pod, where node ports are served.
void take_addresses(const Configuration& configuration, ConfigChecks& checks, AgentOptions& options);

// host_name: for the node's name where nothing else names it.
Result<AgentOptions> agent_options(const Configuration& configuration, const std::string& host_name);

}  // namespace waggle
