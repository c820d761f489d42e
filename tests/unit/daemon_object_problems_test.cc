// SPDX-License-Identifier: Apache-2.0
// Objects that contradict each other are named, in words and in an Event on the object.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/object_events.h"
#include "daemon/object_judge.h"
#include "daemon_fakes.h"

namespace waggle {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ServiceCidr range(const std::string& name, const std::vector<std::string>& texts) {
  ServiceCidr object;
  object.name = name;
  for (const std::string& text : texts) object.cidrs.push_back(*Cidr::parse(text));
  return object;
}

ServersConfig servers_at(const std::string& health, const std::string& metrics) {
  ServersConfig servers;
  servers.health = BindAddress{.address = *IpAddress::parse(health), .port = 10256};
  servers.metrics = BindAddress{.address = *IpAddress::parse(metrics), .port = 10249};
  return servers;
}

struct Judging : testing::Test {
  State state;
  ObjectJudge judge{own_ports(servers_at("0.0.0.0", "127.0.0.1"), {61440, 65535})};
};

Service with_node_port(Protocol protocol, uint16_t port) {
  Service service = service_event("web", "10.96.0.1");
  service.type = "NodePort";
  service.ports = {{.name = "a", .protocol = protocol, .port = 80, .node_port = port}};
  return service;
}

TEST_F(Judging, AClusterIpOutsideOfEveryRangeIsNamedWhileItIsSo) {
  state.apply(service_event("web", "10.200.0.1"));
  judge.judge(state, {"default", "web"});
  EXPECT_THAT(judge.standing_problems(), IsEmpty()) << "no range is known";
  state.apply(range("a", {"10.96.0.0/12", "fd00::/108"}));
  state.apply(service_event("api", "10.96.0.1"));
  judge.judge_all(state);
  EXPECT_THAT(judge.standing_problems(),
              ElementsAre(HasSubstr("Service default/web: its ClusterIP 10.200.0.1 lies in no ServiceCIDR that counts; "
                                    "the service's own ports are "
                                    "served, what goes to others is left alone")));
  state.apply(service_event("web", "10.96.0.2"));
  judge.judge(state, {"default", "web"});
  EXPECT_THAT(judge.standing_problems(), IsEmpty());
}

TEST_F(Judging, AClusterIpThatIsAHostsIsNamedWithTheHost) {
  Node node;
  node.name = "n1";
  node.addresses = {*IpAddress::parse("10.200.0.1")};
  state.apply(node);
  state.apply(service_event("web", "10.200.0.1"));
  judge.judge(state, {"default", "web"});
  EXPECT_THAT(judge.standing_problems(),
              ElementsAre("Service default/web: its ClusterIP 10.200.0.1 is an address of node n1; the service's own "
                          "ports are served, what goes to others is left alone; unless that is meant, create the "
                          "service with another ClusterIP"));
}

TEST_F(Judging, AnExternalIpThatLiesInARangeIsNamed) {
  Service web = service_event("web", "10.96.0.1");
  web.external_ips = {*IpAddress::parse("192.0.2.1"), *IpAddress::parse("10.96.0.77")};
  state.apply(web);
  judge.judge(state, {"default", "web"});
  EXPECT_THAT(judge.standing_problems(), IsEmpty()) << "no range is known";
  state.apply(range("a", {"10.96.0.0/12"}));
  judge.judge_all(state);
  EXPECT_THAT(judge.standing_problems(),
              ElementsAre("Service default/web: its external IP 10.96.0.77 lies in ServiceCIDR range 10.96.0.0/12; a "
                          "service that has it as ClusterIP comes first; use an external IP outside of all "
                          "ServiceCIDRs"));
}

TEST_F(Judging, ManySuchServicesAreCounted) {
  state.apply(range("a", {"10.96.0.0/12"}));
  for (int i = 0; i < 25; ++i) state.apply(service_event("web" + std::to_string(i), "10.200.0." + std::to_string(i)));
  judge.judge_all(state);
  EXPECT_EQ(judge.standing_problems().size(), 21u);
  EXPECT_EQ(judge.standing_problems().back(), "5 more services have a doubtful ClusterIP");
}

TEST_F(Judging, RangesThatOverlapAreNamedAndEqualOnesAreNot) {
  state.apply(range("a", {"10.96.0.0/12"}));
  state.apply(range("b", {"10.96.0.0/12", "10.100.0.0/16", "172.30.0.0/16"}));
  judge.judge_all(state);
  EXPECT_THAT(judge.standing_problems(),
              ElementsAre("ServiceCIDR a: 10.96.0.0/12 overlaps 10.100.0.0/16 of ServiceCIDR b"));
}

// What is dropped inside of such a range would cut the node off.
TEST_F(Judging, RangesThatHoldNodesOrPodsDoNotCountAndAreNamed) {
  Node node;
  node.name = "n1";
  node.addresses = {*IpAddress::parse("172.18.0.11"), *IpAddress::parse("fd00:18::11")};
  node.pod_cidrs = {*Cidr::parse("10.244.1.0/24")};
  state.apply(node);
  state.apply(range("a", {"10.96.0.0/12"}));
  state.apply(range("b", {"172.18.0.0/24", "fd00:18::/64"}));
  state.apply(range("c", {"10.244.0.0/16"}));
  state.apply(range("d", {"::/0"}));
  judge.judge_all(state);
  EXPECT_THAT(service_cidrs(state)[0], ElementsAre(*Cidr::parse("10.96.0.0/12")));
  EXPECT_THAT(service_cidrs(state)[1], IsEmpty());
  const auto problems = judge.standing_problems();
  ASSERT_EQ(problems.size(), 5u);
  EXPECT_EQ(problems[0],
            "ServiceCIDR b: 172.18.0.0/24 holds 172.18.0.11, an address of node n1; it does not count: correct or "
            "delete it");
  EXPECT_THAT(problems[1], HasSubstr("fd00:18::/64 holds fd00:18::11"));
  EXPECT_THAT(problems[2], HasSubstr("10.244.0.0/16 overlaps 10.244.1.0/24, the pods of node n1"));
  EXPECT_THAT(problems[3], HasSubstr("ServiceCIDR d: ::/0 holds every address there is"));
  EXPECT_THAT(problems[4], HasSubstr("overlaps"));
}

TEST_F(Judging, ANodePortThatIsWagglesOwnIsNamedWhileItIsSo) {
  const auto said_of = [this](Service service) {
    state.apply(std::move(service));
    judge.judge(state, {"default", "web"});
    return judge.standing_problems();
  };
  EXPECT_THAT(
      said_of(with_node_port(Protocol::kTcp, 10256)),
      ElementsAre("Service default/web: its node port 10256/TCP is the port of Waggle's health server, which "
                  "nobody reaches any more but on loopback; choose another node port, or another healthzBindAddress"));
  EXPECT_THAT(said_of(with_node_port(Protocol::kUdp, 61440)),
              ElementsAre(HasSubstr("Service default/web: its node port 61440/UDP lies in 61440-65535")));
  Service both = with_node_port(Protocol::kTcp, 10256);
  both.ports.push_back({.name = "b", .protocol = Protocol::kTcp, .port = 81, .node_port = 65535});
  EXPECT_THAT(said_of(both), ElementsAre(HasSubstr("10256/TCP"), HasSubstr("65535/TCP")));
  EXPECT_THAT(said_of(with_node_port(Protocol::kUdp, 10256)), IsEmpty());
  EXPECT_THAT(said_of(with_node_port(Protocol::kTcp, 10249)), IsEmpty()) << "on loopback no node port is served";
  EXPECT_THAT(said_of(with_node_port(Protocol::kTcp, 30080)), IsEmpty());
  Service foreign = with_node_port(Protocol::kTcp, 10256);
  foreign.has_proxy_name = true;
  EXPECT_THAT(said_of(foreign), IsEmpty());
}

TEST_F(Judging, ANodePortThatIsAHealthCheckPortIsNamedWhileItIsSo) {
  const auto said_of = [this](Event event, const std::string& name) {
    state.apply(std::move(event));
    judge.judge(state, {"default", name});
    return judge.standing_problems();
  };
  Service balanced = service_event("lb", "10.96.0.2");
  balanced.health_check_node_port = 31000;
  EXPECT_THAT(said_of(balanced, "lb"), IsEmpty());
  EXPECT_THAT(said_of(with_node_port(Protocol::kUdp, 31000), "web"), IsEmpty());
  EXPECT_THAT(
      said_of(with_node_port(Protocol::kTcp, 31000), "web"),
      ElementsAre("Service default/web: its node port 31000/TCP is the health check port of service default/lb, "
                  "which nobody reaches any more but on loopback; choose another for one of the two"));
  judge.judge_all(state);
  EXPECT_EQ(judge.standing_problems().size(), 1u);
  balanced.health_check_node_port = 31001;
  balanced.ports = {{.name = "a", .protocol = Protocol::kTcp, .port = 80, .node_port = 31001}};
  EXPECT_THAT(said_of(balanced, "lb"), ElementsAre(HasSubstr("31001/TCP is its own health check port, which nobody")));
  EXPECT_THAT(said_of(Deletion{ObjectKind::kService, {"default", "lb"}}, "lb"), IsEmpty());
}

TEST(ObjectComplaints, AreThoseThatBeginWithAnObject) {
  const auto subject = [](const std::string& sentence) {
    const auto complaint = complaint_about_object(sentence);
    return complaint.has_value() ? complaint->name.text() + " | " + complaint->what : "";
  };
  EXPECT_EQ(subject("Service shop/web: spec.ports[0].port: 0 is not a port"),
            "shop/web | spec.ports[0].port: 0 is not a port");
  EXPECT_EQ(subject("service shop/web:http: 192.0.2.1:80/TCP is not served"),
            "shop/web | 192.0.2.1:80/TCP is not served");
  EXPECT_EQ(subject("EndpointSlice shop/web-1: ports: what"), "shop/web-1 | ports: what");
  EXPECT_EQ(subject("ServiceCIDR a: 10.96.0.0/12 overlaps"), "a | 10.96.0.0/12 overlaps");
  for (const char* other : {"services wait", "Service of nobody: x", "web.yaml:3: Service shop/web: x", "Service: x",
                            "the API server does not answer", "Service shop/: x", "Node a/b: x"})
    EXPECT_EQ(subject(other), "") << other;
}

struct Posting : testing::Test {
  std::vector<std::string> bodies;
  ObjectEvents events{[this](ClusterEvent event) { bodies.push_back(event.name_space + " " + event.body); }};
  SystemTime now{};
};

TEST_F(Posting, EachComplaintAboutAnObjectIsPostedOnceWhileItStands) {
  const std::vector<std::string> standing{"Service shop/web: spec.ports[0]: bad", "netlink fails"};
  events.update(standing, now);
  events.update(standing, now);
  ASSERT_EQ(bodies.size(), 1u);
  for (const char* part : {"shop {", R"("type":"Warning")", R"("reason":"InvalidObject")", R"("name":"web")",
                           R"("kind":"Service","namespace":"shop")", R"("note":"spec.ports[0]: bad")"})
    EXPECT_THAT(bodies[0], HasSubstr(part));
  events.update({}, now);
  events.update(standing, now);
  EXPECT_EQ(bodies.size(), 2u);
}

TEST_F(Posting, EveryNodeGivesTheSameComplaintTheSameName) {
  const auto name = [](const std::string& what) {
    const std::string body = object_problem_event(ObjectKind::kServiceCidr, {"", "a"}, what, SystemTime{}).body;
    return body.substr(body.find("\"name\":"), 40);
  };
  EXPECT_EQ(name("overlaps b"), name("overlaps b"));
  EXPECT_NE(name("overlaps b"), name("overlaps c"));
  EXPECT_THAT(name("overlaps b"), HasSubstr("\"a.waggle-"));
}

TEST_F(Posting, ManyAtOnceArePostedBitByBit) {
  std::vector<std::string> standing;
  for (int i = 0; i < 20; ++i) standing.push_back("Service shop/web" + std::to_string(i) + ": bad");
  events.update(standing, now);
  EXPECT_EQ(bodies.size(), 8u);
  events.update(standing, now);
  events.update(standing, now);
  events.update(standing, now);
  EXPECT_EQ(bodies.size(), 20u);
}

}  // namespace
}  // namespace waggle
