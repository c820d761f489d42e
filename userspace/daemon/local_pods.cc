// SPDX-License-Identifier: Apache-2.0
#include "daemon/local_pods.h"

#include <algorithm>

namespace waggle {
namespace {

wg_detector detector_of(DetectLocalMode mode) {
  switch (mode) {
    case DetectLocalMode::kLinks:
      return WG_DETECT_EVERY_LINK;
    case DetectLocalMode::kBridgeInterface:
    case DetectLocalMode::kInterfaceNamePrefix:
      return WG_DETECT_LINKS;
    case DetectLocalMode::kClusterCidr:
    case DetectLocalMode::kNodeCidr:
      return WG_DETECT_CIDR;
    case DetectLocalMode::kNone:
      break;
  }
  return WG_DETECT_NONE;
}

IpAddress mask_of(const Cidr& cidr) {
  constexpr unsigned kByteBits = 8;
  IpAddress mask{.family = cidr.address.family};
  for (unsigned bit = 0; bit < cidr.prefix_length; ++bit)
    mask.bytes[bit / kByteBits] = static_cast<uint8_t>(mask.bytes[bit / kByteBits] | 0x80u >> bit % kByteBits);
  return mask;
}

}  // namespace

wg_prefix prefix_of(const Cidr& cidr) {
  wg_prefix prefix{};
  const auto address = cidr.address.words();
  const auto mask = mask_of(cidr).words();
  for (size_t word = 0; word < address.size(); ++word) {
    prefix.address[word] = address[word] & mask[word];
    prefix.mask[word] = mask[word];
  }
  return prefix;
}

PodDetector pod_detector(const DetectLocal& detect, const std::vector<Cidr>& pod_cidrs) {
  PodDetector detector{.detector = detector_of(detect.mode), .pod_cidrs = {}};
  if (detector.detector != WG_DETECT_CIDR) return detector;
  const auto& cidrs = detect.mode == DetectLocalMode::kNodeCidr ? pod_cidrs : detect.cluster_cidrs;
  for (const Cidr& cidr : cidrs) {
    auto& place = detector.pod_cidrs[static_cast<size_t>(cidr.address.family)];
    if (!place.has_value()) place = prefix_of(cidr);
  }
  const bool any = std::ranges::any_of(detector.pod_cidrs, [](const auto& prefix) { return prefix.has_value(); });
  if (!any) detector.detector = WG_DETECT_NONE;
  return detector;
}

bool leads_to_local_pods(const DetectLocal& detect, const NodeInterfaces& interfaces, const Interface& link,
                         bool uplink) {
  const Interface* master = link.master == 0 ? nullptr : interfaces.find(link.master);
  const auto it_or_its_bridge = [&](const auto& fits) {
    return fits(link.name) || (master != nullptr && fits(master->name));
  };
  switch (detect.mode) {
    case DetectLocalMode::kLinks:
      return !uplink;
    case DetectLocalMode::kBridgeInterface:
      return it_or_its_bridge([&](const std::string& name) { return name == detect.bridge_interface; });
    case DetectLocalMode::kInterfaceNamePrefix:
      return it_or_its_bridge([&](const std::string& name) { return name.starts_with(detect.interface_name_prefix); });
    case DetectLocalMode::kNone:
    case DetectLocalMode::kClusterCidr:
    case DetectLocalMode::kNodeCidr:
      break;
  }
  return false;
}

}  // namespace waggle
