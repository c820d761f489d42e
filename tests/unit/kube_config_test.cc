// SPDX-License-Identifier: Apache-2.0
// What is read from kubeconfigs and from a pod's surroundings, and what is said of those that cannot be used.
#include "source/kube_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "manifest_directory.h"
#include "source/base64.h"

namespace waggle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

constexpr const char* kPath = "/etc/waggle/kubeconfig";
constexpr const char* kServer = "server: https://10.0.0.1:6443";

// One cluster, one user; `cluster` and `user` are flow maps without braces.
std::string kubeconfig(const std::string& cluster, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
         "contexts:\n- {name: there, context: {cluster: x, user: y}}\n- {name: here, context: {cluster: c, user: u}}\n"
         "clusters:\n- {name: c, cluster: {" +
         cluster +
         "}}\n"
         "users:\n- {name: u, user: {" +
         user + "}}\n";
}

KubeAccess access_of(const std::string& cluster, const std::string& user) {
  auto read = parse_kubeconfig(kubeconfig(cluster, user), kPath);
  EXPECT_TRUE(read) << read.error().message;
  return read.value_or(KubeAccess{});
}

std::string error_of_text(const std::string& text) {
  const auto read = parse_kubeconfig(text, kPath);
  return read ? "no error" : read.error().message;
}

std::string error_of(const std::string& cluster, const std::string& user) {
  return error_of_text(kubeconfig(cluster, user));
}

std::string pem_data(const std::string& text) { return encode_base64("-----BEGIN " + text); }

TEST(KubeConfig, ReadsTheCurrentContext) {
  const KubeAccess access = access_of(kServer, "token: abc");
  EXPECT_EQ(access.server, "https://10.0.0.1:6443");
  EXPECT_EQ(access.token, "abc");
  EXPECT_EQ(access.origin, "kubeconfig /etc/waggle/kubeconfig");
  EXPECT_EQ(access.kubeconfig, kPath);
  EXPECT_FALSE(access.insecure);
  EXPECT_FALSE(access.authority.given());
  EXPECT_THAT(access.warnings, IsEmpty());
}

TEST(KubeConfig, ReadsJsonToo) {
  const auto read = parse_kubeconfig(R"({"current-context":"a","contexts":[{"name":"a","context":{"cluster":"b"}}],)"
                                     R"("clusters":[{"name":"b","cluster":{"server":"https://h:1"}}]})",
                                     kPath);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->server, "https://h:1");
}

TEST(KubeConfig, ServersAreTakenApart) {
  const std::pair<const char*, const char*> servers[] = {
      {"https://api.example", "https://api.example:443"},
      {"https://api.example:6443/", "https://api.example:6443"},
      {"https://api.example/k8s/clusters/c-1/", "https://api.example:443/k8s/clusters/c-1"},
      {"https://[fd00::1]:6443", "https://[fd00::1]:6443"},
      {"HTTPS://10.0.0.1", "https://10.0.0.1:443"}};
  for (const auto& [given, read] : servers)
    EXPECT_EQ(access_of(std::string("server: '") + given + "'", "").server, read);
}

TEST(KubeConfig, ServersThatAreNoneAreErrors) {
  EXPECT_EQ(
      error_of("server: 'http://h:80'", ""),
      "/etc/waggle/kubeconfig:8: clusters[0].cluster.server: \"http://h:80\" is not HTTPS, and Waggle speaks with API "
      "servers over TLS only; write https://HOST:PORT");
  for (const char* wrong : {"10.0.0.1:6443", "https://", "https://h:port", "https://h:70000"})
    EXPECT_THAT(error_of(std::string("server: '") + wrong + "'", ""),
                HasSubstr("is not a URL; write https://HOST:PORT"));
  for (const char* wrong : {"https://u:p@h", "https://h?a=b", "https://h#f"})
    EXPECT_THAT(error_of(std::string("server: '") + wrong + "'", ""), HasSubstr("has more than host, port and path"));
  EXPECT_THAT(error_of("", ""), HasSubstr("clusters[0].cluster.server: is missing; write https://HOST:PORT"));
}

TEST(KubeConfig, PathsStartAtItsFolder) {
  const KubeAccess access = access_of(std::string(kServer) + ", certificate-authority: pki/ca.crt",
                                      "tokenFile: ../token, client-certificate: /abs/c.crt, client-key: c.key");
  EXPECT_EQ(access.authority.file, "/etc/waggle/pki/ca.crt");
  EXPECT_EQ(access.token_file, "/etc/token");
  EXPECT_EQ(access.client_certificate.file, "/abs/c.crt");
  EXPECT_EQ(access.client_key.file, "/etc/waggle/c.key");
}

