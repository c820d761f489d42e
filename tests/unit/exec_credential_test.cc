// SPDX-License-Identifier: Apache-2.0
// What exec programs are told and what they print, and base64. The programs themselves run in tests/api.
#include "source/exec_credential.h"

#include <gtest/gtest.h>

#include <random>

#include "source/base64.h"

namespace waggle {
namespace {

using std::chrono::system_clock;

TEST(ExecCredential, ReadsTimes) {
  using namespace std::chrono_literals;
  const auto noon = std::chrono::sys_days(std::chrono::year(2026) / 1 / 31) + 12h;
  EXPECT_EQ(parse_rfc3339("2026-01-31T12:00:00Z"), system_clock::time_point(noon));
  EXPECT_EQ(parse_rfc3339("2026-01-31T12:00:00.123456789Z"), system_clock::time_point(noon));
  EXPECT_EQ(parse_rfc3339("2026-01-31T14:00:30+02:00"), system_clock::time_point(noon + 30s));
  EXPECT_EQ(parse_rfc3339("2026-01-31T08:30:00-03:30"), system_clock::time_point(noon));
  for (const char* wrong :
       {"", "soon", "2026-01-31", "2026-02-30T12:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T12:00:00",
        "2026-01-31T12:00:00.", "2026-01-31T12:00:00 02:00", "2026-01-31T12:00:00Zulu"})
    EXPECT_EQ(parse_rfc3339(wrong), std::nullopt) << wrong;
}

TEST(ExecCredential, TellsTheProgramOfItsCluster) {
  KubeAccess access;
  access.server = "https://h:1";
  access.exec.emplace().api_version = "client.authentication.k8s.io/v1";
  EXPECT_EQ(exec_info(access, "CA"), R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",)"
                                     R"("spec":{"interactive":false}})");
  access.exec->provide_cluster_info = true;
  access.exec->cluster_config = R"({"a":1})";
  access.tls_server_name = "n";
  access.proxy_url = "http://p:1";
  access.insecure = true;
  EXPECT_EQ(exec_info(access, "CA"), R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",)"
                                     R"("spec":{"interactive":false,"cluster":{"server":"https://h:1",)"
                                     R"("tls-server-name":"n","insecure-skip-tls-verify":true,)"
                                     R"("certificate-authority-data":"Q0E=","proxy-url":"http://p:1",)"
                                     R"("config":{"a":1}}}})");
}

TEST(Base64, ThereAndBack) {
  const std::pair<const char*, const char*> known[] = {{"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
                                                       {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xfb\xff\xfe", "+//+"}};
  for (const auto& [bytes, text] : known) {
    EXPECT_EQ(encode_base64(bytes), text);
    EXPECT_EQ(decode_base64(text), bytes);
  }
  EXPECT_EQ(decode_base64(" Zm\n9v\r\nYg =="), "foob");
}

TEST(Base64, RandomBytesComeBack) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (size_t size = 0; size < 200; ++size) {
    std::string bytes;
    for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(random()));
    EXPECT_EQ(decode_base64(encode_base64(bytes)), bytes);
  }
}

TEST(Base64, WhatIsNoneIsRefused) {
  for (const char* wrong : {"Z", "Zg", "Zg=", "Zg===", "Zm9v=", "Zg==Zg==", "Zm-v", "====", "Zm9v\x01"})
    EXPECT_EQ(decode_base64(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace waggle
