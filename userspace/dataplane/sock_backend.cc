// SPDX-License-Identifier: Apache-2.0
#include "dataplane/sock_backend.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "dataplane/errors.h"
#include "waggle/abi/backend.h"
#include "waggle/abi/service.h"

namespace waggle {
namespace {

// Nothing: there is no such entry.
template <typename Value, typename Key>
Result<std::optional<Value>> look_up(const PinnedMaps& maps, const char* table, const Key& key) {
  Value value{};
  if (::bpf_map_lookup_elem(maps.fd(table), &key, &value) == 0) return value;
  if (errno == ENOENT) return std::optional<Value>();
  return system_failure(fmt::format("reading table {}", table), errno);
}

// The endpoint that the socket was given, at the index it then had.
bool serves(const wg_backend& backend, const wg_sock_key& key, uint32_t service) {
  return (backend.state == WG_BACKEND_ACTIVE || backend.state == WG_BACKEND_TERMINATING) &&
         backend.service == service && backend.port == key.port &&
         std::memcmp(backend.address, key.address, sizeof(key.address)) == 0;
}

bool has_backends(const wg_service& service) {
  return wg_set_count(service.cluster_set) > 0 || wg_set_count(service.local_set) > 0;
}

}  // namespace

Result<SockBackend> read_sock_backend(const PinnedMaps& maps, const wg_sock_key& key) {
  const auto given = look_up<wg_sock_value>(maps, "sock_flows", key);
  if (!given) return tl::unexpected(given.error());
  if (!given->has_value()) return SockBackend::kNotOurs;
  const auto backend = look_up<wg_backend>(maps, "backends", (*given)->backend);
  if (!backend) return tl::unexpected(backend.error());
  if (backend->has_value() && serves(**backend, key, (*given)->service)) return SockBackend::kServes;
  const auto service = look_up<wg_service>(maps, "services", (*given)->service);
  if (!service) return tl::unexpected(service.error());
  const bool others = service->has_value() && has_backends(**service);
  return others ? SockBackend::kGone : SockBackend::kGoneWithoutOthers;
}

}  // namespace waggle
