// SPDX-License-Identifier: Apache-2.0
#include "dataplane/device.h"

#include <fmt/format.h>
#include <net/if.h>

#include <array>
#include <cerrno>

namespace waggle {

std::string device_name(uint32_t ifindex) {
  std::array<char, IF_NAMESIZE> name{};
  return ::if_indextoname(ifindex, name.data()) != nullptr ? std::string(name.data()) : fmt::format("#{}", ifindex);
}

std::string device_words(uint32_t ifindex) {
  return fmt::format("device {} (index {})", device_name(ifindex), ifindex);
}

Result<void> check_device(uint32_t ifindex) {
  std::array<char, IF_NAMESIZE> name{};
  if (::if_indextoname(ifindex, name.data()) != nullptr) return {};
  return failure(fmt::format("attaching programs: no device with index {} in this network namespace", ifindex), ENODEV);
}

}  // namespace waggle