TEST(KubeConfig, DataGoesBeforeFiles) {
  const KubeAccess access =
      access_of(std::string(kServer) + ", certificate-authority: ca.crt, certificate-authority-data: " + pem_data("ca"),
                "client-certificate-data: " + pem_data("cert") + ", client-key-data: " + pem_data("key"));
  EXPECT_EQ(access.authority.data, "-----BEGIN ca");
  EXPECT_EQ(access.authority.file, "");
  EXPECT_EQ(access.client_certificate.data, "-----BEGIN cert");
  EXPECT_EQ(access.client_key.data, "-----BEGIN key");
}

TEST(KubeConfig, DataThatIsNoneIsAnError) {
  EXPECT_THAT(error_of(std::string(kServer) + ", certificate-authority-data: '!!'", ""),
              HasSubstr("clusters[0].cluster.certificate-authority-data: is not base64"));
  EXPECT_THAT(error_of(std::string(kServer) + ", certificate-authority-data: " + encode_base64("hello"), ""),
              HasSubstr("holds no PEM block"));
}

TEST(KubeConfig, CertificateAndKeyGoTogether) {
  EXPECT_THAT(error_of(kServer, "client-certificate: a"),
              HasSubstr("users[0].user.client-key: is missing; client-certificate is of no use without it"));
  EXPECT_THAT(error_of(kServer, "client-key: a"),
              HasSubstr("users[0].user.client-certificate: is missing; client-key is of no use without it"));
}

TEST(KubeConfig, NamesThatLeadNowhereAreErrors) {
  EXPECT_EQ(error_of_text("contexts: []"),
            "/etc/waggle/kubeconfig:1: current-context: is missing; name one of "
            "`contexts`; kubectl config use-context does it");
  EXPECT_THAT(error_of_text("current-context: x\ncontexts: [{name: a}, {name: b}]"),
              HasSubstr("kubeconfig:1: current-context: \"x\" is not in `contexts`; it has a, b"));
  EXPECT_THAT(error_of_text("current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]"),
              HasSubstr("contexts[0].context.cluster: \"c\" is not in `clusters`; it has none"));
  EXPECT_THAT(error_of_text("current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]"),
              HasSubstr("contexts[0].context.user: \"u\" is not in `users`; it has none"));
  EXPECT_THAT(error_of_text("current-context: a\ncontexts: [{name: a, context: {}}]"),
              HasSubstr("contexts[0].context.cluster: is missing; name one of `clusters`"));
}

TEST(KubeConfig, TextThatIsNoneIsAnError) {
  EXPECT_THAT(error_of_text("a: ["), HasSubstr("/etc/waggle/kubeconfig:"));
  EXPECT_THAT(error_of_text("--- \na: 1\n---\nb: 1\n"), HasSubstr("has 2 YAML documents; a kubeconfig is one"));
  EXPECT_THAT(error_of_text(""), HasSubstr("has 0 YAML documents"));
  EXPECT_THAT(error_of_text("- 1"), HasSubstr("must be a map, not a list"));
  EXPECT_THAT(error_of(kServer, "token: 123"),
              HasSubstr("users[0].user.token: must be text, not the number 123; put it "
                        "in quotes"));
}

TEST(KubeConfig, WhatIsNotSupportedIsRefused) {
  EXPECT_THAT(error_of(kServer, "auth-provider: {name: oidc}"),
              HasSubstr("users[0].user.auth-provider: is not supported any more, here as in kubectl; use `exec`"));
  for (const char* key : {"as", "as-uid", "as-user-extra"})
    EXPECT_THAT(error_of(kServer, std::string(key) + ": a"), HasSubstr("impersonation is not supported"));
}

TEST(KubeConfig, OneWayToSayWhoOneIs) {
  const char* many = "says more than once who the user is";
  EXPECT_THAT(error_of(kServer, "token: a, username: b"), HasSubstr(many));
  EXPECT_THAT(error_of(kServer, "token: a, exec: {command: x, apiVersion: client.authentication.k8s.io/v1}"),
              HasSubstr(many));
  EXPECT_EQ(error_of(kServer, "token: a, tokenFile: b"), "no error");
  const KubeAccess basic = access_of(kServer, "username: ann, password: p");
  EXPECT_EQ(basic.username + ":" + basic.password, "ann:p");
}

TEST(KubeConfig, InsecureIsAWarning) {
  const KubeAccess access = access_of(std::string(kServer) + ", insecure-skip-tls-verify: true", "token: a");
  EXPECT_TRUE(access.insecure);
  EXPECT_THAT(access.warnings, ElementsAre(HasSubstr("/etc/waggle/kubeconfig: insecure-skip-tls-verify is true")));
  EXPECT_THAT(error_of(std::string(kServer) + ", insecure-skip-tls-verify: true, certificate-authority: a", ""),
              HasSubstr("is true and certificate-authority is given; remove one of them"));
}

