// SPDX-License-Identifier: Apache-2.0
// Objects from the API: both forms and the decoders of manifests agree, and what is wrong is named.
#include "support/kube_decode.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "source/decode.h"
#include "source/kube_kinds.h"
#include "source/kube_protobuf.h"
#include "support/kube_objects.h"

namespace waggle {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

KubeObject from_json(ObjectKind kind, const std::string& item) {
  const std::string body =
      fmt::format(R"({{"kind":"{}List","metadata":{{}},"items":[{}]}})", kube_kind(kind).name, item);
  DecodedList list = decode_list(kind, KubeFormat::kJson, body);
  EXPECT_TRUE(list.meta) << list.meta.error().message;
  EXPECT_THAT(list.objects, SizeIs(1));
  return list.objects.empty() ? KubeObject{} : std::move(list.objects[0]);
}

KubeObject from_protobuf(ObjectKind kind, const std::string& item) {
  ObjectView view;
  read_protobuf(kind, item, view);
  return build_object(kind, view);
}

// A service that only lacks what `spec` says, in JSON.
KubeObject service_with(const std::string& spec) {
  return from_json(
      ObjectKind::kService,
      fmt::format(R"({{"metadata":{{"name":"web","namespace":"shop","resourceVersion":"7"}},"spec":{{{}}}}})", spec));
}

KubeObject slice_with(const std::string& fields) {
  return from_json(
      ObjectKind::kEndpointSlice,
      fmt::format(
          R"({{"metadata":{{"name":"web-1","namespace":"shop","labels":{{"kubernetes.io/service-name":"web"}}}},{}}})",
          fields));
}

const std::string kPort = R"("ports":[{"name":"http","port":80}],"clusterIP":"10.96.0.1")";

uint32_t seed() {
  const char* given = std::getenv("WAGGLE_SEED");
  return given != nullptr ? static_cast<uint32_t>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
}

TEST(KubeDecode, RandomObjectsComeOutOfBothFormsAndOfManifestsAlike) {
  const uint32_t used = seed();
  SCOPED_TRACE(fmt::format("WAGGLE_SEED={}", used));
  std::mt19937 random(used);
  for (int round = 0; round < 2000; ++round) {
    const ObjectKind kind = kAllKinds[static_cast<size_t>(round) % kAllKinds.size()];
    const KubeKind& words = kube_kind(kind);
    Event object = random_object(kind, {words.namespaced ? "shop" : "", fmt::format("x{}", round)}, random);
    set_version(object, std::to_string(round));
    const KubeObject json = from_json(kind, json_item(object));
    const KubeObject protobuf = from_protobuf(kind, protobuf_item(object));
    EXPECT_THAT(json.problems, IsEmpty());
    EXPECT_THAT(protobuf.problems, IsEmpty());
    ASSERT_TRUE(json.event && protobuf.event);
    EXPECT_EQ(*json.event, object) << json_item(object);
    EXPECT_EQ(*protobuf.event, object) << json_item(object);
    const auto documents = parse_json(list_body(kind, {object}, "1", "", WireForm::kJson), "list.json");
    ASSERT_TRUE(documents);
    const DecodedFile file = decode_documents(*documents, "list.json");
    ASSERT_THAT(file.objects, SizeIs(1)) << json_item(object);
    ASSERT_NE(file.objects[0].event, nullptr) << ::testing::PrintToString(file.objects[0].problems);
    EXPECT_EQ(*file.objects[0].event, object);
    if (HasFailure()) return;
  }
}

TEST(KubeDecode, OneMessageNamesTheObjectAndTheFirstFieldThatIsWrong) {
  EXPECT_THAT(service_with(R"("ports":[{"port":80},{"port":70000}],"clusterIP":"x")").problems,
              ElementsAre(R"(Service shop/web: spec.clusterIP: "x" is not an IP address that can be used)"));
  EXPECT_THAT(
      service_with(R"("ports":[{"port":70000}],"clusterIP":"10.96.0.1")").problems,
      ElementsAre("Service shop/web: spec.ports[0].port: 70000 is not a port; use a whole number from 1 to 65535"));
  EXPECT_THAT(service_with(R"("ports":[{"port":"80"}],"clusterIP":"10.96.0.1")").problems,
              ElementsAre("Service shop/web: spec.ports[0].port: must be a whole number"));
  EXPECT_THAT(service_with(kPort + R"(,"loadBalancerSourceRanges":["10.0.0.0/8","all"])").problems,
              ElementsAre(HasSubstr("spec.loadBalancerSourceRanges[1]: \"all\" is not a CIDR")));
  EXPECT_THAT(slice_with(R"("addressType":"IPv4","endpoints":[{"addresses":["fd00::1"]}])").problems,
              ElementsAre("EndpointSlice shop/web-1: endpoints[0].addresses[0]: fd00::1 is not of the slice's "
                          "addressType"));
  EXPECT_TRUE(service_with(R"("ports":7,"clusterIP":"10.96.0.1")").refused);
  EXPECT_FALSE(service_with(R"("ports":7,"clusterIP":"10.96.0.1")").event);
}

// What the API allows and no service can use, and what serves but will hardly be of use.
// Proves: I-43, I-45, X-050, X-053
TEST(KubeDecode, WhatIsOfNoUseIsNamed) {
  const KubeObject slice =
      slice_with(R"("addressType":"IPv4","endpoints":[{"addresses":[]},{"addresses":["169.254.0.1"]}],)"
                 R"("ports":[{"name":"a"},{"name":"b","port":0},{"port":80},{"name":"c","port":80}])");
  ASSERT_TRUE(slice.event);
  EXPECT_THAT(std::get<EndpointSlice>(*slice.event).ports, SizeIs(1));
  EXPECT_THAT(std::get<EndpointSlice>(*slice.event).endpoints, SizeIs(1));
  EXPECT_THAT(slice.problems,
              ElementsAre(HasSubstr("endpoints[0].addresses: is empty; the endpoint is left out"),
                          HasSubstr("endpoints[1].addresses[0]: \"169.254.0.1\" is a link-local address"),
                          HasSubstr("ports[0].port: is missing, which means all ports"),
                          HasSubstr("ports[1].port: 0 means all ports"), HasSubstr("ports[2].name: is missing")));
  const KubeObject service = service_with(kPort + R"(,"externalIPs":["169.254.1.1"])");
  ASSERT_TRUE(service.event);
  EXPECT_THAT(std::get<Service>(*service.event).external_ips, SizeIs(1));
  const KubeObject balanced = from_json(
      ObjectKind::kService, R"({"metadata":{"name":"web","namespace":"shop"},"spec":{)" + kPort +
                                R"(},"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1","ipMode":"Weird"}]}}})");
  EXPECT_THAT(balanced.problems,
              ElementsAre(HasSubstr("status.loadBalancer.ingress[0].ipMode: \"Weird\" is neither VIP nor Proxy")));
  EXPECT_THAT(service.problems, ElementsAre(HasSubstr("spec.externalIPs[0]: \"169.254.1.1\" is a link-local address")));
}

// As the decoders of manifests do.
TEST(KubeDecode, WhatIsWrongIsLeftOutAndTheRestStays) {
  const KubeObject service = service_with(
      R"("ports":[{"name":"a","port":80},{"name":"b","port":70000},{"name":"a","port":81},{"name":"c","port":80},)"
      R"({"name":"d","port":82}],"clusterIPs":["10.96.0.1","fd00::x"],"sessionAffinity":"ClientIP",)"
      R"("sessionAffinityConfig":{"clientIP":{"timeoutSeconds":-5}})");
  ASSERT_TRUE(service.event);
  const auto& taken = std::get<Service>(*service.event);
  EXPECT_EQ(taken.ports,
            (std::vector{ServicePort{"a", Protocol::kTcp, 80, 0}, ServicePort{"d", Protocol::kTcp, 82, 0}}));
  EXPECT_THAT(taken.cluster_ips, SizeIs(1));
  EXPECT_EQ(taken.affinity_timeout_s, 10800u);
  EXPECT_THAT(service.problems, SizeIs(5));
  for (const std::string& problem : service.problems) EXPECT_THAT(problem, HasSubstr("; it is left out"));

  const KubeObject slice = slice_with(
      R"("addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"]},{"addresses":["fd00::1"]},)"
      R"({"addresses":["10.0.0.300"]}],"ports":[{"name":"a","port":80},{"name":"a","port":81},{"name":"b","port":-1}])");
  ASSERT_TRUE(slice.event);
  EXPECT_THAT(std::get<EndpointSlice>(*slice.event).endpoints, SizeIs(1));
  EXPECT_EQ(std::get<EndpointSlice>(*slice.event).ports, (std::vector{EndpointPort{"a", Protocol::kTcp, 80}}));
  EXPECT_THAT(slice.problems, SizeIs(4));
}

// The decoders of manifests say the same of the same addresses.
TEST(KubeDecode, AddressesThatNobodyCanHaveAreRefusedOrLeftOutByName) {
  EXPECT_THAT(service_with(R"("ports":[{"port":80}],"clusterIP":"127.0.0.1")").problems,
              ElementsAre(HasSubstr("spec.clusterIP: \"127.0.0.1\" is a loopback address")));
  EXPECT_THAT(slice_with(R"("addressType":"IPv6","endpoints":[{"addresses":["fe80::1"]}])").problems,
              ElementsAre(HasSubstr("endpoints[0].addresses[0]: \"fe80::1\" is an IPv6 link-local address")));
  const KubeObject external = service_with(kPort + R"(,"externalIPs":["224.0.0.1"," ","192.0.2.1"])");
  EXPECT_THAT(external.problems, ElementsAre(HasSubstr("spec.externalIPs[0]: \"224.0.0.1\" is a multicast")));
  ASSERT_TRUE(external.event);
  EXPECT_THAT(std::get<Service>(*external.event).external_ips, SizeIs(1));
  const KubeObject balanced = from_json(
      ObjectKind::kService,
      fmt::format(
          R"({{"metadata":{{"name":"web","namespace":"shop"}},"spec":{{{}}},"status":{{"loadBalancer":{{"ingress":[)"
          R"({{"ip":"0.0.0.0"}},{{"hostname":"a.example"}},{{"ip":"192.0.2.1"}}]}}}}}})",
          kPort));
  EXPECT_THAT(balanced.problems, ElementsAre(HasSubstr("ingress[0].ip: \"0.0.0.0\" is the unspecified address")));
  ASSERT_TRUE(balanced.event);
  EXPECT_THAT(std::get<Service>(*balanced.event).load_balancer_ingress, SizeIs(2));
}

TEST(KubeDecode, AMalformedMessageInsideOfAnObjectIsNamedToo) {
  WireWriter meta;
  meta.text(1, "web").text(3, "shop").text(6, "7");
  WireWriter spec;
  spec.text(1, "\x0a\x7f").text(3, "10.96.0.1");  // a port that is cut off
  const KubeObject object = from_protobuf(ObjectKind::kService, WireWriter().message(1, meta).message(2, spec).bytes());
  EXPECT_TRUE(object.refused);
  EXPECT_EQ(object.name, (ObjectName{"shop", "web"}));
  EXPECT_EQ(object.version, "7");
  EXPECT_THAT(object.problems, ElementsAre("Service shop/web: spec.ports[0]: is cut off or is not protobuf"));
}

TEST(KubeDecode, AnObjectWithoutAUsableNameIsNobody) {
  for (const char* name : {"", "UPPER", "a/b", "\\u001b[31m"}) {
    const KubeObject object = from_json(
        ObjectKind::kService, fmt::format(R"({{"metadata":{{"name":"{}","namespace":"shop"}},"spec":{{}}}})", name));
    EXPECT_TRUE(object.refused);
    EXPECT_EQ(object.name.name, "");
    ASSERT_THAT(object.problems, SizeIs(1));
    EXPECT_EQ(object.problems[0].find('\x1b'), std::string::npos);
  }
}

TEST(KubeDecode, WordsThatAreNewerThanWaggleArePassedOver) {
  const KubeObject object = service_with(
      R"("ports":[{"name":"a","port":80,"protocol":"QUIC"},{"name":"b","port":81}],"clusterIP":"10.96.0.1",)"
      R"("type":"Teleport","sessionAffinity":"Cookie","internalTrafficPolicy":"Near","newField":{"x":[1,2]})");
  ASSERT_TRUE(object.event);
  const auto& service = std::get<Service>(*object.event);
  EXPECT_EQ(service.type, "ClusterIP");
  EXPECT_EQ(service.affinity_timeout_s, 0U);
  EXPECT_EQ(service.internal_policy, TrafficPolicy::kCluster);
  EXPECT_EQ(service.ports, (std::vector{ServicePort{"b", Protocol::kTcp, 81, 0}}));
  EXPECT_THAT(object.problems, ElementsAre(HasSubstr("spec.type: \"Teleport\" is not known here"),
                                           HasSubstr("spec.ports[0].protocol: \"QUIC\" is not known here"),
                                           HasSubstr("spec.internalTrafficPolicy: \"Near\" is not known here"),
                                           HasSubstr("spec.sessionAffinity: \"Cookie\" is not known here")));
}

// Proves: X-040, X-042
TEST(KubeDecode, SlicesThatAreNotForUsAnswerNothingAndNoComplaint) {
  for (const char* fields :
       {R"("addressType":"FQDN","endpoints":[{"addresses":["a.example"]}])", R"("addressType":"IPv7")"}) {
    const KubeObject object = slice_with(fields);
    EXPECT_FALSE(object.event);
    EXPECT_FALSE(object.refused);
    EXPECT_THAT(object.problems, IsEmpty());
  }
  const KubeObject orphan =
      from_json(ObjectKind::kEndpointSlice, R"({"metadata":{"name":"a","namespace":"shop"},"addressType":"IPv4"})");
  EXPECT_FALSE(orphan.event || orphan.refused);
}

TEST(KubeDecode, AbsentConditionsAndPortsKeepTheirMeaning) {
  const KubeObject object = slice_with(
      R"("addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"],"conditions":{"ready":false}},{"addresses":[]}],)"
      R"("ports":[{"port":80},{"name":"","port":81},{"name":"x"},{"name":"z","port":0},{"name":"n","port":null}])");
  ASSERT_TRUE(object.event);
  const auto& slice = std::get<EndpointSlice>(*object.event);
  ASSERT_THAT(slice.endpoints, SizeIs(1));
  EXPECT_FALSE(slice.endpoints[0].ready);
  EXPECT_TRUE(slice.endpoints[0].serving);
  EXPECT_EQ(slice.ports, (std::vector{EndpointPort{"", Protocol::kTcp, 81}}));
  EXPECT_THAT(object.problems, Contains(HasSubstr("ports[3].port: 0 means all ports")));
}

TEST(KubeDecode, HeadlessAndExternalNameServicesNeedNeitherPortsNorAddress) {
  const KubeObject headless = service_with(R"("clusterIP":"None","clusterIPs":["None"])");
  ASSERT_TRUE(headless.event);
  EXPECT_TRUE(std::get<Service>(*headless.event).headless);
  const KubeObject external = service_with(R"("type":"ExternalName","externalName":"a.example")");
  ASSERT_TRUE(external.event);
  EXPECT_EQ(std::get<Service>(*external.event).type, "ExternalName");
  EXPECT_TRUE(service_with(R"("clusterIP":"10.96.0.1")").refused);
}

TEST(KubeDecode, TimesBecomeTheTextThatJsonHas) {
  EXPECT_EQ(timestamp_text(1795161304), "2026-11-20T07:55:04Z");
  EXPECT_EQ(timestamp_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(timestamp_text(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(timestamp_text(INT64_MAX), "");
  EXPECT_EQ(timestamp_text(INT64_MIN), "");
}

TEST(KubeDecode, AListOfAnotherKindIsRefused) {
  const std::string nodes = list_body(ObjectKind::kNode, {}, "5", "", WireForm::kProtobuf);
  EXPECT_THAT(decode_list(ObjectKind::kService, KubeFormat::kProtobuf, nodes).meta.error().message,
              HasSubstr("is not a ServiceList: it is a \"NodeList\""));
  EXPECT_THAT(
      decode_list(ObjectKind::kService, KubeFormat::kJson, R"({"kind":"NodeList","items":[]})").meta.error().message,
      HasSubstr("is not a ServiceList but a \"NodeList\""));
  EXPECT_FALSE(decode_list(ObjectKind::kService, KubeFormat::kJson, R"({"items":[]})").meta);
  EXPECT_FALSE(decode_list(ObjectKind::kService, KubeFormat::kJson, "").meta);
  EXPECT_FALSE(decode_list(ObjectKind::kService, KubeFormat::kJson, "[]").meta);
  EXPECT_FALSE(decode_list(ObjectKind::kService, KubeFormat::kProtobuf, "").meta);
}

TEST(KubeDecode, ItemsBeforeTheKindAreRead) {
  const DecodedList list = decode_list(
      ObjectKind::kNode, KubeFormat::kJson,
      R"({"apiVersion":"v1","items":[{"metadata":{"name":"n1"}}],"kind":"NodeList","metadata":{"resourceVersion":"9"}})");
  ASSERT_TRUE(list.meta) << list.meta.error().message;
  EXPECT_EQ(list.meta->version, "9");
  EXPECT_THAT(list.objects, SizeIs(1));
}

TEST(KubeDecode, AWatchEventOfANewerTypeIsPassedOver) {
  const DecodedWatch watch = decode_watch(
      ObjectKind::kNode, KubeFormat::kJson,
      "{\"type\":\"PROGRESS\",\"object\":{}}\n\n{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"n1\"}}}\n");
  ASSERT_TRUE(watch.fed) << watch.fed.error().message;
  ASSERT_THAT(watch.events, SizeIs(1));
  EXPECT_EQ(watch.events[0].object.name.name, "n1");
}

TEST(KubeDecode, AStatusInEitherFormAndATextThatIsNone) {
  for (const WireForm form : {WireForm::kJson, WireForm::kProtobuf}) {
    const KubeStatus status = status_of_body(content_type_of(form), status_body(504, "Timeout", "too new", form, true));
    EXPECT_EQ(status.code, 504);
    EXPECT_EQ(status.reason, "Timeout");
    EXPECT_EQ(status.message, "too new");
    EXPECT_TRUE(status.version_too_large);
    EXPECT_EQ(status.retry_after, std::chrono::seconds(1));
  }
  EXPECT_EQ(status_of_body("text/plain", "go away").message, "go away");
  EXPECT_EQ(status_of_body("application/json", "<html>").message, "<html>");
  EXPECT_EQ(status_of_body("application/json", R"({"kind":"Pod","message":"x"})").code, 0);
}

}  // namespace
}  // namespace waggle
