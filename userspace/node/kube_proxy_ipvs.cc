// SPDX-License-Identifier: Apache-2.0
#include "node/kube_proxy_ipvs.h"

#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <string_view>

namespace waggle {
namespace {

constexpr size_t kMessageBytes = 256;  // more than any message here has
constexpr size_t kAnswerBytes = 8192;
constexpr uint8_t kSetProtocol = 6;  // of ipset; every kernel speaks it
constexpr std::array<std::string_view, 17> kSets{"LOOP-BACK",
                                                 "CLUSTER-IP",
                                                 "EXTERNAL-IP",
                                                 "EXTERNAL-IP-LOCAL",
                                                 "LOAD-BALANCER",
                                                 "LOAD-BALANCER-LOCAL",
                                                 "LOAD-BALANCER-FW",
                                                 "LOAD-BALANCER-SOURCE-IP",
                                                 "LOAD-BALANCER-SOURCE-CIDR",
                                                 "NODE-PORT-TCP",
                                                 "NODE-PORT-LOCAL-TCP",
                                                 "NODE-PORT-UDP",
                                                 "NODE-PORT-LOCAL-UDP",
                                                 "NODE-PORT-SCTP-HASH",
                                                 "NODE-PORT-LOCAL-SCTP-HASH",
                                                 "HEALTH-CHECK-NODE-PORT",
                                                 "IPVS-IPS"};

struct CloseSocket {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using Netlink = std::unique_ptr<mnl_socket, CloseSocket>;
using Message = std::array<char, kMessageBytes>;

tl::unexpected<Error> removal_failure(std::string_view what, int code) {
  const std::string why = code >= IPSET_ERR_PRIVATE ? "a rule still asks it" : std::strerror(code);
  return failure(fmt::format("{} of kube-proxy cannot be removed: {}", what, why), code);
}

Result<Netlink> open_netlink(int bus, std::string_view what) {
  Netlink netlink(mnl_socket_open2(bus, SOCK_CLOEXEC));
  if (netlink == nullptr || mnl_socket_bind(netlink.get(), 0, MNL_SOCKET_AUTOPID) < 0)
    return removal_failure(what, errno);
  return netlink;
}

// The kernel's answer to one request: 0 or what errno would be.
int asked(mnl_socket* netlink, const nlmsghdr* request) {
  if (mnl_socket_sendto(netlink, request, request->nlmsg_len) < 0) return errno;
  std::array<char, kAnswerBytes> answer{};
  const ssize_t size = mnl_socket_recvfrom(netlink, answer.data(), answer.size());
  if (size < 0) return errno;
  const unsigned port = mnl_socket_get_portid(netlink);
  return mnl_cb_run(answer.data(), static_cast<size_t>(size), 0, port, nullptr, nullptr) < 0 ? errno : 0;
}

int destroy_set(mnl_socket* netlink, const std::string& name) {
  alignas(nlmsghdr) Message message{};
  nlmsghdr* header = mnl_nlmsg_put_header(message.data());
  header->nlmsg_type = static_cast<uint16_t>(NFNL_SUBSYS_IPSET << 8 | IPSET_CMD_DESTROY);
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_EXCL;  // one that is not there is ENOENT
  auto* body = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  body->nfgen_family = NFPROTO_IPV4;
  body->version = NFNETLINK_V0;
  mnl_attr_put_u8(header, IPSET_ATTR_PROTOCOL, kSetProtocol);
  mnl_attr_put_strz(header, IPSET_ATTR_SETNAME, name.c_str());
  return asked(netlink, header);
}

}  // namespace

Result<size_t> remove_ipvs_link() {
  const std::string what = fmt::format("link {}", kIpvsLink);
  const auto netlink = open_netlink(NETLINK_ROUTE, what);
  if (!netlink) return tl::unexpected(netlink.error());
  alignas(nlmsghdr) Message message{};
  nlmsghdr* header = mnl_nlmsg_put_header(message.data());
  header->nlmsg_type = RTM_DELLINK;
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  mnl_nlmsg_put_extra_header(header, sizeof(ifinfomsg));
  mnl_attr_put_strz(header, IFLA_IFNAME, kIpvsLink);
  const int code = asked(netlink->get(), header);
  if (code == ENODEV) return 0;
  if (code != 0) return removal_failure(what, code);
  return 1;
}

// kube-proxy puts the family behind the prefix, and cuts the name where it grows too long for the kernel.
std::vector<std::string> ipvs_set_names() {
  std::vector<std::string> names;
  for (const std::string_view set : kSets) {
    names.push_back(fmt::format("KUBE-{}", set));
    names.push_back(fmt::format("KUBE-6-{}", set).substr(0, IPSET_MAXNAMELEN - 1));
  }
  return names;
}

// Asking a kernel that never had a set would load the module for them.
Result<size_t> remove_ipvs_sets(const std::string& sys_module) {
  if (::access(sys_module.c_str(), F_OK) != 0) return 0;
  const auto netlink = open_netlink(NETLINK_NETFILTER, "sets");
  if (!netlink) return tl::unexpected(netlink.error());
  size_t removed = 0;
  for (const std::string& name : ipvs_set_names()) {
    const int code = destroy_set(netlink->get(), name);
    if (code != 0 && code != ENOENT) return removal_failure(fmt::format("set {}", name), code);
    removed += code == 0 ? 1 : 0;
  }
  return removed;
}

std::string ipvs_servers_words(const std::string& table) {
  std::ifstream lines(table);
  size_t servers = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string kind = line.substr(0, line.find(' '));
    servers += kind == "TCP" || kind == "UDP" || kind == "SCTP" || kind == "FWM" ? 1 : 0;
  }
  if (servers == 0) return "";
  return fmt::format(
      "this node has {} virtual server{} of IPVS, which Waggle does not touch: if all are kube-proxy's, remove them "
      "with "
      "`ipvsadm --clear`, else one by one with `ipvsadm --delete-service`",
      servers, servers == 1 ? "" : "s");
}

std::string ipvs_link_words(const NodeInterfaces& interfaces, bool goes) {
  const Interface* link = interfaces.find(std::string_view(kIpvsLink));
  if (link == nullptr) return "";
  return fmt::format(
      "link {} of kube-proxy's ipvs mode makes every service address it holds an address of this node: packets to them "
      "that are for no port of a service end here, and node ports may be served there; {}",
      kIpvsLink,
      goes ? "it is removed once the services are programmed"
           : fmt::format("where kube-proxy has ended, remove it with `ip link delete {}`", kIpvsLink));
}

}  // namespace waggle
