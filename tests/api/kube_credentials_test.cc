// SPDX-License-Identifier: Apache-2.0
// Who KubeHttp says it is, by each kind of credential, and how it follows credentials that change under it.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "kube_rig.h"

namespace waggle {
namespace {

using ::testing::HasSubstr;

constexpr const char* kTokenUser = "system:serviceaccount:kube-system:kube-proxy";
constexpr const char* kCertificateUser = "system:kube-proxy";

std::string user_of_last_request(KubeRig& rig) {
  const std::string stats = rig.tell("stats");
  return text_at(stats, fmt::format("/requests/{}/user", rig.number(stats, "/count") - 1)).value_or("");
}

void expect_list_as(KubeRig& rig, const std::string& user) {
  const Answer answer = rig.ask();
  EXPECT_EQ(answer.head.status, 200) << answer.problem() << answer.body;
  EXPECT_EQ(user_of_last_request(rig), user);
}

KubeHttpOptions files_read_each_time() {
  KubeHttpOptions options;
  options.credentials.longest_age = 0ms;
  return options;
}

TEST(KubeCredentials, TokenInTheKubeconfig) {
  KubeRig rig;
  rig.open(R"("auth": "token")");
  expect_list_as(rig, kTokenUser);
}

TEST(KubeCredentials, TokenFile) {
  KubeRig rig;
  rig.open(R"("auth": "token_file", "ca": "data")");
  expect_list_as(rig, kTokenUser);
}

TEST(KubeCredentials, ClientCertificateFiles) {
  KubeRig rig;
  rig.open(R"("auth": "certificate")");
  expect_list_as(rig, kCertificateUser);
}

TEST(KubeCredentials, ClientCertificateData) {
  KubeRig rig;
  rig.open(R"("auth": "certificate_data", "ca": "data")");
  expect_list_as(rig, kCertificateUser);
}

TEST(KubeCredentials, ServiceAccountOfAPod) {
  KubeRig rig;
  const ApiServerPlaces& places = rig.server->places();
  rig.use(in_cluster_access({"127.0.0.1", std::to_string(places.port), places.service_account}));
  expect_list_as(rig, kTokenUser);
}

TEST(KubeCredentials, ServiceAccountOfAPodOverIpv6) {
  KubeRig rig;
  const ApiServerPlaces& places = rig.server->places();
  rig.use(in_cluster_access({"::1", std::to_string(places.port), places.service_account}));
  expect_list_as(rig, kTokenUser);
}

TEST(KubeCredentials, NobodyIsRefusedByTheServer) {
  KubeRig rig;
  rig.open(R"("auth": "none")");
  const Answer answer = rig.ask();
  EXPECT_TRUE(answer.complete());
  EXPECT_EQ(answer.head.status, 401);
}

TEST(KubeCredentials, BasicAuthenticationIsSent) {
  KubeRig rig;
  rig.open(R"("auth": "none")");
  KubeAccess access = rig.http->access();
  access.username = "ann";
  access.password = "secret";
  rig.use(access);
  EXPECT_EQ(rig.ask().head.status, 401);  // the test server knows no such users
  EXPECT_EQ(text_at(rig.tell("stats"), "/requests/0/headers/authorization").value_or(""), "Basic YW5uOnNlY3JldA==");
}

TEST(KubeCredentials, ATokenFileIsReadAgainWhenItChanges) {
  KubeRig rig;
  rig.open(R"("auth": "token_file")");
  expect_list_as(rig, kTokenUser);
  rig.tell("token");  // a new one in the file; the one before is refused
  expect_list_as(rig, kTokenUser);
}

TEST(KubeCredentials, ATokenFileThatIsLateIsReadAfterTheRefusal) {
  KubeRig rig;
  rig.open(R"("auth": "token_file")");
  expect_list_as(rig, kTokenUser);
  rig.command(R"({"command": "token", "write": false})");
  EXPECT_EQ(rig.ask().head.status, 401);
  rig.tell("token");
  expect_list_as(rig, kTokenUser);
}

TEST(KubeCredentials, ATokenFileThatVanishesLeavesItsLastToken) {
  KubeRig rig;
  rig.options = files_read_each_time();
  rig.open(R"("auth": "token_file")");
  expect_list_as(rig, kTokenUser);
  std::filesystem::remove(rig.server->places().token_file);
  expect_list_as(rig, kTokenUser);
}

TEST(KubeCredentials, ATokenFileThatIsNotThereYetIsNamed) {
  KubeRig rig;
  rig.write_kubeconfig(R"("auth": "token_file")");
  const std::string file = rig.server->places().token_file;
  std::filesystem::rename(file, file + ".away");
  rig.use(read_kubeconfig(rig.server->places().kubeconfig));
  EXPECT_THAT(rig.ask().problem(), HasSubstr("token file: " + file + ": cannot be read: No such file or directory"));
  std::ofstream(file) << " \n";
  EXPECT_THAT(rig.ask().problem(), HasSubstr("token file " + file + ": is empty"));
  std::ofstream(file) << "two words";
  EXPECT_THAT(rig.ask().problem(), HasSubstr("has characters that no token has"));
  std::filesystem::rename(file + ".away", file);
  expect_list_as(rig, kTokenUser);
}

TEST(KubeCredentials, AnAuthorityThatIsReplacedIsRead) {
  KubeRig rig;
  rig.open(R"("auth": "token")");
  expect_list_as(rig, kTokenUser);
  rig.command(R"({"command": "certificate", "new_authority": true})");
  rig.tell("drop");
  expect_list_as(rig, kTokenUser);
}

TEST(KubeCredentials, AnAuthorityThatIsLateIsReadWhenItComes) {
  KubeRig rig;
  rig.open(R"("auth": "token")");
  rig.command(R"({"command": "certificate", "new_authority": true, "publish": false})");
  EXPECT_THAT(rig.ask().problem(),
              HasSubstr("unknown authority; put the cluster's authority into " + rig.server->places().ca_file));
  rig.tell("publish_authority");
  expect_list_as(rig, kTokenUser);
}

TEST(KubeCredentials, AClientCertificateThatIsReplacedIsUsedWithoutADrop) {
  KubeRig rig;
  rig.open(R"("auth": "certificate")");
  Answer watch;
  rig.start_watch(watch);
  const int64_t before = rig.connection_of_last_request();
  const std::string file = rig.server->places().client_certificate;
  std::ofstream(file, std::ios::app) << "\n";  // the same certificate; another content
  expect_list_as(rig, kCertificateUser);
  EXPECT_NE(rig.connection_of_last_request(), before);
  EXPECT_FALSE(watch.end) << watch.problem();
}

TEST(KubeCredentials, ACertificateThatIsNoneIsNamed) {
  KubeRig rig;
  rig.open(R"("auth": "certificate")");
  const std::string file = rig.server->places().client_key;
  std::ofstream(file, std::ios::trunc) << "nonsense";
  EXPECT_THAT(rig.ask().problem(), HasSubstr("client-key: " + file + ": holds no PEM block"));
}

TEST(KubeCredentials, AKeyOfAnotherCertificateIsNamed) {
  KubeRig rig;
  rig.open(R"("auth": "certificate")");
  const std::filesystem::path key = rig.server->places().client_key;
  std::filesystem::copy_file(key.parent_path() / "server-ca.key", key,
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(rig.ask().problem(), HasSubstr("client-certificate and client-key of kubeconfig"));
}

TEST(KubeCredentials, AKeyWithAPassphraseAsksNobody) {
  KubeRig rig;
  rig.open(R"("auth": "certificate")");
  const std::string key = rig.server->places().client_key;
  const std::string encrypt =
      fmt::format("openssl pkcs8 -topk8 -in {0} -out {0}.new -passout pass:secret && mv {0}.new {0}", key);
  ASSERT_EQ(std::system(encrypt.c_str()), 0);
  EXPECT_THAT(rig.ask().problem(), HasSubstr("that the key has no passphrase"));
}

TEST(KubeCredentials, AnotherKubeconfigIsReadWhenTheTokenIsRefused) {
  KubeRig rig;
  rig.open(R"("auth": "token")");
  expect_list_as(rig, kTokenUser);
  rig.tell("token");
  EXPECT_EQ(rig.ask().head.status, 401);
  rig.write_kubeconfig(R"("auth": "token")");
  expect_list_as(rig, kTokenUser);
}

}  // namespace
}  // namespace waggle
