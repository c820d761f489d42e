// SPDX-License-Identifier: Apache-2.0
// Which servers KubeHttp trusts, and what it says of those it does not.
#include <cstdlib>

#include "kube_rig.h"

namespace waggle {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string refusal(KubeRig& rig) {
  const Answer answer = rig.ask();
  EXPECT_FALSE(answer.complete());
  EXPECT_EQ(answer.heads, 0);
  EXPECT_EQ(rig.number(rig.tell("stats"), "/count"), 0) << "the token went out";
  return answer.problem();
}

TEST(KubeTls, ACertificateOfAnotherNameIsRefused) {
  KubeRig rig;
  rig.command(R"({"command": "certificate", "wrong_name": true})");
  rig.open();
  const std::string problem = refusal(rig);
  EXPECT_THAT(problem, HasSubstr("its certificate is for another name"));
  EXPECT_THAT(problem, HasSubstr("or set tls-server-name to one of them"));
}

TEST(KubeTls, TheNameMayBeGiven) {
  KubeRig rig;
  rig.command(R"({"command": "certificate", "wrong_name": true})");
  rig.open(R"("auth": "token", "tls_server_name": "not-this-server.example")");
  const Answer answer = rig.ask();
  EXPECT_EQ(answer.head.status, 200) << answer.problem();
  EXPECT_EQ(text_at(rig.tell("stats"), "/requests/0/headers/:authority").value_or(""),
            rig.server->places().url.substr(std::string("https://").size()));
}

TEST(KubeTls, AGivenNameThatIsWrongIsNamed) {
  KubeRig rig;
  rig.open(R"("auth": "token", "tls_server_name": "other.example")");
  EXPECT_THAT(refusal(rig), HasSubstr("its certificate is for another name (tls-server-name is other.example)"));
}

TEST(KubeTls, AnExpiredCertificateIsRefused) {
  KubeRig rig;
  rig.command(R"({"command": "certificate", "expired": true})");
  rig.open();
  EXPECT_THAT(refusal(rig), HasSubstr("its certificate has expired; renew it, and check this node's clock"));
}

TEST(KubeTls, AnUnknownAuthorityIsRefused) {
  KubeRig rig;
  rig.command(R"({"command": "certificate", "new_authority": true, "publish": false})");
  rig.open(R"("auth": "token", "ca": "data")");
  EXPECT_THAT(refusal(rig),
              HasSubstr("unknown authority; put the cluster's authority into certificate-authority-data in " +
                        rig.server->places().kubeconfig));
}

TEST(KubeTls, WithoutAnAuthorityTheSystemsCount) {
  KubeRig rig;
  rig.open(R"("auth": "token", "ca": "none")");
  EXPECT_THAT(refusal(rig), HasSubstr("its certificate is signed by an unknown authority; put the cluster's authority "
                                      "into the system's authorities"));
}

TEST(KubeTls, InsecureAsksForNoCertificateAndWarns) {
  KubeRig rig;
  rig.command(R"({"command": "certificate", "new_authority": true, "publish": false, "wrong_name": true})");
  rig.open(R"("auth": "token", "ca": "none", "insecure": true)");
  EXPECT_THAT(rig.http->access().warnings, ElementsAre(HasSubstr("insecure-skip-tls-verify is true")));
  EXPECT_EQ(rig.ask().head.status, 200);
  rig.open();
  EXPECT_THAT(rig.http->access().warnings, IsEmpty());
}

TEST(KubeTls, SpeaksTls12AndTls13) {
  for (const char* version : {"1.2", "1.3"}) {
    KubeRig rig;
    rig.command(fmt::format(R"({{"command": "set", "tls": "{}"}})", version));
    rig.open(R"("auth": "certificate")");
    const Answer answer = rig.ask();
    EXPECT_EQ(answer.head.status, 200) << version << answer.problem();
  }
}

TEST(KubeTls, AClientCertificateOfAnUnknownAuthorityIsNamed) {
  for (const char* version : {"1.2", "1.3"}) {
    KubeRig rig;
    rig.command(fmt::format(R"({{"command": "set", "tls": "{}"}})", version));
    rig.open(R"("auth": "certificate")");
    const ApiServerPlaces& places = rig.server->places();
    const std::string make = fmt::format(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {} -out {} -days 1 -subj /CN=x "
        "2>/dev/null",
        places.client_key, places.client_certificate);
    ASSERT_EQ(std::system(make.c_str()), 0);
    const std::string problem = rig.ask().problem();
    EXPECT_THAT(problem, HasSubstr("client certificate")) << version;
    EXPECT_THAT(problem, HasSubstr("kubeconfig " + places.kubeconfig)) << version;
  }
}

TEST(KubeTls, APortWithoutTlsIsNamed) {
  KubeRig rig;
  rig.command(R"({"command": "set", "handshake": "plain"})");
  rig.open();
  EXPECT_THAT(refusal(rig), HasSubstr("does not speak HTTPS; check that `server` in"));
}

TEST(KubeTls, AHandshakeThatBreaksOffOrHangsIsNamed) {
  KubeRig rig;
  rig.options.connect_limit = 1s;
  rig.open();
  for (const char* how : {"reset", "close"}) {
    rig.command(fmt::format(R"({{"command": "set", "handshake": "{}"}})", how));
    EXPECT_THAT(refusal(rig), AnyOf(HasSubstr("ended the connection during the TLS handshake"),
                                    HasSubstr("cannot be connected to: Connection reset by peer")))
        << how;
  }
  rig.command(R"({"command": "set", "handshake": "silent"})");
  EXPECT_THAT(refusal(rig), HasSubstr("no connection and TLS handshake in time"));
  rig.command(R"({"command": "set", "handshake": "tls"})");
  EXPECT_EQ(rig.ask().head.status, 200);
}

TEST(KubeTls, AnAuthorityFileThatIsBadIsNamed) {
  KubeRig rig;
  rig.open();
  KubeAccess access = rig.http->access();
  access.authority = {"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n", "",
                      "certificate-authority-data"};
  rig.use(access);
  EXPECT_THAT(refusal(rig), HasSubstr("certificate-authority of kubeconfig"));
}

}  // namespace
}  // namespace waggle
