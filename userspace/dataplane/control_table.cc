// SPDX-License-Identifier: Apache-2.0
#include "dataplane/control_table.h"

#include <fmt/format.h>

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

void ControlTable::bump_nexthop_epoch() { __atomic_fetch_add(&control()->nexthop_epoch, 1, __ATOMIC_RELEASE); }

}  // namespace waggle
