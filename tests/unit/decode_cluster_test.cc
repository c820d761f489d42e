// SPDX-License-Identifier: Apache-2.0
// Nodes, ServiceCIDRs, lists, and what is none of the objects that Waggle reads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decode_one.h"

namespace waggle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Proves: I-61
TEST(DecodeNode, ReadsInternalAddressesBeforeExternalOnes) {
  const Node node = decode_good<Node>(R"(
apiVersion: v1
kind: Node
metadata: {name: n1, resourceVersion: "3", labels: {topology.kubernetes.io/zone: a}}
spec:
  podCIDR: 10.244.1.0/24
  podCIDRs: [10.244.1.0/24, "fd00:10:244:1::/64"]
  taints: [{key: ToBeDeletedByClusterAutoscaler, effect: NoSchedule}]
status:
  addresses:
  - {type: ExternalIP, address: 198.51.100.1}
  - {type: Hostname, address: n1}
  - {type: InternalIP, address: 172.18.0.11}
  - {type: InternalIP, address: "fd00:172:18::11"}
)");
  std::vector<std::string> addresses;
  for (const IpAddress& address : node.addresses) addresses.push_back(address.text());
  EXPECT_THAT(addresses, ElementsAre("172.18.0.11", "fd00:172:18::11", "198.51.100.1"));
  EXPECT_EQ(node.name, "n1");
  EXPECT_EQ(node.resource_version, "3");
  EXPECT_EQ(node.zone, "a");
  EXPECT_EQ(node.pod_cidrs.size(), 2U);
  EXPECT_FALSE(node.deleting);
  EXPECT_THAT(node.taint_keys, ElementsAre("ToBeDeletedByClusterAutoscaler"));
}

TEST(DecodeNode, PassesOverAddressesItCannotReadAndSeesDeletion) {
  const DecodedObject object = decode_one(
      "apiVersion: v1\nkind: Node\nmetadata: {name: n1, deletionTimestamp: \"2026-11-22T07:55:05Z\"}\n"
      "spec: {podCIDR: 10.244.1.0/24}\nstatus: {addresses: [{type: InternalIP, address: bogus}]}\n");
  ASSERT_FALSE(object.refused);
  EXPECT_THAT(object.problems, ElementsAre(HasSubstr("a.yaml:5: Node n1: status.addresses[0].address: \"bogus\"")));
  const Node& node = std::get<Node>(*object.event);
  EXPECT_TRUE(node.deleting);
  EXPECT_EQ(node.pod_cidrs.size(), 1U);
}

TEST(DecodeServiceCidr, ReadsItsRanges) {
  const auto cidr = decode_good<ServiceCidr>(
      "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: kubernetes}\n"
      "spec: {cidrs: [10.96.0.0/16, \"fd00:10:96::/108\"]}\n");
  EXPECT_EQ(cidr.name, "kubernetes");
  ASSERT_EQ(cidr.cidrs.size(), 2U);
  EXPECT_EQ(cidr.cidrs[1].text(), "fd00:10:96::/108");
}

TEST(DecodeServiceCidr, RefusesNoneAndBadOnes) {
  const std::string head = "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: kubernetes}\n";
  EXPECT_THAT(complaint(head), HasSubstr("spec.cidrs: is missing"));
  EXPECT_THAT(complaint(head + "spec: {cidrs: [10.96.0.0]}\n"),
              HasSubstr("a.yaml:4: ServiceCIDR kubernetes: spec.cidrs[0]: \"10.96.0.0\" is not a CIDR"));
}

TEST(DecodeIdentity, AnObjectWithoutNamespaceIsInDefault) {
  const std::string text = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: None}\n";
  EXPECT_EQ(decode_one(text).key.text(), "Service default/web");
}

TEST(DecodeIdentity, RefusesMissingAndBadNames) {
  const auto said = [](const std::string& metadata) {
    return complaint("apiVersion: v1\nkind: Service\nmetadata: " + metadata + "\nspec: {clusterIP: None}\n");
  };
  EXPECT_EQ(said("{namespace: shop}"), "a.yaml:3: Service: metadata.name: is missing; give the object a name");
  EXPECT_THAT(said("{name: \"\"}"), HasSubstr("metadata.name: is missing"));
  EXPECT_THAT(said("null"), HasSubstr("metadata.name: is missing"));
  EXPECT_THAT(said("{name: 5}"), HasSubstr("metadata.name: must be text, not the number 5; put it in quotes"));
  EXPECT_THAT(said("{name: a/b}"), HasSubstr("metadata.name: \"a/b\" is not a name"));
  EXPECT_THAT(said("{name: " + std::string(64, 'a') + "}"), HasSubstr("is not a name; use at most 63"));
  EXPECT_THAT(said("{name: a, namespace: B}"), HasSubstr("metadata.namespace: \"B\" is not a name"));
}

