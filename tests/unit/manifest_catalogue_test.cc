// SPDX-License-Identifier: Apache-2.0
// What several manifest files come to together: duplicates, mistakes, and what keeps serving.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "source/catalogue.h"

namespace waggle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::string service(const std::string& name, const std::string& address) {
  return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + "}\nspec: {clusterIP: " + address +
         ", ports: [{port: 80}]}\n---\n";
}

// A catalogue with the state that its events make.
struct Served {
  Catalogue catalogue;
  State state;

  std::vector<Event> put(const std::string& name, const std::string& text) {
    catalogue.put(name, "dir/" + name, text);
    return take();
  }
  std::vector<Event> remove(const std::string& name) {
    catalogue.remove(name);
    return take();
  }
  std::vector<Event> take() {
    const auto events = catalogue.changes();
    for (const Event& event : events) state.apply(event);
    return events;
  }
  // Where a service is reached, or "gone".
  [[nodiscard]] std::string address(const std::string& name) const {
    const Service* found = state.service({"default", name});
    return found == nullptr ? "gone" : found->cluster_ips.at(0).text();
  }
};

TEST(Catalogue, AnnouncesWhatIsNewChangedAndGone) {
  Served served;
  EXPECT_EQ(served.put("a.yaml", service("one", "10.0.0.1") + service("two", "10.0.0.2")).size(), 2U);
  EXPECT_EQ(served.put("a.yaml", service("one", "10.0.0.9") + service("two", "10.0.0.2")).size(), 1U);
  EXPECT_EQ(served.address("one"), "10.0.0.9");
  const Event deletion = Deletion{ObjectKind::kService, {"default", "one"}};
  EXPECT_THAT(served.put("a.yaml", service("two", "10.0.0.2")), ElementsAre(deletion));
  EXPECT_EQ(served.remove("a.yaml").size(), 1U);
  EXPECT_EQ(served.state, State());
}

TEST(Catalogue, SaysNothingOfAnObjectThatMovesToAnotherFile) {
  Served served;
  served.put("a.yaml", service("one", "10.0.0.1"));
  served.catalogue.remove("a.yaml");
  EXPECT_THAT(served.put("b.yaml", service("one", "10.0.0.1")), IsEmpty());
}

TEST(Catalogue, DeletesBeforeItAdds) {
  Served served;
  served.put("a.yaml", service("one", "10.0.0.1"));
  const auto events = served.put("a.yaml", service("a-new", "10.0.0.1"));
  ASSERT_EQ(events.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<Deletion>(events[0]));
}

TEST(Catalogue, KeepsTheLastGoodVersionOfAnObjectThatBecameBad) {
  Served served;
  served.put("a.yaml", service("one", "10.0.0.1") + service("two", "10.0.0.2"));
  served.put("a.yaml", service("one", "bogus") + service("two", "10.0.0.3"));
  EXPECT_EQ(served.address("one"), "10.0.0.1");
  EXPECT_EQ(served.address("two"), "10.0.0.3");
  EXPECT_THAT(served.catalogue.problems(), ElementsAre(HasSubstr("last good version keeps serving")));
  served.put("a.yaml", service("one", "still-bogus") + service("two", "10.0.0.3"));
  EXPECT_EQ(served.address("one"), "10.0.0.1");
  served.put("a.yaml", service("one", "10.0.0.4"));
  EXPECT_EQ(served.address("one"), "10.0.0.4");
  EXPECT_EQ(served.address("two"), "gone");
  EXPECT_THAT(served.catalogue.problems(), IsEmpty());
}

TEST(Catalogue, TakesNothingOfAnObjectThatWasNeverGood) {
  Served served;
  EXPECT_THAT(served.put("a.yaml", service("one", "bogus")), IsEmpty());
  EXPECT_THAT(served.catalogue.problems(),
              ElementsAre(AllOf(StartsWith("dir/a.yaml:4: Service default/one: spec.clusterIP"),
                                EndsWith("; until it is mended, nothing of it is served but what a previous run "
                                         "programmed"))));
  served.put("a.yaml", "kind: [\n");
  EXPECT_THAT(served.catalogue.problems(), ElementsAre(HasSubstr("nothing of it is served")));
}

TEST(Catalogue, IsCompleteOnceEveryFileWasUnderstoodInFull) {
  Served served;
  served.put("a.yaml", service("one", "10.0.0.1"));
  EXPECT_TRUE(served.catalogue.complete());
  served.put("b.yaml", service("two", "bogus"));
  EXPECT_FALSE(served.catalogue.complete()) << "there may have been a good version of it";
  served.put("b.yaml", service("two", "10.0.0.2"));
  EXPECT_TRUE(served.catalogue.complete());
  served.put("b.yaml", "kind: [\n");
  EXPECT_TRUE(served.catalogue.complete()) << "its objects are known";
  served.catalogue.put_unreadable("c.yaml", "dir/c.yaml: cannot be read");
  EXPECT_FALSE(served.catalogue.complete());
  served.catalogue.remove("c.yaml");
  EXPECT_TRUE(served.catalogue.complete());
}

