// SPDX-License-Identifier: Apache-2.0
// EndpointSlices from manifests (contract I-40 to I-49; the X- rows named in the tests).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decode_one.h"

namespace waggle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string slice_with(const std::string& endpoints, const std::string& ports = "[{name: http, port: 8080}]",
                       const std::string& labels = "{kubernetes.io/service-name: web}",
                       const std::string& type = "IPv4") {
  return "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: web-1\n  namespace: shop\n  "
         "labels: " +
         labels + "\naddressType: " + type + "\nendpoints: " + endpoints + "\nports: " + ports + "\n";
}

EndpointSlice good(const std::string& text) { return decode_good<EndpointSlice>(text); }

Endpoint endpoint_with(const std::string& fields) {
  const EndpointSlice slice = good(slice_with("[{addresses: [10.0.0.1]" + fields + "}]"));
  EXPECT_EQ(slice.endpoints.size(), 1U);
  return slice.endpoints.empty() ? Endpoint{} : slice.endpoints[0];
}

// Proves: I-49
TEST(DecodeSlice, ReadsAWholeSlice) {
  const EndpointSlice slice = good(R"(
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: web-1
  namespace: shop
  resourceVersion: "7"
  labels: {kubernetes.io/service-name: web}
  annotations: {endpoints.kubernetes.io/last-change-trigger-time: "2026-11-22T07:55:05Z"}
addressType: IPv6
endpoints:
- addresses: ["fd00:10:244:1::2", "fd00::9"]
  conditions: {ready: false, serving: true, terminating: true}
  nodeName: n1
  zone: a
  hints: {forZones: [{name: a}, {name: b}], forNodes: [{name: n1}]}
  targetRef: {kind: Pod, name: web-abc}
ports:
- {name: http, port: 8080, protocol: TCP, appProtocol: http}
)");
  EndpointSlice wanted;
  wanted.name = {"shop", "web-1"};
  wanted.resource_version = "7";
  wanted.service_name = "web";
  wanted.family = Family::kIpv6;
  wanted.endpoints = {{*IpAddress::parse("fd00:10:244:1::2"), false, true, true, "n1", {"a", "b"}, {"n1"}}};
  wanted.ports = {{"http", Protocol::kTcp, 8080}};
  wanted.last_change_trigger_time = "2026-11-22T07:55:05Z";
  EXPECT_EQ(slice, wanted);
}

// Proves: I-46, X-055
TEST(DecodeSlice, ConditionsLeftOutMeanReadyAndServing) {
  const Endpoint endpoint = endpoint_with("");  // X-055
  EXPECT_TRUE(endpoint.ready);
  EXPECT_TRUE(endpoint.serving);
  EXPECT_FALSE(endpoint.terminating);
}

// Proves: I-46
TEST(DecodeSlice, ServingIsNotTakenFromReady) {
  const Endpoint endpoint = endpoint_with(", conditions: {ready: false, serving: null}");
  EXPECT_FALSE(endpoint.ready);
  EXPECT_TRUE(endpoint.serving);
}

// Proves: I-45, I-32, X-022, X-053, X-054
TEST(DecodeSlice, TakesTheFirstAddressAndNamesEndpointsWithout) {
  const DecodedObject object = decode_one(slice_with("[{addresses: []}, {addresses: [10.180.00.001, 10.0.0.2]}, {}]"));
  ASSERT_FALSE(object.refused);
  const auto& endpoints = std::get<EndpointSlice>(*object.event).endpoints;
  ASSERT_EQ(endpoints.size(), 1U);  // X-053, X-054, X-022
  EXPECT_EQ(endpoints[0].address.text(), "10.180.0.1");
  EXPECT_THAT(object.problems, ElementsAre(HasSubstr("endpoints[0].addresses: is empty; the endpoint is left out"),
                                           HasSubstr("endpoints[2].addresses: is empty")));
}

// Proves: I-43, X-050, X-051, X-052
TEST(DecodeSlice, NamesPortsWithoutNameOrNumber) {
  const DecodedObject object = decode_one(
      slice_with("[]", "[{port: 80}, {name: a}, {name: \"\", port: 81}, {name: b, port: 82, protocol: null}]"));
  ASSERT_FALSE(object.refused);
  EXPECT_THAT(std::get<EndpointSlice>(*object.event).ports,
              ElementsAre(EndpointPort{"", Protocol::kTcp, 81}, EndpointPort{"b", Protocol::kTcp, 82}));
  EXPECT_THAT(object.problems, ElementsAre(HasSubstr("ports[0].name: is missing, so that no port of a service"),
                                           HasSubstr("ports[1].port: is missing, which means all ports")));
}

// Proves: I-43, X-050
TEST(DecodeSlice, SaysThatPortZeroIsLeftOut) {
  const DecodedObject object = decode_one(slice_with("[]", "[{name: a, port: 0}, {name: b, port: 82}]"));  // X-050
  ASSERT_FALSE(object.refused);
  EXPECT_EQ(std::get<EndpointSlice>(*object.event).ports.size(), 1U);
  EXPECT_THAT(object.problems, ElementsAre(HasSubstr("ports[0].port: 0 means all ports")));
}