TEST(DecodeIdentity, RefusesUnknownKindsAndVersionsByName) {
  const auto said = [](const std::string& api, const std::string& kind) {
    return complaint("apiVersion: " + api + "\nkind: " + kind + "\nmetadata: {name: web}\nspec: {clusterIP: None}\n");
  };
  EXPECT_THAT(said("apps/v1", "Deployment"),
              HasSubstr("a.yaml:2: Deployment default/web: kind: \"Deployment\" is not known"));
  EXPECT_THAT(said("v1", "PodList"), HasSubstr("kind: \"PodList\" is not known"));
  EXPECT_THAT(said("serving.knative.dev/v1", "Service"),
              HasSubstr("apiVersion: \"serving.knative.dev/v1\" of kind Service is not known; use v1"));
  EXPECT_THAT(said("\"\"", "Service"), HasSubstr("apiVersion: is missing; write v1"));
  EXPECT_THAT(complaint("a: 1\n"), HasSubstr("a.yaml:1: the object: kind: is missing; write the kind"));
  EXPECT_THAT(complaint("just text\n"), HasSubstr("a.yaml:1: the object: must be a map, not \"just text\""));
}

TEST(DecodeLists, ReadPlainListsWithTheKindOfEachItem) {
  const DecodedFile file = decode_text(R"(
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Node, metadata: {name: n1}}
- {apiVersion: v1, kind: Service, metadata: {name: web}, spec: {clusterIP: None}}
)");
  ASSERT_EQ(file.objects.size(), 2U);
  EXPECT_EQ(file.objects[0].key.text(), "Node n1");
  EXPECT_EQ(file.objects[1].key.text(), "Service default/web");
  EXPECT_EQ(file.objects[1].line, 6);
}

TEST(DecodeLists, ItemsOfATypedListNeedNoKind) {
  const DecodedFile file =
      decode_text("apiVersion: v1\nkind: NodeList\nitems: [{metadata: {name: n1}}, {metadata: {name: n2}}]\n");
  EXPECT_EQ(file.objects.size(), 2U);
  EXPECT_TRUE(file.unrecognized.empty());
  EXPECT_EQ(decode_text("apiVersion: v1\nkind: ServiceList\nitems: null\n").objects.size(), 0U);
}

TEST(DecodeLists, RefuseBadListsAndOnlyBadItems) {
  EXPECT_THAT(complaint("apiVersion: v1\nkind: List\nitems: 5\n"), HasSubstr("a.yaml:3: List: items: must be a list"));
  EXPECT_THAT(complaint("apiVersion: v2\nkind: List\nitems: []\n"), HasSubstr("apiVersion: \"v2\" of kind List"));
  const DecodedFile file = decode_text("apiVersion: v1\nkind: NodeList\nitems: [5, {metadata: {name: n2}}]\n");
  EXPECT_EQ(file.objects.size(), 1U);
  EXPECT_EQ(file.unrecognized.size(), 1U);
}

// YAML reads `y` as true. One complaint, under the name that is written and no other.
TEST(Decode, ANamespaceThatIsNoTextIsOneComplaint) {
  const std::string metadata = "metadata: {name: web, namespace: y}\n";
  EXPECT_EQ(
      complaint("apiVersion: v1\nkind: Service\n" + metadata + "spec: {ports: []}\n"),
      "a.yaml:3: Service web: metadata.namespace: must be text, not true; put it in quotes, for YAML takes y, yes, "
      "on and n, no, off for true and false");
  EXPECT_THAT(complaint("apiVersion: v2\nkind: Service\n" + metadata),
              HasSubstr("a.yaml:1: Service web: apiVersion: "));
  EXPECT_THAT(complaint("kind: Teapot\n" + metadata), HasSubstr("a.yaml:1: Teapot web: kind: "));
  EXPECT_THAT(complaint("kind: Teapot\nmetadata: {name: web, namespace: shop}\n"),
              HasSubstr("Teapot shop/web: kind: "));
  EXPECT_THAT(complaint("apiVersion: v2\nkind: Node\nmetadata: {name: n1}\n"), HasSubstr("Node n1: apiVersion: "));
}

}  // namespace
}  // namespace waggle
