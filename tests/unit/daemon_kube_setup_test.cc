// SPDX-License-Identifier: Apache-2.0
// How the agent comes to its API server: which one, and what is said where there is none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "daemon/kube_setup.h"

namespace waggle {
namespace {

using testing::HasSubstr;

TEST(KubeSetup, AServerIsCalledByHostAndPort) {
  EXPECT_EQ(host_of_url("https://10.0.0.1:6443"), "10.0.0.1:6443");
  EXPECT_EQ(host_of_url("https://[fd00::1]:6443/behind/a/path"), "[fd00::1]:6443");
  EXPECT_EQ(host_of_url("api.example:443"), "api.example:443");
}

TEST(KubeSetup, OutsideOfAClusterWithoutAKubeconfigTheRemediesAreNamed) {
  ::unsetenv("KUBERNETES_SERVICE_HOST");
  AgentParts parts;
  const auto opened = open_kube_source(AgentOptions{}, parts);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("--kubeconfig"));
  EXPECT_THAT(opened.error().message, HasSubstr("--manifests"));
}

TEST(KubeSetup, AKubeconfigGivesASourceThatTakesEvents) {
  const auto file = std::filesystem::temp_directory_path() / ("waggle-kubeconfig-" + std::to_string(::getpid()));
  std::ofstream(file) << "apiVersion: v1\nkind: Config\ncurrent-context: a\n"
                         "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n"
                         "users: [{name: u, user: {token: t}}]\n"
                         "contexts: [{name: a, context: {cluster: c, user: u}}]\n";
  AgentOptions options;
  options.node_name = "n1";
  options.api.kubeconfig = file;
  AgentParts parts;
  const auto opened = open_kube_source(options, parts);
  std::filesystem::remove(file);
  ASSERT_TRUE(opened) << opened.error().message;
  ASSERT_NE(parts.source, nullptr);
  ASSERT_TRUE(parts.post && parts.count);
  EXPECT_GE(parts.source->fd(), 0);
  parts.post({.name_space = "default", .body = "{}"});
}

}  // namespace
}  // namespace waggle
