// SPDX-License-Identifier: Apache-2.0
#include "node/conntrack_settings.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include "node/setting_file.h"

namespace waggle {
namespace {

constexpr uint64_t kMostScaled = 1048576;  // connections; what many CPUs alone may ask for
constexpr uint64_t kPerBucket = 4;         // connections in a bucket of the hash table

// The process may not write it, or it is not there: no reason to leave services without a proxy.
bool is_harmless(const Error& error) {
  return error.code == EROFS || error.code == EACCES || error.code == EPERM || error.code == ENOENT;
}

std::optional<uint64_t> number_in(const std::string& text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

class Applied {
 public:
  explicit Applied(const ConntrackPaths& paths) : paths_(paths) {}

  // Whether the setting is now at least `wanted`.
  Result<bool> raise(const std::string& path, uint64_t wanted) {
    const auto known = read_setting(path);
    if (!known) return excuse(known.error());
    const auto present = number_in(*known);
    if (present.has_value() && *present >= wanted) return true;
    return write(path, wanted);
  }

  Result<bool> set(std::string_view name, std::chrono::seconds wanted) {
    if (wanted.count() == 0) return true;
    const std::string path = fmt::format("{}/net/netfilter/nf_conntrack_{}", paths_.proc_sys, name);
    const auto known = read_setting(path);
    if (!known) return excuse(known.error());
    if (number_in(*known) == static_cast<uint64_t>(wanted.count())) return true;
    return write(path, static_cast<uint64_t>(wanted.count()));
  }

  Result<void> raise_max(uint64_t wanted) {
    if (wanted == 0) return {};
    const auto raised = raise(paths_.proc_sys + "/net/netfilter/nf_conntrack_max", wanted);
    if (!raised) return tl::unexpected(raised.error());
    if (!*raised) return {};
    const auto widened = raise(paths_.module + "/hashsize", wanted / kPerBucket);
    if (!widened) return tl::unexpected(widened.error());
    return {};
  }

  std::vector<std::string> notices;

 private:
  Result<bool> write(const std::string& path, uint64_t wanted) {
    const auto written = write_setting(path, fmt::format("{}", wanted));
    if (!written) return excuse(written.error());
    return true;
  }

  Result<bool> excuse(const Error& error) {
    if (!is_harmless(error)) return tl::unexpected(error);
    notices.push_back(error.message);
    return false;
  }

  const ConntrackPaths& paths_;
};

}  // namespace

uint32_t wanted_conntrack_max(const ConntrackSettings& settings, unsigned cpus) {
  if (settings.max_per_core == 0) return 0;
  const uint64_t scaled = uint64_t{settings.max_per_core} * cpus;
  if (scaled > kMostScaled) return kMostScaled;
  return std::max(static_cast<uint32_t>(scaled), settings.min);
}

Result<std::vector<std::string>> apply_conntrack(const ConntrackSettings& settings, unsigned cpus,
                                                 const ConntrackPaths& paths) {
  if (::access((paths.proc_sys + "/net/netfilter").c_str(), F_OK) != 0)
    return std::vector<std::string>{"connection tracking is not set up: the kernel module nf_conntrack is not loaded"};
  Applied applied(paths);
  if (auto raised = applied.raise_max(wanted_conntrack_max(settings, cpus)); !raised)
    return tl::unexpected(raised.error());
  const std::pair<std::string_view, std::chrono::seconds> wanted[] = {
      {"tcp_timeout_established", settings.tcp_established},
      {"tcp_timeout_close_wait", settings.tcp_close_wait},
      {"tcp_be_liberal", std::chrono::seconds(settings.tcp_be_liberal ? 1 : 0)},
      {"udp_timeout", settings.udp},
      {"udp_timeout_stream", settings.udp_stream}};
  for (const auto& [name, value] : wanted) {
    if (const auto set = applied.set(name, value); !set) return tl::unexpected(set.error());
  }
  return std::move(applied.notices);
}

unsigned online_cpus() {
  const long count = ::sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? static_cast<unsigned>(count) : 1;
}

}  // namespace waggle
