// SPDX-License-Identifier: Apache-2.0
// Several services claim one address, port and protocol (contract K-06): the oldest has it, the others are told.
#include <gmock/gmock.h>

#include "support/plan_rig.h"

namespace waggle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kVip = "203.0.113.1:80/TCP";

Service claimant(const std::string& name, const std::string& cluster_ip, const std::string& created) {
  Service service = service_object(name, {cluster_ip}, {tcp_port("", 80)});
  service.type = "LoadBalancer";
  service.creation_timestamp = created;
  service.load_balancer_ingress = {ingress("203.0.113.1")};
  return service;
}

Service older() { return claimant("default/z-older", "10.96.0.1", "2026-01-01T00:00:00Z"); }
Service younger() { return claimant("default/a-younger", "10.96.0.2", "2026-02-01T00:00:00Z"); }

// Proves: K-06
TEST(ContestedFrontends, BelongToTheOldestWhateverTheOrder) {
  for (const auto& events : {std::vector<Event>{older(), younger()}, std::vector<Event>{younger(), older()}}) {
    PlanRig together, one_by_one;
    together.apply(events);
    for (const Event& event : events) one_by_one.apply({event});
    EXPECT_EQ(together.picture().at(kVip).service, "default/z-older");
    EXPECT_EQ(one_by_one.picture().at(kVip).service, "default/z-older");
  }
}

TEST(ContestedFrontends, BelongToTheFirstByNameAmongEquallyOld) {
  PlanRig rig;
  rig.apply({claimant("default/b", "10.96.0.1", ""), claimant("default/a", "10.96.0.2", "")});
  EXPECT_EQ(rig.picture().at(kVip).service, "default/a");
}

TEST(ContestedFrontends, DoNotGoToAServiceWithoutAnAge) {
  PlanRig rig;
  rig.apply({claimant("default/a", "10.96.0.1", ""), older()});
  EXPECT_EQ(rig.picture().at(kVip).service, "default/z-older");
}

// Proves: K-06
TEST(ContestedFrontends, LeaveTheOtherAddressesOfTheLoserAlone) {
  PlanRig rig;
  rig.apply({older(), younger()});
  EXPECT_EQ(rig.picture().at("10.96.0.2:80/TCP").service, "default/a-younger");
}

TEST(ContestedFrontends, AreAStandingProblemOfTheLoserSaidOnce) {
  PlanRig rig;
  rig.apply({older()});
  EXPECT_THAT(rig.apply({younger()}).problems, ElementsAre(HasSubstr("default/a-younger: 203.0.113.1:80/TCP")));
  EXPECT_THAT(rig.plan_all().problems, IsEmpty());
  EXPECT_THAT(rig.planner.standing_problems(), ElementsAre(HasSubstr("service default/z-older has the same")));
}

TEST(ContestedFrontends, GoToTheLoserWhenTheWinnerGoes) {
  PlanRig rig;
  rig.apply({older(), younger()});
  rig.apply({without(ObjectKind::kService, "default/z-older")});
  EXPECT_EQ(rig.picture().at(kVip).service, "default/a-younger");
  EXPECT_THAT(rig.planner.standing_problems(), IsEmpty());
}

TEST(ContestedFrontends, GoToTheLoserWhenTheWinnerLetsGoOfTheAddress) {
  PlanRig rig;
  rig.apply({older(), younger()});
  Service without_ingress = older();
  without_ingress.load_balancer_ingress.clear();
  rig.apply({without_ingress});
  EXPECT_EQ(rig.picture().at(kVip).service, "default/a-younger");
}

TEST(ContestedFrontends, AreJudgedAnewWhenAServiceIsCreatedAnew) {
  PlanRig rig;
  rig.apply({older(), younger()});
  Service again = older();
  again.creation_timestamp = "2026-03-01T00:00:00Z";
  rig.apply({again});
  EXPECT_EQ(rig.picture().at(kVip).service, "default/a-younger");
}

TEST(ContestedFrontends, BetweenTwoPortsOfOneServiceGoToTheFirstByName) {
  PlanRig rig;
  const auto plan = rig.apply({service_object("default/web", {"10.96.0.1"}, {tcp_port("b", 80), tcp_port("a", 80)})});
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").service, "default/web:a");
  EXPECT_THAT(plan.problems, ElementsAre(HasSubstr("service default/web:b")));
}

// A ClusterIP, then a load balancer's address, then an external IP, however young the service is and whatever it says.
TEST(ContestedFrontends, BelongToWhoHasTheStrongerKindOfClaimHoweverYoung) {
  PlanRig rig;
  Service thief = service_object("default/a-thief", {"10.96.0.9"}, {tcp_port("", 80)});
  thief.creation_timestamp = "2025-01-01T00:00:00Z";
  thief.external_ips = addresses_of({"10.96.0.1", "203.0.113.1"});
  rig.apply({younger()});
  const auto plan = rig.apply({thief, service_object("default/victim", {"10.96.0.1"}, {tcp_port("", 80)})});
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").service, "default/victim");
  EXPECT_EQ(rig.picture().at(kVip).service, "default/a-younger");
  EXPECT_THAT(
      plan.problems,
      ElementsAre("service default/a-thief: external IP 10.96.0.1:80/TCP is not served for it because service "
                  "default/victim has that address and port as its ClusterIP; give it another address or port",
                  "service default/a-thief: external IP 203.0.113.1:80/TCP is not served for it because service "
                  "default/a-younger has that address and port as its load balancer address; give it another "
                  "address or port"));
  Service balanced = older();
  balanced.load_balancer_ingress = {ingress("10.96.0.1")};
  rig.apply({balanced});
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").service, "default/victim")
      << "not to a load balancer's address either";
  rig.apply({without(ObjectKind::kService, "default/victim"), without(ObjectKind::kService, "default/z-older")});
  EXPECT_EQ(rig.picture().at("10.96.0.1:80/TCP").service, "default/a-thief");
}

// The loser's policy has no backend for it on this node; it ends in the same step in which the address comes to it. No
// moment may find the address dropping (broken transitions fail in PlanRig::apply).
TEST(ContestedFrontends, ComeToAServiceWhoseIdlePolicyEndsWithoutAMomentOfDropping) {
  PlanRig rig;
  Service local = younger();
  local.external_policy = TrafficPolicy::kLocal;
  rig.apply({older(), local, web_slice("default/z-older", {"10.0.0.1"}), web_slice("default/a-younger", {"10.0.0.2"})});
  ASSERT_EQ(rig.picture().at(kVip).service, "default/z-older");
  rig.apply({Deletion{ObjectKind::kService, older().name}, younger()});
  EXPECT_EQ(rig.picture().at(kVip).decision(), "pick from 10.0.0.2:8080");
}

// The other way: the address leaves a service in the step in which a policy begins there that serves nobody.
TEST(ContestedFrontends, LeaveAServiceWhoseIdlePolicyBeginsWithoutAMomentOfDropping) {
  PlanRig rig;
  rig.apply({younger(), web_slice("default/z-older", {"10.0.0.1"}), web_slice("default/a-younger", {"10.0.0.2"})});
  ASSERT_EQ(rig.picture().at(kVip).decision(), "pick from 10.0.0.2:8080");
  Service local = younger();
  local.external_policy = TrafficPolicy::kLocal;
  rig.apply({local, older()});
  EXPECT_EQ(rig.picture().at(kVip).decision(), "pick from 10.0.0.1:8080");
}

}  // namespace
}  // namespace waggle
