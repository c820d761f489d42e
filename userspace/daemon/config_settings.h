// SPDX-License-Identifier: Apache-2.0
// The one table of everything that can be set: where it stands in a file, which flag it has, what becomes of it.
// Reading files, reading flags, writing files and the help are loops over it; docs/configuration.md is checked against
// it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "daemon/config.h"

namespace waggle {

using ConfigPlace = std::variant<Anything*, std::string*, bool*, int32_t*, uint32_t*, Bits*, double*, Duration*,
                                 std::vector<std::string>*, Gates*>;

enum class Section : uint8_t { kKubeProxy, kWaggle, kCommandLine };

enum class Use : uint8_t {
  kHonoured,
  kIgnored,  // accepted, so that files and manifests written for kube-proxy work
};

struct Setting {
  Section section;
  std::string_view path;  // in its document, "iptables.syncPeriod"; empty: a flag only
  std::string_view flag;  // empty: in files only. Two settings may share a flag
  std::string_view value_name;
  Use use;
  std::string_view help;
  ConfigPlace (*place)(Configuration&);
  bool zero_is_default = false;  // in the file: what kubeadm writes for "not set"
  bool beats_file = false;       // kube-proxy's flags that count beside a KubeProxyConfiguration, too
};

std::span<const Setting> kube_proxy_settings();
std::span<const Setting> waggle_settings();
std::span<const Setting> command_line_settings();

// Calls visit(const Setting&) for all of them.
template <typename Visit>
void for_each_setting(const Visit& visit) {
  for (const auto& part : {kube_proxy_settings(), waggle_settings(), command_line_settings()})
    for (const Setting& setting : part) visit(setting);
}

// For messages: who set it, else its name.
std::string setting_name(const Configuration& configuration, const Setting& setting);
// The setting behind a path of a document. There is one: paths are written in the code only.
const Setting& setting_at(Section section, std::string_view path);

}  // namespace waggle