TEST(Catalogue, KeepsTheObjectsOfAFileThatCannotBeReadUntilItIsGone) {
  Served served;
  served.put("a.yaml", service("one", "10.0.0.1"));
  EXPECT_THAT(served.put("a.yaml", "kind: [\n"), IsEmpty());
  EXPECT_THAT(served.catalogue.problems(), ElementsAre(HasSubstr("this is not YAML")));
  served.catalogue.put_unreadable("a.yaml", "dir/a.yaml: cannot be read");
  EXPECT_THAT(served.take(), IsEmpty());
  EXPECT_THAT(served.catalogue.problems(), ElementsAre(StartsWith("dir/a.yaml: cannot be read; until it is mended")));
  EXPECT_EQ(served.put("a.yaml", "").size(), 1U);
  EXPECT_EQ(served.address("one"), "gone");
}

TEST(Catalogue, KeepsWhatMayBeBehindAnObjectWithoutAName) {
  Served served;
  served.put("a.yaml", service("one", "10.0.0.1") + service("two", "10.0.0.2"));
  served.put("a.yaml", service("two", "10.0.0.2") + "apiVersion: v1\nkind: Service\nmetadata: {}\n");
  EXPECT_EQ(served.address("one"), "10.0.0.1");
  served.put("a.yaml", service("two", "10.0.0.2"));
  EXPECT_EQ(served.address("one"), "gone");
}

TEST(Catalogue, KeepsOnlyTheNamesakeOfAnObjectOfUnknownKind) {
  Served served;
  served.put("a.yaml", service("one", "10.0.0.1") + service("two", "10.0.0.2"));
  served.put("a.yaml", "apiVersion: v1\nkind: Servise\nmetadata: {name: one}\n");
  EXPECT_EQ(served.address("one"), "10.0.0.1");
  EXPECT_EQ(served.address("two"), "gone");
}

TEST(Catalogue, KeepsANodeWhoseKindWasMistyped) {
  Served served;
  served.put("a.yaml", "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n");
  served.put("a.yaml", "apiVersion: v1\nkind: Noed\nmetadata: {name: n1}\n");
  EXPECT_NE(served.state.node("n1"), nullptr);
}

TEST(Catalogue, TheFirstOfTwoDefinitionsServesAndBothPlacesAreNamed) {
  Served served;
  served.catalogue.put("b.yaml", "dir/b.yaml", service("one", "10.0.0.2"));
  served.catalogue.put("a.yaml", "dir/a.yaml", "\n" + service("one", "10.0.0.1"));
  served.take();
  EXPECT_EQ(served.address("one"), "10.0.0.1");
  EXPECT_THAT(
      served.catalogue.problems(),
      ElementsAre("dir/b.yaml:1: Service default/one: is defined in dir/a.yaml:2 already; this one is not used, "
                  "remove one of them"));
}

TEST(Catalogue, WhatServesIsNotDisplacedByAnotherDefinition) {
  Served served;
  served.put("b.yaml", service("one", "10.0.0.2"));
  EXPECT_THAT(served.put("a.yaml", service("one", "10.0.0.1")), IsEmpty());
  EXPECT_THAT(served.catalogue.problems(), ElementsAre(StartsWith("dir/a.yaml:1: ")));
  EXPECT_EQ(served.put("b.yaml", service("one", "10.0.0.3")).size(), 1U);
  served.put("b.yaml", "{ broken");
  EXPECT_EQ(served.address("one"), "10.0.0.3");
  served.remove("b.yaml");
  EXPECT_EQ(served.address("one"), "10.0.0.1");
  EXPECT_THAT(served.catalogue.problems(), IsEmpty());
}

TEST(Catalogue, ADuplicateInTheSameFileIsRefused) {
  Served served;
  served.put("a.yaml", service("one", "10.0.0.1") + service("one", "10.0.0.2"));
  EXPECT_EQ(served.address("one"), "10.0.0.1");
  EXPECT_THAT(served.catalogue.problems(), ElementsAre(StartsWith("dir/a.yaml:6: Service default/one: is defined in")));
}

TEST(Catalogue, ABadDuplicateTakesNothingFromTheGoodOne) {
  Served served;
  served.put("a.yaml", service("one", "bogus"));
  served.put("b.yaml", service("one", "10.0.0.2"));
  EXPECT_EQ(served.address("one"), "10.0.0.2");
}

TEST(Catalogue, ASliceThatBecomesHeadlessIsDeleted) {
  const auto slice = [](const std::string& label) {
    return "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s, labels: {" + label +
           "kubernetes.io/service-name: one}}\naddressType: IPv4\n";
  };
  Served served;
  EXPECT_EQ(served.put("a.yaml", slice("")).size(), 1U);
  const Event deletion = Deletion{ObjectKind::kEndpointSlice, {"default", "s"}};
  EXPECT_THAT(served.put("a.yaml", slice("service.kubernetes.io/headless: \"\", ")), ElementsAre(deletion));  // I-07
  EXPECT_EQ(served.put("a.yaml", slice("")).size(), 1U);
}

TEST(Catalogue, ReadsJsonByTheNameOfTheFile) {
  Served served;
  served.put("a.json", R"({"kind":"Service","apiVersion":"v1","metadata":{"name":"one"},)"
                       R"("spec":{"clusterIP":"10.0.0.1","ports":[{"port":80}]}})");
  EXPECT_EQ(served.address("one"), "10.0.0.1");
  served.put("a.json", "{ broken");
  EXPECT_THAT(served.catalogue.problems(), ElementsAre(StartsWith("dir/a.json:1: ")));
}

}  // namespace
}  // namespace waggle