TEST(DecodeSlice, AcceptsEmptyAndNullLists) {
  const EndpointSlice slice = good(slice_with("null", "null"));
  EXPECT_THAT(slice.endpoints, IsEmpty());
  EXPECT_THAT(slice.ports, IsEmpty());
}

// Proves: I-02, I-41, X-040
TEST(DecodeSlice, IgnoresNamesAndHeadlessSlicesInSilence) {
  for (const auto& text :
       {slice_with("[{addresses: [web.example]}]", "[]", "{kubernetes.io/service-name: web}", "FQDN"),  // X-040
        slice_with("[{}]", "[{}]", "{service.kubernetes.io/headless: \"\", kubernetes.io/service-name: web}")}) {
    const DecodedObject object = decode_one(text);
    EXPECT_FALSE(object.refused);
    EXPECT_EQ(object.event, nullptr);
    EXPECT_THAT(object.problems, IsEmpty());
  }
}

// Proves: I-40, X-042
TEST(DecodeSlice, SaysThatASliceOfNoServiceIsNotUsed) {
  for (const char* labels : {"{}", "{kubernetes.io/service-name: \"\"}", "null"}) {  // X-042
    const DecodedObject object = decode_one(slice_with("[]", "[]", labels));
    EXPECT_FALSE(object.refused);
    EXPECT_EQ(object.event, nullptr);
    EXPECT_THAT(object.problems, ElementsAre(HasSubstr("belongs to no service"))) << labels;
  }
}

TEST(DecodeSlice, LeavesOutWhatIsWrongAndKeepsTheOthers) {
  EXPECT_THAT(remark_on(slice_with("[]", "[{name: a, port: 80}, {name: a, port: 81}]")),
              HasSubstr("ports[1].name: \"a\" is the name of another TCP port of this slice"));
  const DecodedObject object = decode_one(
      slice_with("[{addresses: [10.0.0.1]}, {addresses: [10.0.0.300]}, {addresses: [\"fd00::1\"]}, {addresses: "
                 "[10.0.0.2], conditions: {ready: maybe}}, {addresses: [10.0.0.3]}]",
                 "[{name: a, port: 65536}, {name: b, port: 81}]"));
  ASSERT_FALSE(object.refused);
  const auto& slice = std::get<EndpointSlice>(*object.event);
  ASSERT_EQ(slice.endpoints.size(), 2u);
  EXPECT_EQ(slice.endpoints[0].address.text(), "10.0.0.1");
  EXPECT_EQ(slice.endpoints[1].address.text(), "10.0.0.3");
  EXPECT_THAT(slice.ports, ElementsAre(EndpointPort{"b", Protocol::kTcp, 81}));
  EXPECT_EQ(object.problems.size(), 4u);
}

TEST(DecodeSlice, RefusesWrongValuesByLineAndField) {
  EXPECT_THAT(complaint(slice_with("[{addresses: [10.0.0.300]}]")),
              HasSubstr("a.yaml:8: EndpointSlice shop/web-1: endpoints[0].addresses[0]: \"10.0.0.300\" is not"));
  EXPECT_THAT(complaint(slice_with("[{addresses: [\"fd00::1\"]}]")), HasSubstr("is not of the slice's addressType"));
  EXPECT_THAT(complaint(slice_with("[{addresses: 10.0.0.1}]")), HasSubstr("endpoints[0].addresses: must be a list"));
  EXPECT_THAT(complaint(slice_with("[{addresses: [10.0.0.1], conditions: {ready: \"true\"}}]")),
              HasSubstr("endpoints[0].conditions.ready: must be true or false, not \"true\""));
  EXPECT_THAT(complaint(slice_with("{}")), HasSubstr("endpoints: must be a list, not a map"));
  EXPECT_THAT(complaint(slice_with("[]", "[{name: a, port: 65536}]")), HasSubstr("ports[0].port: 65536 is not a port"));
  EXPECT_THAT(complaint(slice_with("[]", "[{name: a, port: 80, protocol: tcp}]")), HasSubstr("\"tcp\" is not known"));
  EXPECT_THAT(complaint(slice_with("[]", "[]", "{kubernetes.io/service-name: web}", "IPv5")),
              HasSubstr("addressType: \"IPv5\" is not known; use IPv4 or IPv6"));
  EXPECT_THAT(complaint(slice_with("[]", "[]", "{kubernetes.io/service-name: web}", "")),
              HasSubstr("addressType: is missing"));
  EXPECT_THAT(complaint(slice_with("[]", "[]", "{kubernetes.io/service-name: 5}")),
              HasSubstr("metadata.labels[\"kubernetes.io/service-name\"]: must be text, not the number 5; put it in"));
}

}  // namespace
}  // namespace waggle
