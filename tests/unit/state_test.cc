// SPDX-License-Identifier: Apache-2.0
#include "model/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace waggle {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const ObjectName kWeb{"shop", "web"};
const ObjectName kDns{"shop", "dns"};

Service service(const ObjectName& name, std::string version = "1") {
  Service out;
  out.name = name;
  out.resource_version = std::move(version);
  out.ports = {{"http", Protocol::kTcp, 80, 0}};
  return out;
}

EndpointSlice slice(const std::string& name, const std::string& owner, const std::string& address = "10.244.1.2") {
  EndpointSlice out;
  out.name = {"shop", name};
  out.service_name = owner;
  Endpoint endpoint;
  endpoint.address = *IpAddress::parse(address);
  out.endpoints = {endpoint};
  return out;
}

Deletion deletion(ObjectKind kind, ObjectName name) { return Deletion{kind, std::move(name)}; }

std::vector<std::string> slice_names(const State& state, const ObjectName& owner) {
  std::vector<std::string> out;
  for (const EndpointSlice* one : state.slices_of(owner)) out.push_back(one->name.name);
  return out;
}

TEST(State, NewAndChangedServicesAreTouched) {
  State state;
  EXPECT_THAT(state.apply(service(kWeb)), UnorderedElementsAre(kWeb));
  Service changed = service(kWeb);
  changed.ports[0].port = 81;
  EXPECT_THAT(state.apply(changed), UnorderedElementsAre(kWeb));
  EXPECT_EQ(*state.service(kWeb), changed);
}

// Proves: I-09, X-059
TEST(State, TheSameObjectAgainTouchesNothing) {
  State state;
  state.apply(service(kWeb));
  state.apply(slice("web-1", "web"));
  EXPECT_THAT(state.apply(service(kWeb)), IsEmpty());
  EXPECT_THAT(state.apply(slice("web-1", "web")), IsEmpty());
}

TEST(State, ANewVersionOfTheSameContentTouchesNothingAndIsKept) {
  State state;
  state.apply(service(kWeb, "1"));
  EXPECT_THAT(state.apply(service(kWeb, "2")), IsEmpty());
  EXPECT_EQ(state.service(kWeb)->resource_version, "2");
}

// Proves: I-54
TEST(State, SlicesTouchTheirServiceWhateverComesFirst) {
  State state;
  EXPECT_THAT(state.apply(slice("web-1", "web")), UnorderedElementsAre(kWeb));
  EXPECT_EQ(state.service(kWeb), nullptr);
  state.apply(service(kWeb));
  EXPECT_THAT(state.apply(slice("web-2", "web", "10.244.1.3")), UnorderedElementsAre(kWeb));
  EXPECT_EQ(slice_names(state, kWeb), (std::vector<std::string>{"web-1", "web-2"}));
  EXPECT_EQ(state.slice_count(), 2U);
}

// Proves: I-52, X-071
TEST(State, ASliceThatMovesTouchesBothServicesAndLeavesNothingBehind) {
  State state;
  state.apply(slice("one", "web"));
  EXPECT_THAT(state.apply(slice("one", "dns")), UnorderedElementsAre(kWeb, kDns));
  EXPECT_THAT(slice_names(state, kWeb), IsEmpty());
  EXPECT_EQ(slice_names(state, kDns), std::vector<std::string>{"one"});
}

TEST(State, ASliceThatLosesItsServiceIsGone) {
  State state;
  state.apply(slice("one", "web"));
  EXPECT_THAT(state.apply(slice("one", "")), UnorderedElementsAre(kWeb));
  EXPECT_EQ(state.slice_count(), 0U);
}

// Proves: X-049
TEST(State, SlicesOfTheSameServiceNameInOtherNamespacesAreOthers) {
  State state;
  EndpointSlice other = slice("web-1", "web");
  other.name.name_space = "blog";
  state.apply(slice("web-1", "web"));
  EXPECT_THAT(state.apply(other), UnorderedElementsAre(ObjectName{"blog", "web"}));
  EXPECT_EQ(slice_names(state, kWeb).size(), 1U);
}

TEST(State, DeletionsTouchTheirServiceOnce) {
  State state;
  state.apply(service(kWeb));
  state.apply(slice("web-1", "web"));
  EXPECT_THAT(state.apply(deletion(ObjectKind::kEndpointSlice, {"shop", "web-1"})), UnorderedElementsAre(kWeb));
  EXPECT_THAT(state.apply(deletion(ObjectKind::kEndpointSlice, {"shop", "web-1"})), IsEmpty());
  EXPECT_THAT(state.apply(deletion(ObjectKind::kService, kWeb)), UnorderedElementsAre(kWeb));
  EXPECT_THAT(state.apply(deletion(ObjectKind::kService, kWeb)), IsEmpty());
  EXPECT_EQ(state, State());
}

// Proves: I-64, X-225
TEST(State, ANodeTouchesAllServicesWhenItsZoneOrAddressesChangeOnly) {
  State state;
  state.apply(service(kWeb));
  state.apply(service(kDns));
  Node node;
  node.name = "n1";
  EXPECT_THAT(state.apply(node), IsEmpty());
  node.zone = "a";
  EXPECT_THAT(state.apply(node), UnorderedElementsAre(kWeb, kDns));
  node.resource_version = "7";
  node.taint_keys = {"node.kubernetes.io/not-ready"};
  EXPECT_THAT(state.apply(node), IsEmpty());
  node.addresses = {*IpAddress::parse("172.18.0.11")};
  EXPECT_THAT(state.apply(node), UnorderedElementsAre(kWeb, kDns));
  EXPECT_THAT(state.apply(deletion(ObjectKind::kNode, {"", "n1"})), IsEmpty());
  EXPECT_EQ(state.node("n1"), nullptr);
}

TEST(State, ServiceCidrsComeAndGo) {
  State state;
  ServiceCidr cidr{"kubernetes", "1", {*Cidr::parse("10.96.0.0/16")}};
  state.apply(cidr);
  EXPECT_EQ(state.service_cidrs().at("kubernetes"), cidr);
  state.apply(deletion(ObjectKind::kServiceCidr, {"", "kubernetes"}));
  EXPECT_TRUE(state.service_cidrs().empty());
}

}  // namespace
}  // namespace waggle
