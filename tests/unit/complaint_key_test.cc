// SPDX-License-Identifier: Apache-2.0
// Which complaints are the same one: said once, whatever line of a manifest they name.
#include "source/complaint_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

#include "daemon/problem_log.h"

namespace waggle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ComplaintKey, LacksTheLinesOfManifestsOnly) {
  EXPECT_EQ(complaint_key("/etc/m/a.yaml:12: Service shop/web: spec.ports[0].port: 70000 is not a port"),
            "/etc/m/a.yaml:: Service shop/web: spec.ports[0].port: 70000 is not a port");
  EXPECT_EQ(complaint_key("a.yml:3: Service x/y: is defined in b.json:40 already"),
            "a.yml:: Service x/y: is defined in b.json: already");
  EXPECT_EQ(complaint_key("service a/b:80: 10.0.0.1:443/TCP is not served"),
            "service a/b:80: 10.0.0.1:443/TCP is not served");
}

TEST(ComplaintKey, WhatStandsTwiceCountsTwice) {
  EXPECT_THAT(new_complaints({"a.yaml:1: x"}, {"a.yaml:2: x"}), IsEmpty());
  EXPECT_THAT(new_complaints({"a.yaml:1: x"}, {"a.yaml:2: x", "a.yaml:9: x"}), ElementsAre("a.yaml:9: x"));
  EXPECT_THAT(new_complaints({"a.yaml:1: x"}, {"b.yaml:1: x"}), ElementsAre("b.yaml:1: x"));
}

TEST(ProblemLog, SaysOnceWhatComesAndWhatGoesAndShowsTheLineOfNow) {
  std::ostringstream said;
  const auto before = spdlog::default_logger();
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::ostream_sink_mt>(said)));
  spdlog::set_pattern("%l %v");
  ProblemLog log;
  log.update({"a.yaml:4: x", "netlink fails"});
  log.update({"a.yaml:5: x", "netlink fails"});
  EXPECT_THAT(log.standing(), ElementsAre("a.yaml:5: x", "netlink fails"));
  log.update({"netlink fails"});
  spdlog::set_default_logger(before);
  EXPECT_EQ(said.str(), "warning a.yaml:4: x\nwarning netlink fails\ninfo no longer: a.yaml:5: x\n");
}

}  // namespace
}  // namespace waggle
