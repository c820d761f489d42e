// SPDX-License-Identifier: Apache-2.0
// Lists recorded from a real API server, and the examples of the documentation, load without a complaint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "manifest_directory.h"

namespace waggle {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

fs::path fixtures() {
  const char* given = std::getenv("WAGGLE_FIXTURES");
  return given != nullptr ? fs::path(given) : fs::path(WAGGLE_SOURCE_DIR) / "../shared/fixtures/kube-apiserver-1.36";
}

std::string content(const fs::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path << " is missing; set WAGGLE_FIXTURES to the directory of the recorded lists";
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

// The recorded lists, under names of the given ending.
FollowedSource load_lists(const TemporaryDirectory& directory, const std::string& ending) {
  for (const char* name : {"services", "endpointslices", "nodes", "servicecidrs"}) {
    write_file(directory / (name + ending), content(fixtures() / (std::string(name) + ".list.json")));
  }
  FollowedSource source(directory / "");
  source.follow_until_synced();
  return source;
}

TEST(Fixtures, TheRecordedListsLoadWithoutAComplaint) {
  const TemporaryDirectory directory;
  const FollowedSource source = load_lists(directory, ".json");
  EXPECT_THAT(source.complaints, IsEmpty());
  EXPECT_EQ(source.state.services().size(), 26U);
  EXPECT_EQ(source.state.slice_count(), 28U);
  EXPECT_EQ(source.state.nodes().size(), 2U);
  EXPECT_EQ(source.state.service_cidrs().size(), 1U);
}

TEST(Fixtures, JsonAndYamlReadTheSameFromThem) {
  const TemporaryDirectory as_json;
  const TemporaryDirectory as_yaml;
  EXPECT_EQ(load_lists(as_json, ".json").state, load_lists(as_yaml, ".yaml").state);
}

TEST(Fixtures, KnownFieldsArriveFromThem) {
  const TemporaryDirectory directory;
  const State state = load_lists(directory, ".json").state;
  const Service* dns = state.service({"kube-system", "kube-dns"});
  ASSERT_NE(dns, nullptr);
  EXPECT_EQ(dns->cluster_ips.at(0).text(), "10.96.0.10");
  ASSERT_EQ(dns->ports.size(), 3U);
  EXPECT_EQ(dns->ports[0], (ServicePort{"dns", Protocol::kUdp, 53, 0}));
  ASSERT_EQ(state.slices_of(dns->name).size(), 1U);
  EXPECT_EQ(state.slices_of(dns->name)[0]->endpoints.at(1).node_name, "n2");
  EXPECT_EQ(state.node("n1")->zone, "a");
  EXPECT_EQ(state.service_cidrs().at("kubernetes").cidrs.at(0).text(), "10.96.0.0/12");
}

TEST(Examples, LoadWithoutAComplaintAndFitTheDemoCluster) {
  FollowedSource source(std::string(WAGGLE_SOURCE_DIR) + "/docs/examples");
  source.follow_until_synced();
  EXPECT_THAT(source.complaints, IsEmpty());
  EXPECT_EQ(source.state.services().size(), 5U);
  EXPECT_EQ(source.state.nodes().size(), 2U);
  const Service* web = source.state.service({"shop", "web"});
  ASSERT_NE(web, nullptr);
  EXPECT_EQ(web->cluster_ips.size(), 2U);
  EXPECT_EQ(web->load_balancer_ingress.size(), 2U);
  for (const EndpointSlice* slice : source.state.slices_of(web->name)) EXPECT_EQ(slice->endpoints.size(), 3U);
}

}  // namespace
}  // namespace waggle
