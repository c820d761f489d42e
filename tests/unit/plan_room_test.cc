// SPDX-License-Identifier: Apache-2.0
// Full tables: what does not fit is said and waits, everything else keeps working, nothing is applied by halves.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "support/plan_rig.h"

namespace waggle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

Service service_number(int number) {
  return service_object(fmt::format("default/s{:02}", number), {fmt::format("10.96.0.{}", number)}, {tcp_port("", 80)});
}

EndpointSlice slice_number(int number, int endpoints) {
  std::vector<std::string> addresses;
  for (int last = 1; last <= endpoints; ++last) addresses.push_back(fmt::format("10.0.{}.{}", number, last));
  return web_slice(fmt::format("default/s{:02}", number), addresses);
}

std::string decision(PlanRig& rig, int number) {
  const auto picture = rig.picture();
  const auto found = picture.frontends.find(fmt::format("10.96.0.{}:80/TCP", number));
  return found == picture.frontends.end() ? "" : found->second.decision();
}

// Until the planner asks for no more.
void make_room(PlanRig& rig) {
  rig.sweep();
  rig.grace();
  ASSERT_TRUE(rig.planner.wants_plan());
  rig.apply({});
  EXPECT_FALSE(rig.planner.wants_plan());
}

TEST(FullServices, LeaveTheLastOneOutUntilAnotherIsGone) {
  TableSizes sizes = small_sizes();
  sizes.services = 4;
  PlanRig rig(sizes);
  const auto plan = rig.apply({service_number(1), service_number(2), service_number(3), service_number(4)});
  EXPECT_THAT(
      plan.problems,
      ElementsAre("service default/s04 port 80/TCP (IPv4): there is no room in table services; it is not served "
                  "yet; make the table larger or use fewer services"));
  EXPECT_EQ(decision(rig, 3), "reject");
  EXPECT_EQ(decision(rig, 4), "");
  EXPECT_FALSE(rig.planner.wants_plan());
  rig.apply({without(ObjectKind::kService, "default/s01")});
  make_room(rig);
  EXPECT_EQ(decision(rig, 4), "reject");
  EXPECT_THAT(rig.planner.standing_problems(), IsEmpty());
}

TEST(FullBackends, LeaveTheOldSetServing) {
  TableSizes sizes = small_sizes();
  sizes.backends = 8;
  PlanRig rig(sizes);
  rig.apply({service_number(1), slice_number(1, 2), service_number(2), slice_number(2, 4)});
  const auto plan = rig.apply({slice_number(1, 4)});
  EXPECT_THAT(plan.problems,
              ElementsAre(HasSubstr("no room for 2 more backends in table backends; it keeps its previous")));
  EXPECT_THAT(plan.writes, IsEmpty());
  EXPECT_EQ(decision(rig, 1), "pick from 10.0.1.1:8080 10.0.1.2:8080");
  rig.apply({slice_number(2, 1)});
  make_room(rig);
  EXPECT_EQ(decision(rig, 1), "pick from 10.0.1.1:8080 10.0.1.2:8080 10.0.1.3:8080 10.0.1.4:8080");
}

TEST(FullBackends, KeepANewServiceFromBeingServedByHalves) {
  TableSizes sizes = small_sizes();
  sizes.backends = 4;
  PlanRig rig(sizes);
  EXPECT_THAT(rig.apply({service_number(1), slice_number(1, 4)}).writes, IsEmpty());
  EXPECT_THAT(rig.planner.standing_problems(), ElementsAre(HasSubstr("it is not served yet")));
  rig.apply({slice_number(1, 3)});
  EXPECT_EQ(decision(rig, 1), "pick from 10.0.1.1:8080 10.0.1.2:8080 10.0.1.3:8080");
  EXPECT_THAT(rig.planner.standing_problems(), IsEmpty());
}

TEST(FullSlots, LeaveTheOldSetServingUntilRangesAreFree) {
  TableSizes sizes = small_sizes();
  sizes.slots = 8;
  PlanRig rig(sizes);
  rig.apply({service_number(1), slice_number(1, 3)});
  rig.apply({slice_number(1, 4)});
  const auto plan = rig.apply({slice_number(1, 2)});
  EXPECT_THAT(plan.problems, ElementsAre(HasSubstr("table slots")));
  EXPECT_THAT(decision(rig, 1), HasSubstr("10.0.1.4:8080"));
  EXPECT_THAT(rig.service("default/s01").backends, SizeIs(4));
  rig.grace();
  EXPECT_TRUE(rig.planner.wants_plan());
  rig.apply({});
  EXPECT_EQ(decision(rig, 1), "pick from 10.0.1.1:8080 10.0.1.2:8080");
}

TEST(FullSlots, GiveBackWhatAFailedUpdateHadTaken) {
  TableSizes sizes = small_sizes();
  sizes.slots = 4;
  sizes.backends = 8;
  PlanRig rig(sizes);
  for (int attempt = 0; attempt < 5; ++attempt) {
    EXPECT_THAT(rig.apply({service_number(1), slice_number(1, 4 + attempt % 2)}).writes, IsEmpty());
  }
  rig.apply({slice_number(1, 3)});
  EXPECT_EQ(decision(rig, 1), "pick from 10.0.1.1:8080 10.0.1.2:8080 10.0.1.3:8080");
}

