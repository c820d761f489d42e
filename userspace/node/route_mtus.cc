// SPDX-License-Identifier: Apache-2.0
#include "node/route_mtus.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "node/netlink_attributes.h"
#include "node/netlink_socket.h"

namespace waggle {
namespace {

constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

uint32_t unlocked_mtu(const nlattr* metrics) {
  uint32_t mtu = kNone;
  uint32_t locked = 0;
  for_each_nested(metrics, [&](const nlattr* attribute) {
    if (!is_u32(attribute)) return;
    if (mnl_attr_get_type(attribute) == RTAX_MTU) mtu = mnl_attr_get_u32(attribute);
    if (mnl_attr_get_type(attribute) == RTAX_LOCK) locked = mnl_attr_get_u32(attribute);
  });
  return mtu == 0 || (locked & 1u << RTAX_MTU) != 0 ? kNone : mtu;
}

void add_next_hops(const nlattr* multipath, std::vector<uint32_t>& links) {
  const auto* at = static_cast<const char*>(mnl_attr_get_payload(multipath));
  size_t left = mnl_attr_get_payload_len(multipath);
  while (left >= sizeof(rtnexthop)) {
    rtnexthop hop;
    std::memcpy(&hop, at, sizeof hop);
    if (hop.rtnh_len < sizeof hop || hop.rtnh_len > left) return;
    links.push_back(static_cast<uint32_t>(hop.rtnh_ifindex));
    const size_t step = std::min<size_t>(RTNH_ALIGN(hop.rtnh_len), left);
    at += step;
    left -= step;
  }
}

bool leads_elsewhere(const rtmsg& route, uint32_t table) {
  const bool ip = route.rtm_family == AF_INET || route.rtm_family == AF_INET6;
  return ip && route.rtm_type == RTN_UNICAST && table != RT_TABLE_LOCAL && (route.rtm_flags & RTM_F_CLONED) == 0;
}

Result<void> ask_for_routes(mnl_socket* socket) {
  std::array<char, MNL_NLMSG_HDRLEN + sizeof(rtmsg)> request{};
  nlmsghdr* header = mnl_nlmsg_put_header(request.data());
  header->nlmsg_type = RTM_GETROUTE;
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  mnl_nlmsg_put_extra_header(header, sizeof(rtmsg));
  if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0) return netlink_failure("ask for the routes");
  return {};
}

// Answers whether these are the last.
Result<bool> take_routes(const char* buffer, int bytes, RouteMtus& mtus) {
  const auto* message = reinterpret_cast<const nlmsghdr*>(buffer);
  for (; mnl_nlmsg_ok(message, bytes); message = mnl_nlmsg_next(message, &bytes)) {
    if (message->nlmsg_type == NLMSG_DONE) return true;
    if (message->nlmsg_type == NLMSG_ERROR) {
      errno = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message))->error;
      return netlink_failure("list the routes");
    }
    note_route(message, mtus);
  }
  return false;
}

}  // namespace

void RouteMtus::note(uint32_t ifindex, uint32_t mtu) {
  const auto [place, fresh] = by_index_.try_emplace(ifindex, mtu);
  if (!fresh) place->second = std::min(place->second, mtu);
}

uint32_t RouteMtus::smallest(uint32_t ifindex) const {
  const auto of = [this](uint32_t index) {
    const auto found = by_index_.find(index);
    return found == by_index_.end() ? kNone : found->second;
  };
  return std::min(of(ifindex), of(kEveryLink));
}

void note_route(const nlmsghdr* message, RouteMtus& mtus) {
  if (message->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(message) < sizeof(rtmsg)) return;
  const auto* route = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(message));
  uint32_t table = route->rtm_table;
  uint32_t mtu = kNone;
  std::vector<uint32_t> links;
  for_each_attribute(message, sizeof(rtmsg), [&](const nlattr* attribute) {
    const uint16_t type = mnl_attr_get_type(attribute);
    if (type == RTA_TABLE && is_u32(attribute)) table = mnl_attr_get_u32(attribute);
    if (type == RTA_OIF && is_u32(attribute)) links.push_back(mnl_attr_get_u32(attribute));
    if (type == RTA_MULTIPATH) add_next_hops(attribute, links);
    if (type == RTA_METRICS) mtu = unlocked_mtu(attribute);
  });
  if (mtu == kNone || !leads_elsewhere(*route, table)) return;
  // A next hop object (`nhid`) is told without its links where net.ipv4.nexthop_compat_mode is 0.
  if (links.empty()) mtus.note_everywhere(mtu);
  for (const uint32_t link : links) mtus.note(link, mtu);
}

Result<RouteMtus> read_route_mtus() {
  auto socket = open_route_socket(0);
  if (!socket) return tl::unexpected(std::move(socket.error()));
  if (auto asked = ask_for_routes(socket->get()); !asked) return tl::unexpected(std::move(asked.error()));
  RouteMtus mtus;
  std::vector<char> buffer(kNetlinkBufferBytes);
  for (;;) {
    const ssize_t received = mnl_socket_recvfrom(socket->get(), buffer.data(), buffer.size());
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return netlink_failure("list the routes");
    auto last = take_routes(buffer.data(), static_cast<int>(received), mtus);
    if (!last) return tl::unexpected(std::move(last.error()));
    if (*last) return mtus;
  }
}

}  // namespace waggle
