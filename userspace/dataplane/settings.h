// SPDX-License-Identifier: Apache-2.0
// What the programs are told: struct wg_settings and struct wg_meta out of the configuration. Used by Dataplane::open.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "dataplane/dataplane.h"
#include "dataplane/pinned_maps.h"
#include "waggle/abi/settings.h"

namespace waggle {

Result<void> check_config(const DataplaneConfig& config);

// Meta of newly made tables, with a new random hash key.
Result<wg_meta> fresh_meta(const DataplaneConfig& config);

// Masks, hash key, HZ and SNAT ports are those of the pinned tables, the rest comes from the configuration.
wg_settings make_settings(const DataplaneConfig& config, const PinnedMaps& maps, uint64_t netns_cookie);

// What to say if the pinned tables overrule the configured SNAT ports.
std::optional<std::string> port_notice(const DataplaneConfig& config, const wg_meta& meta);

// What to say if the pinned tables were made for a node of another name.
std::optional<std::string> node_notice(const std::string& node_name, const wg_meta& meta);

}  // namespace waggle
