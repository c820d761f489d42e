// SPDX-License-Identifier: Apache-2.0
#include "dataplane/errors.h"

#include <fmt/format.h>
#include <linux/capability.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <system_error>

namespace waggle {
namespace {

struct NeededCapability {
  unsigned bit;
  const char* name;
};

constexpr std::array kNeeded = {
    NeededCapability{CAP_BPF, "CAP_BPF"},
    NeededCapability{CAP_NET_ADMIN, "CAP_NET_ADMIN"},
    NeededCapability{CAP_PERFMON, "CAP_PERFMON"},
};

// What the kernel says of this process: the line's rest, empty if there is no such line.
std::string own_status(std::string_view name) {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with(name)) return line.substr(name.size());
  }
  return "";
}

uint64_t effective_capabilities() {
  const std::string text = own_status("CapEff:");
  return text.empty() ? ~uint64_t{0} : std::strtoull(text.c_str(), nullptr, 16);
}

// Container runtimes filter system calls, and older ones keep bpf(2) for CAP_SYS_ADMIN.
bool is_filtered() {
  constexpr long kFilterMode = 2;
  return std::strtol(own_status("Seccomp:").c_str(), nullptr, 10) == kFilterMode;
}

std::string refusal_words() {
  const std::string missing = missing_capabilities();
  if (!missing.empty()) return fmt::format("; this process lacks {}: run it as root or grant them", missing);
  return is_filtered() ? "; its seccomp profile may forbid it: see docs/install.md" : "";
}

}  // namespace

std::string error_words(int code) { return std::generic_category().message(code < 0 ? -code : code); }

std::string missing_capabilities() {
  const uint64_t have = effective_capabilities();
  std::string missing;
  for (const auto& capability : kNeeded) {
    const bool implied = capability.bit != CAP_NET_ADMIN && (have >> CAP_SYS_ADMIN & 1) != 0;
    if (implied || (have >> capability.bit & 1) != 0) continue;
    missing += missing.empty() ? "" : ", ";
    missing += capability.name;
  }
  return missing;
}

bool has_system_admin() { return (effective_capabilities() >> CAP_SYS_ADMIN & 1) != 0; }

tl::unexpected<Error> system_failure(std::string_view what, int code) {
  const int positive = code < 0 ? -code : code;
  std::string message = fmt::format("{}: {}", what, error_words(positive));
  if (positive == EPERM || positive == EACCES) message += refusal_words();
  return failure(std::move(message), positive);
}

}  // namespace waggle
