// SPDX-License-Identifier: Apache-2.0
// Addresses that are written right and can belong to no service and no pod.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decode_one.h"

namespace waggle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string service_at(const std::string& address, const std::string& more_spec = "", const std::string& status = "") {
  return "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec:\n  clusterIP: \"" + address +
         "\"\n  ports: [{port: 80}]\n" + more_spec + status;
}

std::string slice_of(const std::string& type, const std::string& address) {
  return "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: web-1\n  namespace: shop\n"
         "  labels: {kubernetes.io/service-name: web}\naddressType: " +
         type + "\nendpoints: [{addresses: [\"" + address + "\"]}]\nports: [{name: http, port: 8080}]\n";
}

std::string with_ingress(const std::string& addresses) {
  return service_at("10.96.0.1", "", "status: {loadBalancer: {ingress: [" + addresses + "]}}\n");
}

struct Fault {
  const char* family;
  const char* address;
  const char* words;
};

constexpr Fault kFaults[] = {
    {"IPv4", "127.0.0.1", "is a loopback address"},
    {"IPv4", "127.255.0.9", "is a loopback address"},
    {"IPv6", "::1", "is a loopback address"},
    {"IPv4", "0.0.0.0", "is the unspecified address"},
    {"IPv6", "::", "is the unspecified address"},
    {"IPv4", "224.0.0.1", "is a multicast or broadcast address"},
    {"IPv6", "ff02::1", "is a multicast or broadcast"},
    {"IPv4", "255.255.255.255", "is a multicast or broadcast"},
    {"IPv6", "fe80::1", "is an IPv6 link-local address"},
    {"IPv6", "febf::1", "is an IPv6 link-local address"},
};

TEST(DecodeAddress, NoClusterIpIsOneThatNoServiceCanHave) {
  for (const Fault& fault : kFaults) {
    const std::string said = complaint(service_at(fault.address));
    EXPECT_THAT(said, HasSubstr(std::string("spec.clusterIP: \"") + fault.address + "\" " + fault.words));
  }
}

TEST(DecodeAddress, NoEndpointIsOneThatNoPodCanHave) {
  for (const Fault& fault : kFaults) {
    const std::string said = complaint(slice_of(fault.family, fault.address));
    EXPECT_THAT(said, HasSubstr(std::string("addresses[0]: \"") + fault.address + "\" " + fault.words));
  }
}

TEST(DecodeAddress, NeighboursOfThoseRangesAreUsed) {
  for (const char* address : {"126.255.255.255", "128.0.0.1", "0.0.0.1", "223.255.255.255", "240.0.0.1", "::2",
                              "fec0::1", "fe7f::1", "fd00::1", "169.253.0.1"}) {
    const DecodedObject object = decode_one(service_at(address));
    EXPECT_FALSE(object.refused) << address;
    EXPECT_THAT(object.problems, IsEmpty()) << address;
  }
}

// Clusters exist that have endpoints there, and kube-proxy serves them.
TEST(DecodeAddress, IPv4LinkLocalAddressesAreUsedAndRemarked) {
  for (const auto& text :
       {service_at("169.254.20.10"), slice_of("IPv4", "169.254.128.9"),
        service_at("10.96.0.1", "  externalIPs: [169.254.1.1]\n"), with_ingress("{ip: 169.254.1.1}")}) {
    const DecodedObject object = decode_one(text);
    EXPECT_NE(object.event, nullptr);
    EXPECT_THAT(object.problems, ElementsAre(HasSubstr("is a link-local address, which no router forwards")));
  }
}

// Contract I-29: the other addresses serve.
TEST(DecodeAddress, AnIngressThatCannotBeUsedIsLeftOutAlone) {
  const DecodedObject object = decode_one(
      with_ingress("{ip: 192.0.2.300}, {ip: 192.0.2.80}, {ip: 127.0.0.1}, {hostname: a.example}, {ip: \" \"}"));
  ASSERT_NE(object.event, nullptr);
  const auto& ingress = std::get<Service>(*object.event).load_balancer_ingress;
  const LoadBalancerIngress kNoAddress;
  EXPECT_THAT(ingress, ElementsAre(LoadBalancerIngress{*IpAddress::parse("192.0.2.80"), true}, kNoAddress, kNoAddress));
  EXPECT_THAT(object.problems,
              ElementsAre(HasSubstr("ingress[0].ip: \"192.0.2.300\" is not an IP address that can be used; it is left"),
                          HasSubstr("ingress[2].ip: \"127.0.0.1\" is a loopback address")));
}

TEST(DecodeAddress, AnExternalIpThatCannotBeUsedIsLeftOutAlone) {
  const DecodedObject object = decode_one(service_at("10.96.0.1", "  externalIPs: [127.0.0.1, 198.51.100.1]\n"));
  ASSERT_NE(object.event, nullptr);
  EXPECT_EQ(std::get<Service>(*object.event).external_ips.size(), 1U);
  EXPECT_THAT(object.problems, ElementsAre(HasSubstr("spec.externalIPs[0]: \"127.0.0.1\" is a loopback address")));
}

}  // namespace
}  // namespace waggle
