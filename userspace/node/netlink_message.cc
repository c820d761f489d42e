// SPDX-License-Identifier: Apache-2.0
#include "node/netlink_message.h"

#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "node/netlink_attributes.h"

namespace waggle {
namespace {

std::string text_of(const nlattr* attribute) {
  const char* text = static_cast<const char*>(mnl_attr_get_payload(attribute));
  return std::string(text, strnlen(text, mnl_attr_get_payload_len(attribute)));
}

std::string kind_of(const nlattr* link_info) {
  std::string kind;
  for_each_nested(link_info, [&kind](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND) kind = text_of(attribute);
  });
  return kind;
}

Interface decode_link(const nlmsghdr* message, const Interface* known) {
  const auto* header = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  Interface link = known != nullptr ? *known : Interface{};
  link.index = static_cast<uint32_t>(header->ifi_index);
  link.up = (header->ifi_flags & IFF_UP) != 0;
  link.ethernet = header->ifi_type == ARPHRD_ETHER;
  link.loopback = header->ifi_type == ARPHRD_LOOPBACK;
  link.master = 0;  // a link that left its bridge is announced without one
  for_each_attribute(message, sizeof(ifinfomsg), [&link](const nlattr* attribute) {
    const uint16_t type = mnl_attr_get_type(attribute);
    if (type == IFLA_IFNAME) link.name = text_of(attribute);
    if (type == IFLA_MTU && is_u32(attribute)) link.mtu = mnl_attr_get_u32(attribute);
    if (type == IFLA_MASTER && is_u32(attribute)) link.master = mnl_attr_get_u32(attribute);
    if (type == IFLA_LINKINFO) link.kind = kind_of(attribute);
  });
  return link;
}

void apply_link(const nlmsghdr* message, NodeInterfaces& interfaces, NodeChanges& changes) {
  const auto* header = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  // A bridge announces its ports under its own family: leaving a bridge is not the end of the link.
  if (header->ifi_family == AF_BRIDGE) return;
  const auto index = static_cast<uint32_t>(header->ifi_index);
  if (message->nlmsg_type == RTM_DELLINK) {
    if (!interfaces.remove(index)) return;
    changes.vanished.insert(index);
    changes.changed.erase(index);
  } else if (interfaces.put(decode_link(message, interfaces.find(index)))) {
    changes.changed.insert(index);
  }
  changes.next_hops = changes.routes = true;
}

std::optional<IpAddress> decode_ip(uint8_t family, const nlattr* attribute) {
  if (family != AF_INET && family != AF_INET6) return std::nullopt;
  const size_t size = family == AF_INET ? 4 : 16;
  if (mnl_attr_get_payload_len(attribute) != size) return std::nullopt;
  IpAddress address;
  address.family = family == AF_INET ? Family::kIpv4 : Family::kIpv6;
  std::memcpy(address.bytes.data(), mnl_attr_get_payload(attribute), size);
  return address;
}

std::optional<InterfaceAddress> decode_address(const nlmsghdr* message) {
  const auto* header = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
  InterfaceAddress address;
  address.prefix_length = header->ifa_prefixlen;
  address.scope = header->ifa_scope;
  address.flags = header->ifa_flags;
  std::optional<IpAddress> own;   // IFA_LOCAL: this end of the link
  std::optional<IpAddress> peer;  // IFA_ADDRESS: the other end on point-to-point links, else the same
  for_each_attribute(message, sizeof(ifaddrmsg), [&](const nlattr* attribute) {
    const uint16_t type = mnl_attr_get_type(attribute);
    if (type == IFA_LOCAL) own = decode_ip(header->ifa_family, attribute);
    if (type == IFA_ADDRESS) peer = decode_ip(header->ifa_family, attribute);
    if (type == IFA_FLAGS && is_u32(attribute)) address.flags = mnl_attr_get_u32(attribute);
  });
  if (!own.has_value() && !peer.has_value()) return std::nullopt;
  address.address = own.has_value() ? *own : *peer;
  return address;
}

void apply_address(const nlmsghdr* message, NodeInterfaces& interfaces, NodeChanges& changes) {
  const auto* header = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
  const auto address = decode_address(message);
  if (!address.has_value()) return;
  const bool changed = message->nlmsg_type == RTM_NEWADDR ? interfaces.put_address(header->ifa_index, *address)
                                                          : interfaces.remove_address(header->ifa_index, *address);
  if (!changed) return;
  changes.changed.insert(header->ifa_index);
  changes.next_hops = changes.routes = true;
}

// Entries of a bridge's forwarding table come as neighbours too; they lead no IP packet anywhere.
bool concerns_ip(const nlmsghdr* message) {
  const auto* header = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(message));
  return header->ndm_family == AF_INET || header->ndm_family == AF_INET6;
}

}  // namespace

void apply_netlink_message(const nlmsghdr* message, NodeInterfaces& interfaces, NodeChanges& changes) {
  const size_t size = mnl_nlmsg_get_payload_len(message);
  switch (message->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      if (size >= sizeof(ifinfomsg)) apply_link(message, interfaces, changes);
      break;
    case RTM_NEWADDR:
    case RTM_DELADDR:
      if (size >= sizeof(ifaddrmsg)) apply_address(message, interfaces, changes);
      break;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      changes.next_hops = changes.routes = true;
      break;
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      if (size >= sizeof(ndmsg) && concerns_ip(message)) changes.next_hops = true;
      break;
    default:
      break;
  }
}

}  // namespace waggle