Service ranged_service(int number, const std::vector<std::string>& ranges) {
  Service service = service_number(number);
  service.load_balancer_ingress = {ingress(fmt::format("203.0.113.{}", number))};
  for (const std::string& range : ranges) service.source_ranges.push_back(Cidr::parse(range).value());
  return service;
}

TEST(FullSourceRanges, LeaveTheOldOnesInForceUntilOthersAreGone) {
  TableSizes sizes = small_sizes();
  sizes.source_ranges = 4;
  PlanRig rig(sizes);
  rig.apply({ranged_service(1, {"10.1.0.0/16", "10.2.0.0/16"}), ranged_service(2, {"10.3.0.0/16"})});
  const auto plan = rig.apply({ranged_service(2, {"10.4.0.0/16", "10.5.0.0/16"})});
  EXPECT_THAT(plan.problems,
              ElementsAre(HasSubstr("no room for its 2 source ranges in table source_ranges; it keeps")));
  EXPECT_TRUE(rig.picture().at("203.0.113.2:80/TCP").admits(*IpAddress::parse("10.3.0.1")));
  rig.apply({without(ObjectKind::kService, "default/s01")});
  EXPECT_TRUE(rig.planner.wants_plan());
  rig.apply({});
  EXPECT_TRUE(rig.picture().at("203.0.113.2:80/TCP").admits(*IpAddress::parse("10.5.0.1")));
  EXPECT_FALSE(rig.picture().at("203.0.113.2:80/TCP").admits(*IpAddress::parse("10.3.0.1")));
  EXPECT_THAT(rig.planner.standing_problems(), IsEmpty());
}

// As long as a plan's writes are applied, what it takes away is there beside what it adds.
TEST(FullSourceRanges, NeverHoldMoreThanTheTableOnTheWay) {
  TableSizes sizes = small_sizes();
  sizes.source_ranges = 2;
  PlanRig rig(sizes);
  rig.apply({ranged_service(1, {"10.1.0.0/16", "10.2.0.0/16"})});
  rig.apply({without(ObjectKind::kService, "default/s01"), ranged_service(2, {"10.3.0.0/16"})});
  rig.apply({});
  EXPECT_TRUE(rig.picture().at("203.0.113.2:80/TCP").admits(*IpAddress::parse("10.3.0.1")));
}

TEST(FullFrontends, LeaveOneAddressOutAndServeTheRest) {
  TableSizes sizes = small_sizes();
  sizes.frontend_buckets4 = 2;
  PlanRig rig(sizes);
  const auto plan =
      rig.apply({service_number(1), service_number(2), service_number(3), service_number(4), service_number(5)});
  EXPECT_THAT(plan.problems,
              UnorderedElementsAre(HasSubstr("service default/s05: 10.96.0.5:80/TCP is not served because there is no "
                                             "room within reach in table frontends4"),
                                   HasSubstr("service default/s05: 10.96.0.5:* is not served")));
  EXPECT_EQ(decision(rig, 4), "reject");
  rig.apply({without(ObjectKind::kService, "default/s02")});
  make_room(rig);
  EXPECT_EQ(decision(rig, 5), "reject");
  EXPECT_THAT(rig.planner.standing_problems(), IsEmpty());
}

TEST(FullFrontends, ForgetAnAddressThatIsNoLongerWanted) {
  TableSizes sizes = small_sizes();
  sizes.frontend_buckets4 = 2;
  PlanRig rig(sizes);
  rig.apply({service_number(1), service_number(2), service_number(3), service_number(4), service_number(5)});
  rig.apply({without(ObjectKind::kService, "default/s05")});
  EXPECT_THAT(rig.planner.standing_problems(), IsEmpty());
  rig.settle();
  EXPECT_FALSE(rig.planner.wants_plan());
}

TEST(CrowdedBuckets, StillLeadToEveryFrontendAsOthersComeAndGo) {
  TableSizes sizes = small_sizes();
  sizes.frontend_buckets4 = 16;  // two entries a service
  PlanRig rig(sizes);
  std::vector<Event> events;
  for (int number = 1; number <= 28; ++number) events.push_back(service_number(number));
  rig.apply(events);
  EXPECT_THAT(rig.picture(), SizeIs(28));
  for (int number = 1; number <= 28; number += 3)
    rig.apply({without(ObjectKind::kService, fmt::format("default/s{:02}", number))});
  rig.sweep();
  rig.grace();
  for (int number = 1; number <= 28; number += 3) rig.apply({service_number(number)});
  EXPECT_THAT(rig.picture(), SizeIs(28));
  for (int number = 1; number <= 28; ++number)
    rig.apply({without(ObjectKind::kService, fmt::format("default/s{:02}", number))});
  rig.settle();
  EXPECT_TRUE(rig.has_no_frontends());
}

}  // namespace
}  // namespace waggle
