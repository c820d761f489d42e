// SPDX-License-Identifier: Apache-2.0
// Services from manifests (contract I-20 to I-33; the X- rows named in the tests).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decode_one.h"

namespace waggle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A service with these lines in its spec, beside a name and a port.
std::string service_with(const std::string& spec_lines, const std::string& status = "", const std::string& meta = "") {
  return "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: shop\n" + meta +
         "spec:\n  ports:\n  - port: 80\n" + spec_lines + status;
}

std::string service_of_ports(const std::string& ports) {
  return "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec:\n  clusterIP: 10.96.0.1\n  "
         "ports:\n" +
         ports;
}

Service good(const std::string& text) { return decode_good<Service>(text); }

std::vector<std::string> texts(const std::vector<IpAddress>& addresses) {
  std::vector<std::string> out;
  for (const IpAddress& address : addresses) out.push_back(address.text());
  return out;
}

// Proves: I-22, I-23, I-24
TEST(DecodeService, ReadsAWholeService) {
  const Service service = good(R"(
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
  resourceVersion: "42"
  creationTimestamp: "2026-11-22T07:55:04Z"
  managedFields: [{manager: x, fieldsV1: {f:spec: {}}}]
spec:
  type: LoadBalancer
  clusterIP: 10.96.0.80
  clusterIPs: [10.96.0.80, "fd00:10:96::80"]
  ipFamilies: [IPv4, IPv6]
  externalIPs: [198.51.100.1]
  externalTrafficPolicy: Local
  internalTrafficPolicy: Local
  healthCheckNodePort: 30123
  sessionAffinity: ClientIP
  sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}
  loadBalancerSourceRanges: [203.0.113.0/24]
  ports:
  - {name: http, port: 80, targetPort: http, nodePort: 30080}
  - {name: dns, port: 53, protocol: UDP}
  - {name: assoc, port: 9, protocol: SCTP}
status:
  loadBalancer:
    ingress:
    - {ip: 192.0.2.80, ipMode: VIP}
    - {hostname: web.example}
)");
  Service wanted;
  wanted.name = {"shop", "web"};
  wanted.resource_version = "42";
  wanted.creation_timestamp = "2026-11-22T07:55:04Z";
  wanted.type = "LoadBalancer";
  wanted.cluster_ips = {*IpAddress::parse("10.96.0.80"), *IpAddress::parse("fd00:10:96::80")};
  wanted.ports = {
      {"http", Protocol::kTcp, 80, 30080}, {"dns", Protocol::kUdp, 53, 0}, {"assoc", Protocol::kSctp, 9, 0}};
  wanted.external_ips = {*IpAddress::parse("198.51.100.1")};
  wanted.load_balancer_ingress = {{*IpAddress::parse("192.0.2.80"), true}, {std::nullopt, true}};
  wanted.source_ranges = {*Cidr::parse("203.0.113.0/24")};
  wanted.internal_policy = TrafficPolicy::kLocal;
  wanted.external_policy = TrafficPolicy::kLocal;
  wanted.affinity_timeout_s = 60;
  wanted.health_check_node_port = 30123;
  EXPECT_EQ(service, wanted);
}

