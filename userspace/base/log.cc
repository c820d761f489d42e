// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <memory>
#include <utility>

namespace waggle {
namespace {

constexpr std::array<std::pair<std::string_view, spdlog::level::level_enum>, 6> kLevels{{
    {"trace", spdlog::level::trace},
    {"debug", spdlog::level::debug},
    {"info", spdlog::level::info},
    {"warn", spdlog::level::warn},
    {"error", spdlog::level::err},
    {"off", spdlog::level::off},
}};

}  // namespace

Result<void> start_log(std::string_view level) {
  for (const auto& [name, number] : kLevels) {
    if (name != level) continue;
    auto logger = std::make_shared<spdlog::logger>("waggle", std::make_shared<spdlog::sinks::stderr_sink_st>());
    logger->set_level(number);
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
    logger->flush_on(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
    return {};
  }
  return failure(fmt::format("log level '{}' is unknown: use trace, debug, info, warn, error or off", level));
}

}  // namespace waggle
