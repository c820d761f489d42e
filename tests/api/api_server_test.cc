// SPDX-License-Identifier: Apache-2.0
// The owner of the test API server's process.
#include "support/api_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

namespace waggle {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<ApiServer> started(const ApiServerOptions& options = {}) {
  auto server = ApiServer::start(options);
  EXPECT_TRUE(server) << server.error().message;
  return server ? std::move(*server) : nullptr;
}

TEST(ApiServer, SaysWhereItsFilesAre) {
  const auto server = started();
  ASSERT_NE(server, nullptr);
  const ApiServerPlaces& places = server->places();
  EXPECT_GT(places.port, 0);
  EXPECT_EQ(places.url, "https://127.0.0.1:" + std::to_string(places.port));
  for (const std::string& path :
       {places.ca_file, places.token_file, places.client_certificate, places.client_key, places.kubeconfig,
        places.service_account + "/ca.crt", places.service_account + "/token"})
    EXPECT_TRUE(std::filesystem::exists(path)) << path;
}

TEST(ApiServer, PutsAndRemovesObjects) {
  const auto server = started();
  ASSERT_NE(server, nullptr);
  const auto put = server->put(R"({"kind": "Service", "apiVersion": "v1",
    "metadata": {"name": "web", "namespace": "shop"}})");
  ASSERT_TRUE(put) << put.error().message;
  const auto object =
      server->command(R"({"command": "get", "resource": "services", "namespace": "shop", "name": "web"})");
  ASSERT_TRUE(object) << object.error().message;
  EXPECT_EQ(text_at(*object, "/object/metadata/resourceVersion").value_or(""), std::to_string(*put));
  EXPECT_EQ(server->remove("services", "shop", "web").value_or(0), *put + 1);
  EXPECT_FALSE(server->remove("services", "shop", "web"));
}

TEST(ApiServer, RefusalsAreErrorsInWords) {
  const auto server = started();
  ASSERT_NE(server, nullptr);
  const auto unknown = server->command(R"({"command": "dance"})");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("there is no command 'dance'"));
  EXPECT_TRUE(server->command(R"({"command": "stats"})"));
}

TEST(ApiServer, KnowsItsNewPlaceAfterARestart) {
  const auto server = started();
  ASSERT_NE(server, nullptr);
  const uint16_t before = server->places().port;
  ASSERT_TRUE(server->command(R"({"command": "restart", "other_port": true})"));
  EXPECT_NE(server->places().port, before);
}

TEST(ApiServer, LeavesNothingBehind) {
  auto server = started();
  ASSERT_NE(server, nullptr);
  const std::string ca = server->places().ca_file;
  const pid_t pid = server->pid();
  server.reset();
  EXPECT_FALSE(std::filesystem::exists(ca));
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(ApiServer, ADeadServerIsAnError) {
  const auto server = started();
  ASSERT_NE(server, nullptr);
  const std::filesystem::path folder = std::filesystem::path(server->places().ca_file).parent_path();
  ASSERT_EQ(::kill(server->pid(), SIGKILL), 0);
  const auto answer = server->command(R"({"command": "stats"})");
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr("test API server"));
  std::filesystem::remove_all(folder);
}

TEST(ApiServer, AFileThatIsNoListIsSaidAtTheStart) {
  const auto server = ApiServer::start({.addresses = {}, .load = {"/dev/null"}, .prefix = {}, .further_arguments = {}});
  ASSERT_FALSE(server);
  EXPECT_THAT(server.error().message, HasSubstr("it has ended"));
}

}  // namespace
}  // namespace waggle
