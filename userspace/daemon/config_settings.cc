// SPDX-License-Identifier: Apache-2.0
#include "daemon/config_settings.h"

#include <fmt/format.h>

#include <algorithm>

namespace waggle {

std::string setting_name(const Configuration& configuration, const Setting& setting) {
  const auto said = configuration.said_by.find(&setting);
  if (said != configuration.said_by.end()) return said->second;
  return setting.path.empty() ? fmt::format("--{}", setting.flag) : std::string(setting.path);
}

const Setting& setting_at(Section section, std::string_view path) {
  const auto settings = section == Section::kKubeProxy ? kube_proxy_settings() : waggle_settings();
  return *std::ranges::find(settings, path, &Setting::path);
}

}  // namespace waggle