TEST(KubeConfig, NameAndProxy) {
  const KubeAccess access =
      access_of(std::string(kServer) + ", tls-server-name: kubernetes, proxy-url: 'socks5://p:1080'", "");
  EXPECT_EQ(access.tls_server_name, "kubernetes");
  EXPECT_EQ(access.proxy_url, "socks5://p:1080");
  for (const char* wrong : {"p:1080", "ftp://p", "socks4://p"})
    EXPECT_THAT(error_of(std::string(kServer) + ", proxy-url: '" + wrong + "'", ""),
                HasSubstr("clusters[0].cluster.proxy-url: \"" + std::string(wrong) + "\" is not the URL of a proxy"));
}

TEST(KubeConfig, Exec) {
  const KubeAccess access =
      access_of(std::string(kServer) +
                    ", extensions: [{name: client.authentication.k8s.io/exec, extension: {a: [1, 1.5, x, true, "
                    "null]}}]",
                "exec: {command: bin/get, apiVersion: client.authentication.k8s.io/v1beta1, args: [a, b], env: [{name: "
                "COLOUR, value: yellow}], "
                "installHint: hint, provideClusterInfo: true, interactiveMode: IfAvailable}");
  ASSERT_TRUE(access.exec);
  EXPECT_EQ(access.exec->command, "/etc/waggle/bin/get");
  EXPECT_EQ(access.exec->api_version, "client.authentication.k8s.io/v1beta1");
  EXPECT_THAT(access.exec->arguments, ElementsAre("a", "b"));
  EXPECT_THAT(access.exec->environment, ElementsAre(Pair("COLOUR", "yellow")));
  EXPECT_EQ(access.exec->install_hint, "hint");
  EXPECT_TRUE(access.exec->provide_cluster_info);
  EXPECT_EQ(access.exec->cluster_config, R"({"a":[1,1.5,"x",true,null]})");
  const KubeAccess plain =
      access_of(kServer, "exec: {command: get, apiVersion: client.authentication.k8s.io/v1, args: null}");
  EXPECT_EQ(plain.exec->command, "get");
  EXPECT_THAT(plain.exec->arguments, IsEmpty());
}

TEST(KubeConfig, ExecThatCannotBeUsedIsAnError) {
  EXPECT_THAT(error_of(kServer, "exec: {apiVersion: client.authentication.k8s.io/v1}"),
              HasSubstr("users[0].user.exec.command: is missing"));
  EXPECT_THAT(error_of(kServer, "exec: {command: x}"), HasSubstr("exec.apiVersion: is missing"));
  EXPECT_THAT(error_of(kServer, "exec: {command: x, apiVersion: client.authentication.k8s.io/v1alpha1}"),
              HasSubstr("\"client.authentication.k8s.io/v1alpha1\" is not supported; update the program"));
  EXPECT_THAT(
      error_of(kServer, "exec: {command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}"),
      HasSubstr("needs a person at a terminal"));
  EXPECT_THAT(error_of(kServer,
                       "client-key: a, client-certificate: b, "
                       "exec: {command: x, apiVersion: client.authentication.k8s.io/v1}"),
              HasSubstr("has exec and client-certificate"));
}

TEST(KubeConfig, ErrorsDoNotRepeatSecrets) {
  const std::string secret = "hushed";
  EXPECT_THAT(error_of("server: 'http://h'", "token: hushed, username: u, password: hushed"), Not(HasSubstr(secret)));
}

TEST(KubeConfig, ReadsAFile) {
  const TemporaryDirectory directory;
  write_file(directory / "config", kubeconfig(kServer, "tokenFile: token"));
  const auto access = read_kubeconfig(directory / "config");
  ASSERT_TRUE(access) << access.error().message;
  EXPECT_EQ(access->token_file, directory / "token");
  const auto missing = read_kubeconfig(directory / "none");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message,
            "kubeconfig: " + directory / "none" + ": cannot be read: No such file or directory");
  const auto folder = read_kubeconfig(directory / "");
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().message, HasSubstr("is not a regular file"));
}

TEST(KubeConfig, InACluster) {
  const auto access = in_cluster_access({"10.96.0.1", "443", "/sa"});
  ASSERT_TRUE(access) << access.error().message;
  EXPECT_EQ(access->server, "https://10.96.0.1:443");
  EXPECT_EQ(access->token_file, "/sa/token");
  EXPECT_EQ(access->authority.file, "/sa/ca.crt");
  EXPECT_EQ(access->kubeconfig, "");
  EXPECT_EQ(in_cluster_access({"fd00::1", "443", "/sa"})->server, "https://[fd00::1]:443");
}

TEST(KubeConfig, OutsideOfAClusterIsSaid) {
  const auto outside = in_cluster_access({"", "443", "/sa"});
  ASSERT_FALSE(outside);
  EXPECT_THAT(outside.error().message, HasSubstr("KUBERNETES_SERVICE_HOST or KUBERNETES_SERVICE_PORT is not set"));
  const auto wrong = in_cluster_access({"10.96.0.1", "https", "/sa"});
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT: "));
}

}  // namespace
}  // namespace waggle
