// SPDX-License-Identifier: Apache-2.0
#include "dataplane/control_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace waggle {
namespace {

// A link is one aligned word, so one store sets it whole: stronger than the ABI's "ifindex last, cleared first".
static_assert(sizeof(wg_link) == sizeof(uint64_t) && offsetof(wg_control, link) % sizeof(uint64_t) == 0);

void store_link(wg_link* place, const wg_link& link) {
  uint64_t word = 0;
  std::memcpy(&word, &link, sizeof(word));
  __atomic_store_n(reinterpret_cast<uint64_t*>(place), word, __ATOMIC_RELEASE);
}

void store_prefix(wg_prefix& place, const wg_prefix& prefix) {
  for (size_t word = 0; word < WG_ADDRESS_WORDS; ++word) {
    __atomic_store_n(&place.mask[word], prefix.mask[word], __ATOMIC_RELAXED);
    __atomic_store_n(&place.address[word], prefix.address[word], __ATOMIC_RELAXED);
  }
}

}  // namespace

Result<ControlTable> ControlTable::open(int map_fd) {
  auto mapping = Mapping::map(map_fd, 0, sizeof(wg_control), true);
  if (!mapping) return tl::unexpected(std::move(mapping.error()).in("control"));
  return ControlTable(std::move(*mapping));
}

Result<void> ControlTable::set_snat_address(wg_family family, uint32_t index,
                                            const std::array<uint32_t, WG_ADDRESS_WORDS>& words) {
  if (index >= WG_SNAT_ADDRESSES) {
    return failure(
        fmt::format("SNAT address {}: there is room for {} node addresses of a family", index, WG_SNAT_ADDRESSES),
        ERANGE);
  }
  uint32_t* place = family == WG_IPV4 ? &control()->snat_address4[index] : control()->snat_address6[index];
  const uint32_t count = family == WG_IPV4 ? 1 : WG_ADDRESS_WORDS;
  // The programs take an address for set when its first word is not zero: that word goes first and comes back last.
  if (count > 1) __atomic_store_n(&place[0], 0, __ATOMIC_RELEASE);
  for (uint32_t word = count; word-- > 0;) __atomic_store_n(&place[word], words[word], __ATOMIC_RELEASE);
  return {};
}

wg_link* ControlTable::find(uint32_t home, uint32_t ifindex) const {
  for (uint32_t probe = 0; probe < WG_LINK_PROBES; ++probe) {
    wg_link* place = &control()->link[(home + probe) & (WG_LINKS - 1)];
    if (place->ifindex == ifindex) return place;
  }
  return nullptr;
}

Result<void> ControlTable::set_link(const wg_link& link) {
  if (link.ifindex == 0) return failure("a link needs an ifindex", EINVAL);
  wg_link* place = find(link.ifindex, link.ifindex);
  if (place == nullptr) place = find(link.ifindex, 0);
  if (place == nullptr) {
    return failure(
        fmt::format("link with index {}: its {} places in table control are taken by other links ({} in all)",
                    link.ifindex, WG_LINK_PROBES, WG_LINKS),
        ENOSPC);
  }
  store_link(place, link);
  return {};
}

void ControlTable::clear_link(uint32_t ifindex) {
  wg_link* place = ifindex == 0 ? nullptr : find(ifindex, ifindex);
  if (place != nullptr) store_link(place, wg_link{});
}

// A program that runs meanwhile may see some words of the old and some of the new prefix. So what is to change does not
// count while it changes.
void ControlTable::set_detector(wg_detector detector, const std::array<std::optional<wg_prefix>, 2>& pod_cidrs) {
  for (size_t family = 0; family < pod_cidrs.size(); ++family) {
    const bool has = pod_cidrs[family].has_value();
    const wg_prefix prefix = pod_cidrs[family].value_or(wg_prefix{});
    wg_prefix& place = control()->pod_cidr[family];
    const bool same = control()->has_pod_cidr[family] == static_cast<uint32_t>(has) &&
                      std::memcmp(&place, &prefix, sizeof(prefix)) == 0;
    if (same) continue;
    __atomic_store_n(&control()->has_pod_cidr[family], 0, __ATOMIC_SEQ_CST);
    store_prefix(place, prefix);
    __atomic_store_n(&control()->has_pod_cidr[family], static_cast<uint32_t>(has), __ATOMIC_RELEASE);
  }
  __atomic_store_n(&control()->detector, static_cast<uint32_t>(detector), __ATOMIC_RELEASE);
}

// The order of the ABI: the count goes down before what it counts no more is overwritten, and up after it is there.
size_t ControlTable::set_service_cidrs(wg_family family, std::span<const wg_prefix> cidrs) {
  uint32_t& count = control()->service_cidr_count[family];
  const size_t kept = std::min<size_t>(cidrs.size(), WG_SERVICE_CIDRS);
  size_t same = 0;
  while (same < std::min<size_t>(kept, count) &&
         std::memcmp(&control()->service_cidr[family][same], &cidrs[same], sizeof(wg_prefix)) == 0)
    ++same;
  __atomic_store_n(&count, static_cast<uint32_t>(same), __ATOMIC_SEQ_CST);
  for (size_t i = same; i < kept; ++i) store_prefix(control()->service_cidr[family][i], cidrs[i]);
  __atomic_store_n(&count, static_cast<uint32_t>(kept), __ATOMIC_RELEASE);
  return cidrs.size() - kept;
}

void ControlTable::bump_nexthop_epoch() { __atomic_fetch_add(&control()->nexthop_epoch, 1, __ATOMIC_RELEASE); }

}  // namespace waggle
