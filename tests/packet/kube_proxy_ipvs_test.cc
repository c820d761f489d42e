// SPDX-License-Identifier: Apache-2.0
// What kube-proxy's ipvs mode leaves is removed and nothing else is, with a real link and real sets in a network
// namespace. IPVS itself, which this kernel may lack, is only read from a file. Needs root.
#include "node/kube_proxy_ipvs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <sched.h>

#include <array>
#include <cerrno>
#include <fstream>

#include "node/kube_proxy_rules.h"
#include "node/node_watch.h"
#include "node/run_program.h"

namespace waggle {
namespace {

using testing::Contains;
using testing::HasSubstr;

// As `ipset create NAME hash:ip`; answers the errno, 0 for success.
int create_set(const std::string& name) {
  mnl_socket* netlink = mnl_socket_open(NETLINK_NETFILTER);
  mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID);
  alignas(nlmsghdr) std::array<char, 512> message{};
  nlmsghdr* header = mnl_nlmsg_put_header(message.data());
  header->nlmsg_type = NFNL_SUBSYS_IPSET << 8 | IPSET_CMD_CREATE;
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  auto* body = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  body->nfgen_family = NFPROTO_IPV4;
  mnl_attr_put_u8(header, IPSET_ATTR_PROTOCOL, 6);
  mnl_attr_put_strz(header, IPSET_ATTR_SETNAME, name.c_str());
  mnl_attr_put_strz(header, IPSET_ATTR_TYPENAME, "hash:ip");
  mnl_attr_put_u8(header, IPSET_ATTR_REVISION, 0);
  mnl_attr_put_u8(header, IPSET_ATTR_FAMILY, NFPROTO_IPV4);
  mnl_attr_nest_end(header, mnl_attr_nest_start(header, IPSET_ATTR_DATA));
  int code = mnl_socket_sendto(netlink, header, header->nlmsg_len) < 0 ? errno : 0;
  const ssize_t size = code == 0 ? mnl_socket_recvfrom(netlink, message.data(), message.size()) : 0;
  if (size > 0 && mnl_cb_run(message.data(), static_cast<size_t>(size), 0, 0, nullptr, nullptr) < 0) code = errno;
  mnl_socket_close(netlink);
  return code;
}

struct Ipvs : testing::Test {
  void SetUp() override { ASSERT_EQ(::unshare(CLONE_NEWNET), 0) << "needs root"; }
  // This kernel may have no dummy links; what counts is the name.
  static void make_link(const std::string& name) {
    ASSERT_TRUE(run_program({"ip", "link", "add", name, "type", "bridge"}));
    ASSERT_TRUE(run_program({"ip", "address", "add", "10.96.0.1/32", "dev", name}));
    ASSERT_TRUE(run_program({"ip", "address", "add", "10.96.0.10/32", "dev", name}));
  }
  static NodeInterfaces interfaces() {
    const auto watch = watch_netlink();
    EXPECT_TRUE((*watch)->take());
    return (*watch)->interfaces();
  }
};

// Proves: O-70, O-71, O-72
TEST_F(Ipvs, LinkAndSetsOfKubeProxyGoAndThoseOfOthersStay) {
  make_link("kube-ipvs0");
  make_link("mine");
  const std::vector<std::string> sets{"KUBE-CLUSTER-IP", "KUBE-LOAD-BALANCER-SOURCE-CIDR", "KUBE-6-LOOP-BACK",
                                      "KUBE-6-LOAD-BALANCER-SOURCE-CID"};
  for (const std::string& set : sets) {
    ASSERT_THAT(ipvs_set_names(), Contains(set));
    ASSERT_EQ(create_set(set), 0) << set;
  }
  ASSERT_EQ(create_set("KUBE-MINE"), 0);
  const KubeProxyRules removed = remove_kube_proxy_rules(KubeProxyTable::kRemoved);
  EXPECT_TRUE(removed.problems.empty()) << removed.problems.front();
  EXPECT_EQ(removed.links, 1u);
  EXPECT_EQ(removed.sets, sets.size());
  EXPECT_THAT(kube_proxy_words(removed), HasSubstr("1 link of IPVS, 4 sets"));
  EXPECT_EQ(interfaces().find("kube-ipvs0"), nullptr);
  EXPECT_NE(interfaces().find("mine"), nullptr);
  EXPECT_EQ(create_set("KUBE-CLUSTER-IP"), 0) << "it is still there";
  EXPECT_NE(create_set("KUBE-MINE"), 0) << "it is gone";
}

TEST_F(Ipvs, WhatIsNotThereIsNoError) {
  const KubeProxyRules removed = remove_kube_proxy_rules(KubeProxyTable::kRemoved);
  EXPECT_TRUE(removed.problems.empty()) << removed.problems.front();
  EXPECT_FALSE(removed.any());
  EXPECT_EQ(ipvs_link_words(interfaces(), true), "");
  EXPECT_EQ(remove_ipvs_sets("/no-such-module").value(), 0u);
}

TEST_F(Ipvs, TheLinkIsNamedWithWhatItDoesAndWhoRemovesIt) {
  make_link("kube-ipvs0");
  EXPECT_THAT(
      ipvs_link_words(interfaces(), true),
      AllOf(HasSubstr("link kube-ipvs0 of kube-proxy's ipvs mode makes every service address it holds an address of"),
            HasSubstr("it is removed once the services are programmed")));
  EXPECT_THAT(ipvs_link_words(interfaces(), false), HasSubstr("remove it with `ip link delete kube-ipvs0`"));
}

TEST_F(Ipvs, VirtualServersAreCountedAndLeftToTheOperator) {
  const std::string table = testing::TempDir() + "waggle-ip-vs-" + std::to_string(::getpid());
  EXPECT_EQ(ipvs_servers_words(table), "");
  std::ofstream(table) << "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n"
                          "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\nTCP  0A600001:01BB rr \n"
                          "  -> 0A0A0002:192B      Masq    1      0          0\nUDP  0A60000A:0035 rr \n";
  EXPECT_THAT(ipvs_servers_words(table),
              AllOf(HasSubstr("this node has 2 virtual servers of IPVS"), HasSubstr("`ipvsadm --clear`")));
  std::remove(table.c_str());
}

}  // namespace
}  // namespace waggle
