// SPDX-License-Identifier: Apache-2.0
#include "daemon/node_ports.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <span>

#include "node/kube_proxy_ipvs.h"
#include "waggle/abi/frontend.h"

namespace waggle {
namespace {

const Cidr kLoopback4 = *Cidr::parse("127.0.0.0/8");
const Cidr kLoopback6 = *Cidr::parse("::1/128");
const Cidr kLinkLocal6 = *Cidr::parse("fe80::/10");

bool is_loopback(const IpAddress& address) { return kLoopback4.contains(address) || kLoopback6.contains(address); }

bool listed(const std::vector<Cidr>& cidrs, const IpAddress& address) {
  return std::ranges::any_of(cidrs, [&address](const Cidr& cidr) { return cidr.contains(address); });
}

template <typename Wanted>
std::vector<IpAddress> addresses_of(const NodeInterfaces& interfaces, const Wanted& wanted) {
  std::set<IpAddress> addresses;
  for (const auto& [index, link] : interfaces.all()) {
    for (const InterfaceAddress& own : link.addresses) {
      if (wanted(own.address)) addresses.insert(own.address);
    }
  }
  return {addresses.begin(), addresses.end()};
}

// Bucket: one of wg_frontend_bucket4 and 6.
template <typename Bucket>
void collect(std::span<const std::byte> bytes, Family family, std::set<IpAddress>& addresses) {
  for (size_t at = 0; at + sizeof(Bucket) <= bytes.size(); at += sizeof(Bucket)) {
    Bucket bucket;
    std::memcpy(&bucket, bytes.data() + at, sizeof(bucket));
    for (const auto& way : bucket.way) {
      const bool live = (way.kind & WG_FRONTEND_KIND_MASK) == WG_FRONTEND_LIVE;
      if (!live || (way.flags & WG_FRONTEND_NODE_PORT) == 0) continue;
      std::array<uint32_t, WG_ADDRESS_WORDS> words{};
      std::memcpy(words.data(), &way.address, sizeof(way.address));
      addresses.insert(IpAddress::from_words(family, words.data()));
    }
  }
}

}  // namespace

std::vector<Cidr> node_port_cidrs(const NodePortOptions& options, const NodeIps& ips) {
  if (options.accept == NodePortAccept::kListed) return options.cidrs;
  std::vector<Cidr> cidrs;
  if (options.accept == NodePortAccept::kEveryAddress) return cidrs;
  for (const IpAddress& ip : ips.all())
    cidrs.push_back({ip, static_cast<uint8_t>(ip.family == Family::kIpv4 ? 32 : 128)});
  return cidrs;
}

bool accepts_all(const std::vector<Cidr>& cidrs, Family family) {
  const auto of_family = [family](const Cidr& cidr) { return cidr.address.family == family; };
  return std::ranges::none_of(cidrs, of_family) ||
         std::ranges::any_of(cidrs, [&](const Cidr& cidr) { return of_family(cidr) && cidr.prefix_length == 0; });
}

std::vector<IpAddress> node_port_addresses(const std::vector<Cidr>& cidrs, const NodeInterfaces& interfaces) {
  return addresses_of(interfaces, [&cidrs](const IpAddress& address) {
    if (is_loopback(address)) return false;
    if (accepts_all(cidrs, address.family)) return !kLinkLocal6.contains(address);
    return listed(cidrs, address);
  });
}

std::vector<IpAddress> own_addresses(const NodeInterfaces& interfaces) {
  std::set<IpAddress> own;
  for (const auto& [index, link] : interfaces.all()) {
    if (link.name == kIpvsLink) continue;
    for (const InterfaceAddress& one : link.addresses) own.insert(one.address);
  }
  std::erase_if(own, [](const IpAddress& one) { return is_loopback(one) || kLinkLocal6.contains(one); });
  return {own.begin(), own.end()};
}

Result<std::vector<IpAddress>> adopted_node_port_addresses(TableStore& tables) {
  std::set<IpAddress> addresses;
  const auto frontends4 = tables.content(Table::kFrontends4);
  if (!frontends4) return tl::unexpected(frontends4.error());
  collect<wg_frontend_bucket4>(*frontends4, Family::kIpv4, addresses);
  const auto frontends6 = tables.content(Table::kFrontends6);
  if (!frontends6) return tl::unexpected(frontends6.error());
  collect<wg_frontend_bucket6>(*frontends6, Family::kIpv6, addresses);
  return std::vector<IpAddress>{addresses.begin(), addresses.end()};
}

std::vector<IpAddress> health_check_addresses(const std::vector<Cidr>& cidrs, const NodeInterfaces& interfaces) {
  std::vector<IpAddress> addresses = addresses_of(interfaces, [&cidrs](const IpAddress& address) {
    return !accepts_all(cidrs, address.family) && listed(cidrs, address);
  });
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    if (accepts_all(cidrs, family)) addresses.push_back(IpAddress{.family = family});
  }
  return addresses;
}

std::string loopback_notice(const NodePortOptions& options) {
  for (const Cidr& cidr : options.cidrs) {
    const bool covers =
        is_loopback(cidr.address) || cidr.contains(kLoopback4.address) || cidr.contains(kLoopback6.address);
    if (covers && cidr.prefix_length != 0)
      return fmt::format("nodePortAddresses: no node port is served on the loopback addresses of {}", cidr.text());
  }
  return "";
}

}  // namespace waggle