TEST(DecodeService, DoesNotRepeatAnEndlessName) {
  const std::string text = "apiVersion: v1\nkind: Service\nmetadata: {name: " + std::string(70'000, 'a') +
                           ", namespace: shop}\nspec: {clusterIP: 10.96.0.1, ports: [{port: 80}]}\n";
  EXPECT_LT(complaint(text).size(), 600U);
}

// Proves: X-028
TEST(DecodeService, LeavesDefaultsWhereNothingIsSaid) {
  const Service service = good(service_with("  clusterIP: 10.96.0.1\n"));
  EXPECT_EQ(service.type, "ClusterIP");
  EXPECT_EQ(service.ports[0].protocol, Protocol::kTcp);
  EXPECT_EQ(service.internal_policy, TrafficPolicy::kCluster);  // X-028
  EXPECT_EQ(service.external_policy, TrafficPolicy::kCluster);
  EXPECT_EQ(service.affinity_timeout_s, 0U);
  EXPECT_FALSE(service.has_proxy_name);
}

// Proves: I-21, I-32, X-022, X-023, X-024, X-025
TEST(DecodeService, TakesClusterIpsInTheOrderOfTheFamilies) {
  const auto addresses = [](const std::string& lines) { return texts(good(service_with(lines)).cluster_ips); };
  EXPECT_THAT(addresses("  clusterIP: fd00::1\n  clusterIPs: [\"fd00::1\", 10.0.0.1]\n  ipFamilies: [IPv6, IPv4]\n"),
              ElementsAre("fd00::1", "10.0.0.1"));                                               // X-024
  EXPECT_THAT(addresses("  clusterIP: 10.0.0.1\n  ipFamilies: []\n"), ElementsAre("10.0.0.1"));  // X-023
  EXPECT_THAT(addresses("  clusterIP: fd00::1\n"), ElementsAre("fd00::1"));
  EXPECT_THAT(addresses("  clusterIP: 10.0.0.1\n  clusterIPs: [10.0.0.1]\n  ipFamilies: [IPv4, IPv6]\n"),
              ElementsAre("10.0.0.1"));  // X-025
  EXPECT_THAT(addresses("  clusterIPs: [10.0.0.1, \"fd00::1\"]\n"), ElementsAre("10.0.0.1", "fd00::1"));
  EXPECT_THAT(addresses("  clusterIP: 172.30.0.041\n"), ElementsAre("172.30.0.41"));  // X-022
}

TEST(DecodeService, RefusesClusterIpsThatContradictThemselves) {
  EXPECT_THAT(complaint(service_with("  clusterIP: 10.0.0.1\n  ipFamilies: [IPv6]\n")),
              HasSubstr("spec.clusterIP: 10.0.0.1 is not IPv6"));
  EXPECT_THAT(complaint(service_with("  clusterIP: 10.0.0.1\n  clusterIPs: [10.0.0.2]\n")),
              HasSubstr("spec.clusterIP: differs from spec.clusterIPs[0]"));
  EXPECT_THAT(remark_on(service_with("  clusterIPs: [10.0.0.1, 10.0.0.2]\n")),
              HasSubstr("spec.clusterIPs[1]: is a second IPv4 address"));
  EXPECT_THAT(complaint(service_with("  clusterIPs: [10.0.0.1, \"fd00::1\"]\n  ipFamilies: [IPv4]\n")),
              HasSubstr("spec.ipFamilies: has fewer entries"));
}

TEST(DecodeService, RefusesBadAddressesByLineAndField) {
  EXPECT_EQ(complaint(service_with("  clusterIP: 10.96.0.999\n")),
            "a.yaml:9: Service shop/web: spec.clusterIP: \"10.96.0.999\" is not an IP address that can be used");
  EXPECT_THAT(complaint(service_with("  clusterIP: 0.0.0.0\n")), HasSubstr("spec.clusterIP"));
  EXPECT_THAT(complaint(service_with("  clusterIP: 5\n")), HasSubstr("spec.clusterIP: must be text, not the number 5"));
  const std::string status = "status:\n  loadBalancer:\n    ingress:\n    - ip: 5\n";
  EXPECT_THAT(complaint(service_with("  clusterIP: 10.96.0.1\n", status)),
              HasSubstr("a.yaml:13: Service shop/web: status.loadBalancer.ingress[0].ip: must be text"));
}

// Proves: X-002, X-003
TEST(DecodeService, HeadlessAndExternalNameServicesHaveNoAddress) {
  EXPECT_TRUE(good(service_with("  clusterIP: None\n  clusterIPs: [None]\n")).headless);  // X-002
  EXPECT_THAT(good("apiVersion: v1\nkind: Service\nmetadata: {name: h}\nspec: {clusterIP: None}\n").cluster_ips,
              IsEmpty());                                                                                // X-003
  EXPECT_EQ(good(service_with("  clusterIP: 10.96.0.1\n  type: ExternalName\n")).type, "ExternalName");  // X-005
}

// Proves: X-004
TEST(DecodeService, SaysThatAServiceWithoutAddressIsNotServed) {
  const DecodedObject object = decode_one(service_with("  clusterIP: \"\"\n"));  // X-004
  EXPECT_FALSE(object.refused);
  EXPECT_THAT(object.problems, ElementsAre(HasSubstr("nothing here allocates one")));
}

// Proves: I-01
TEST(DecodeService, KnowsTheLabelOfAnotherProxyWhateverItsValue) {
  for (const char* value : {"\"\"", "other"}) {
    const std::string labels = std::string("  labels: {service.kubernetes.io/service-proxy-name: ") + value + "}\n";
    EXPECT_TRUE(good(service_with("  clusterIP: 10.96.0.1\n", "", labels)).has_proxy_name) << value;
  }
}

// Proves: X-008
TEST(DecodeService, TakesThePortsOfOneNameInTwoProtocolsAsTwo) {
  const Service service =
      good(service_of_ports("  - {name: dns, port: 53, protocol: UDP}\n  - {name: dns, port: 53}\n"));
  EXPECT_EQ(service.ports.size(), 2U);  // X-008
}

TEST(DecodeService, RefusesBadPorts) {
  const auto said = [](const std::string& port) { return complaint(service_of_ports("  - " + port + "\n")); };
  EXPECT_THAT(said("{port: 0}"), HasSubstr("a.yaml:7: Service shop/web: spec.ports[0].port: 0 is not a port; use"));
  EXPECT_THAT(said("{port: 65536}"), HasSubstr("spec.ports[0].port: 65536 is not a port"));
  EXPECT_THAT(said("{port: -1}"), HasSubstr("spec.ports[0].port: -1 is not a port"));
  EXPECT_THAT(said("{port: 99999999999999999999999}"), HasSubstr("is not a port"));
  EXPECT_THAT(said("{port: http}"), HasSubstr("spec.ports[0].port: must be a whole number, not \"http\""));
  EXPECT_THAT(said("{port: \"80\"}"), HasSubstr("must be a whole number, not \"80\"; remove the quotes"));
  EXPECT_THAT(said("{port: 80.5}"), HasSubstr("must be a whole number, not the number 80.5"));
  EXPECT_THAT(said("{name: http}"), HasSubstr("spec.ports[0].port: is missing"));
  EXPECT_THAT(said("{port: 80, nodePort: 70000}"), HasSubstr("spec.ports[0].nodePort: 70000 is not a port"));
  EXPECT_THAT(said("{port: 80, protocol: ICMP}"),
              HasSubstr("spec.ports[0].protocol: \"ICMP\" is not known; use TCP or"));
  EXPECT_THAT(said("{port: 80, name: Http_1}"), HasSubstr("spec.ports[0].name: \"Http_1\" is not a name"));
  EXPECT_THAT(said("80"), HasSubstr("spec.ports[0]: must be a map, not the number 80"));
}

TEST(DecodeService, LeavesOutPortsThatAreTheSameTwice) {
  EXPECT_THAT(remark_on(service_of_ports("  - {name: a, port: 80}\n  - {name: a, port: 81}\n")),
              HasSubstr("a.yaml:8: Service shop/web: spec.ports[1].name: \"a\" is the name of another TCP port"));
  EXPECT_THAT(remark_on(service_of_ports("  - {name: a, port: 80}\n  - {name: b, port: 80}\n")),
              HasSubstr("spec.ports[1].port: 80/TCP is another port of this service"));
}

TEST(DecodeService, LeavesOutABadPortAndKeepsTheOthers) {
  const std::string text = service_of_ports(
      "  - {name: a, port: 80}\n  - {name: b, port: 65536}\n  - {name: c, port: 0}\n  - {name: d, port: 81, nodePort: "
      "-1}\n  - {name: e, port: 82}\n");
  const DecodedObject object = decode_one(text);
  ASSERT_FALSE(object.refused);
  const auto& ports = std::get<Service>(*object.event).ports;
  EXPECT_THAT(ports, ElementsAre(ServicePort{"a", Protocol::kTcp, 80, 0}, ServicePort{"e", Protocol::kTcp, 82, 0}));
  EXPECT_THAT(object.problems,
              ElementsAre(HasSubstr("spec.ports[1].port: 65536 is not a port"), HasSubstr("spec.ports[2].port: 0"),
                          HasSubstr("spec.ports[3].nodePort: -1")));
  for (const std::string& problem : object.problems) EXPECT_THAT(problem, HasSubstr("; it is left out"));
}

// Proves: I-28
TEST(DecodeService, SaysThatAnAddressOfAnUnknownModeIsNotServed) {
  EXPECT_THAT(remark_on(service_with("  clusterIP: 10.96.0.1\n",
                                     "status: {loadBalancer: {ingress: [{ip: 192.0.2.1, ipMode: Weird}]}}\n")),
              HasSubstr("status.loadBalancer.ingress[0].ipMode: \"Weird\" is neither VIP nor Proxy, so the load "
                        "balancer's address is not served"));
}

TEST(DecodeService, KeepsTheAddressOfOneFamilyWhereTheOtherCannotBeRead) {
  const DecodedObject object =
      decode_one(service_with("  clusterIPs: [10.96.0.1, \"fd00::x\"]\n  ipFamilies: [IPv4, IPv6]\n"));
  ASSERT_FALSE(object.refused);
  EXPECT_THAT(texts(std::get<Service>(*object.event).cluster_ips), ElementsAre("10.96.0.1"));
  EXPECT_THAT(object.problems, ElementsAre(HasSubstr("spec.clusterIPs[1]: \"fd00::x\"")));
}

TEST(DecodeService, RefusesAServiceWithoutPorts) {
  EXPECT_THAT(complaint("apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: 10.96.0.1}\n"),
              HasSubstr("spec.ports: is missing"));
}

// Proves: I-29, X-021
TEST(DecodeService, PassesOverExternalIpsItCannotRead) {
  const DecodedObject object =
      decode_one(service_with("  clusterIP: 10.96.0.1\n  externalIPs: [\"\", bogus, 8.8.8.8]\n"));  // X-021
  ASSERT_FALSE(object.refused);
  EXPECT_THAT(texts(std::get<Service>(*object.event).external_ips), ElementsAre("8.8.8.8"));
  EXPECT_THAT(object.problems, ElementsAre(HasSubstr("spec.externalIPs[1]: \"bogus\"")));
}

// Proves: I-28, X-009, X-010
TEST(DecodeService, ReadsTheModeOfIngressAddresses) {
  const Service service =
      good(service_with("  clusterIP: 10.96.0.1\n  type: LoadBalancer\n  loadBalancerIP: 192.0.2.9\n",
                        "status: {loadBalancer: {ingress: [{ip: 1.2.3.004}, {ip: 1.2.3.5, ipMode: VIP}, {ip: 1.2.3.6, "
                        "ipMode: Proxy}]}}\n"));
  ASSERT_EQ(service.load_balancer_ingress.size(), 3U);  // X-009, X-010
  EXPECT_EQ(service.load_balancer_ingress[0].ip->text(), "1.2.3.4");
  EXPECT_TRUE(service.load_balancer_ingress[0].vip_mode);
  EXPECT_TRUE(service.load_balancer_ingress[1].vip_mode);
  EXPECT_FALSE(service.load_balancer_ingress[2].vip_mode);
}

// Proves: I-31, X-017, X-018, X-020, X-022
TEST(DecodeService, ReadsSourceRangesAndLiftsThemWhereOneIsAll) {
  const auto ranges = [](const std::string& list) {
    std::vector<std::string> out;
    const Service service = good(service_with("  clusterIP: 10.96.0.1\n  loadBalancerSourceRanges: " + list + "\n"));
    for (const Cidr& range : service.source_ranges) out.push_back(range.text());
    return out;
  };
  EXPECT_THAT(ranges("[\" 10.1.2.0/28\", \"\", 203.0.113.000/025]"), ElementsAre("10.1.2.0/28", "203.0.113.0/25"));
  EXPECT_THAT(ranges("[10.0.0.0/8, 0.0.0.0/0, \"fd00::/8\"]"), ElementsAre("fd00::/8"));  // X-018
  EXPECT_THAT(ranges("[\"::/128\"]"), ElementsAre("::/128"));                             // X-020
  EXPECT_THAT(ranges("[\"::/0\", 10.0.0.0/8]"), ElementsAre("10.0.0.0/8"));
}

TEST(DecodeService, RefusesASourceRangeItCannotReadRatherThanOpenTheService) {
  EXPECT_THAT(complaint(service_with("  clusterIP: 10.96.0.1\n  loadBalancerSourceRanges: [10.0.0.0/33]\n")),
              HasSubstr("spec.loadBalancerSourceRanges[0]: \"10.0.0.0/33\" is not a CIDR"));
}

// Proves: I-25, X-026, X-027
TEST(DecodeService, CountsTheExternalPolicyOnlyWhereSomethingComesIn) {
  const auto policy = [](const std::string& lines) {
    return good(service_with("  clusterIP: 10.96.0.1\n  externalTrafficPolicy: Local\n" + lines)).external_policy;
  };
  EXPECT_EQ(policy(""), TrafficPolicy::kCluster);                               // X-026
  EXPECT_EQ(policy("  externalIPs: [198.51.100.1]\n"), TrafficPolicy::kLocal);  // X-027
  EXPECT_EQ(policy("  type: NodePort\n"), TrafficPolicy::kLocal);
  EXPECT_EQ(policy("  type: LoadBalancer\n"), TrafficPolicy::kLocal);
}

// Proves: I-27, X-014
TEST(DecodeService, CountsTheHealthCheckPortOnlyForLocalLoadBalancers) {
  const auto health_port = [](const std::string& lines) {
    return good(service_with("  clusterIP: 10.96.0.1\n  healthCheckNodePort: 345\n" + lines)).health_check_node_port;
  };
  EXPECT_EQ(health_port("  type: LoadBalancer\n  externalTrafficPolicy: Local\n"), 345);
  EXPECT_EQ(health_port("  type: LoadBalancer\n  externalTrafficPolicy: Cluster\n"), 0);
  EXPECT_EQ(health_port("  type: NodePort\n  externalTrafficPolicy: Local\n"), 0);  // X-014
}

// Proves: I-33, X-029
TEST(DecodeService, AssumesTheUsualAffinityTimeout) {
  const auto timeout = [](const std::string& lines) {
    return good(service_with("  clusterIP: 10.96.0.1\n" + lines)).affinity_timeout_s;
  };
  EXPECT_EQ(timeout("  sessionAffinity: ClientIP\n"), 10800U);  // X-029
  EXPECT_EQ(timeout("  sessionAffinity: ClientIP\n  sessionAffinityConfig: {clientIP: {}}\n"), 10800U);
  EXPECT_EQ(timeout("  sessionAffinity: None\n  sessionAffinityConfig: null\n"), 0U);
}

TEST(DecodeService, TakesUnknownPoliciesTypesAndTimeoutsForNone) {
  const auto said = [](const std::string& line) {
    return remark_on(service_with("  clusterIP: 10.96.0.1\n  " + line + "\n"));
  };
  EXPECT_THAT(said("internalTrafficPolicy: local"),
              HasSubstr("spec.internalTrafficPolicy: \"local\" is not known; use"));
  EXPECT_THAT(said("externalTrafficPolicy: 5"), HasSubstr("spec.externalTrafficPolicy: must be text"));
  EXPECT_THAT(said("type: Balancer"), HasSubstr("spec.type: \"Balancer\" is not known"));
  EXPECT_THAT(said("sessionAffinity: Cookie"), HasSubstr("spec.sessionAffinity: \"Cookie\" is not known"));
  EXPECT_THAT(said("healthCheckNodePort: 70000"), HasSubstr("spec.healthCheckNodePort: 70000 is not a port"));
  for (const char* seconds : {"0", "86401", "-5"}) {
    const std::string text = service_with(
        "  clusterIP: 10.96.0.1\n  sessionAffinity: ClientIP\n  sessionAffinityConfig: {clientIP: {timeoutSeconds: " +
        std::string(seconds) + "}}\n");
    EXPECT_THAT(remark_on(text), HasSubstr("spec.sessionAffinityConfig.clientIP.timeoutSeconds"));
    EXPECT_EQ(std::get<Service>(*decode_one(text).event).affinity_timeout_s, 10800u);
  }
}

TEST(DecodeService, NamesEveryMistakeOfAnObjectThatIsRefused) {
  const DecodedObject object =
      decode_one(service_with("  clusterIP: bad\n  type: bad\n  loadBalancerSourceRanges: [bad]\n"));
  EXPECT_TRUE(object.refused);
  EXPECT_EQ(object.event, nullptr);
  EXPECT_EQ(object.problems.size(), 2U);  // what would only have been left out is not said
}

}  // namespace
}  // namespace waggle
