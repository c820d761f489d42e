// SPDX-License-Identifier: Apache-2.0
#include "model/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <random>

namespace waggle {
namespace {

std::string round_trip(std::string_view text) {
  const auto address = IpAddress::parse(text);
  return address ? address->text() : "refused";
}

std::string cidr_round_trip(std::string_view text) {
  const auto cidr = Cidr::parse(text);
  return cidr ? cidr->text() : "refused";
}

TEST(Address, ReadsLeadingZerosAsDecimal) {
  EXPECT_EQ(round_trip("172.30.0.041"), "172.30.0.41");
  EXPECT_EQ(round_trip("1.2.3.004"), "1.2.3.4");
  EXPECT_EQ(round_trip("192.168.099.022"), "192.168.99.22");
  EXPECT_EQ(round_trip("10.180.00.001"), "10.180.0.1");
  EXPECT_EQ(round_trip("000.0.00.0"), "0.0.0.0");
  EXPECT_EQ(round_trip("fd00:00010::0001"), "fd00:10::1");
}

TEST(Address, RefusesWhatIsNoAddress) {
  for (const char* text :
       {"",          "10.0.0",   "10.0.0.256", "10.0.0.0256", "10.0.0.1.2", "10..0.1",       "10.0.0.1 ",
        " 10.0.0.1", "10.0.0.x", "0x10.0.0.1", "bogus",       "::1%eth0",   "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
        "::1::2",    "12345::",  ":",          "10.0.0.1/24", "None",       "-1.0.0.0"}) {
    EXPECT_EQ(round_trip(text), "refused") << text;
  }
  EXPECT_EQ(round_trip(std::string_view("10.0.0.1\0", 9)), "refused");
  EXPECT_EQ(round_trip(std::string(100000, '0')), "refused");
}

TEST(Address, WritesIpv6AsRfc5952) {
  EXPECT_EQ(round_trip("2001:DB8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
  EXPECT_EQ(round_trip("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
  EXPECT_EQ(round_trip("0:0:0:0:0:0:0:0"), "::");
  EXPECT_EQ(round_trip("1:0:0:0:0:0:0:0"), "1::");
  EXPECT_EQ(round_trip("0:0:0:0:0:0:0:1"), "::1");
  EXPECT_EQ(round_trip("2001:0:0:1:0:0:0:1"), "2001:0:0:1::1");
  EXPECT_EQ(round_trip("::1:2"), "::1:2");
  EXPECT_EQ(round_trip("64:ff9b::192.0.2.1"), "64:ff9b::c000:201");
}

TEST(Address, TakesMappedIpv4AsIpv4) {
  const auto mapped = IpAddress::parse("::ffff:10.1.2.3");
  ASSERT_TRUE(mapped);
  EXPECT_EQ(mapped->family, Family::kIpv4);
  EXPECT_EQ(*mapped, *IpAddress::parse("10.1.2.3"));
  EXPECT_EQ(cidr_round_trip("::ffff:10.1.2.3/120"), "10.1.2.0/24");
  EXPECT_EQ(cidr_round_trip("::ffff:10.1.2.3/64"), "refused");
}

TEST(Address, ShowsMappedBytesOfAPacketAsTheyAre) {
  const uint32_t words[4] = {0, 0, htonl(0xffff), htonl(0x0a010203)};
  EXPECT_EQ(IpAddress::from_words(Family::kIpv6, words).text(), "::ffff:10.1.2.3");
}

TEST(Address, WordsAreInNetworkOrderAndComeBack) {
  const auto four = *IpAddress::parse("10.1.2.3");
  EXPECT_EQ(four.words(), (std::array<uint32_t, 4>{htonl(0x0a010203), 0, 0, 0}));
  const auto six = *IpAddress::parse("fd00:1:2:3:4:5:6:7");
  EXPECT_EQ(six.words()[0], htonl(0xfd000001));
  EXPECT_EQ(six.words()[3], htonl(0x00060007));
  for (const auto& address : {four, six}) {
    EXPECT_EQ(IpAddress::from_words(address.family, address.words().data()), address);
  }
}

TEST(Address, FromWordsOfIpv4IgnoresTheRest) {
  const uint32_t words[4] = {htonl(0x0a010203), 1, 2, 3};
  EXPECT_EQ(IpAddress::from_words(Family::kIpv4, words), *IpAddress::parse("10.1.2.3"));
}

// inet_ntop is no RFC 5952 writer, but inet_pton reads whatever is right.
TEST(Address, TextOfAnyIpv6AddressMeansTheSameAddress) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 20000; ++i) {
    IpAddress address;
    address.family = Family::kIpv6;
    for (size_t group = 0; group < 8; ++group) {
      if (random() % 2 == 0) address.bytes[2 * group + 1] = static_cast<uint8_t>(random());
      if (random() % 4 == 0) address.bytes[2 * group] = static_cast<uint8_t>(random());
    }
    std::array<uint8_t, 16> read{};
    ASSERT_EQ(inet_pton(AF_INET6, address.text().c_str(), read.data()), 1) << address.text();
    ASSERT_EQ(read, address.bytes) << address.text();
    ASSERT_EQ(IpAddress::parse(address.text())->text(), address.text());
  }
}

TEST(Cidr, KeepsThePrefixAndDropsTheRest) {
  EXPECT_EQ(cidr_round_trip("203.0.113.000/025"), "203.0.113.0/25");
  EXPECT_EQ(cidr_round_trip("10.1.2.3/12"), "10.0.0.0/12");
  EXPECT_EQ(cidr_round_trip("10.1.2.3/32"), "10.1.2.3/32");
  EXPECT_EQ(cidr_round_trip("10.1.2.3/0"), "0.0.0.0/0");
  EXPECT_EQ(cidr_round_trip("fd00:10:96::ffff/108"), "fd00:10:96::/108");
  EXPECT_EQ(cidr_round_trip("::/128"), "::/128");
}

TEST(Cidr, RefusesWhatIsNoCidr) {
  for (const char* text : {"", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "fd00::/129", "10.0.0.0/-1", "10.0.0.0/8/8",
                           "10.0.0.0/8 ", "/8", "10.0.0/8", "10.0.0.0/99999999999999999999", "10.0.0.0/+8"}) {
    EXPECT_EQ(cidr_round_trip(text), "refused") << text;
  }
}

TEST(Cidr, ContainsItsAddressesAndNoOthers) {
  const auto range = *Cidr::parse("10.96.0.0/12");
  EXPECT_TRUE(range.contains(*IpAddress::parse("10.96.0.0")));
  EXPECT_TRUE(range.contains(*IpAddress::parse("10.111.255.255")));
  EXPECT_FALSE(range.contains(*IpAddress::parse("10.112.0.0")));
  EXPECT_FALSE(range.contains(*IpAddress::parse("10.95.255.255")));
  EXPECT_FALSE(Cidr::parse("0.0.0.0/0")->contains(*IpAddress::parse("::1")));
  EXPECT_FALSE(Cidr::parse("::/0")->contains(*IpAddress::parse("10.0.0.1")));
  EXPECT_TRUE(Cidr::parse("fd00:10:96::/108")->contains(*IpAddress::parse("fd00:10:96::f:ffff")));
  EXPECT_FALSE(Cidr::parse("fd00:10:96::/108")->contains(*IpAddress::parse("fd00:10:96::10:0")));
}

TEST(Protocols, HaveTheNamesOfTheApi) {
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp}) {
    EXPECT_EQ(parse_protocol(protocol_name(protocol)), protocol);
  }
  EXPECT_EQ(parse_protocol("tcp"), std::nullopt);
  EXPECT_EQ(parse_protocol("ICMP"), std::nullopt);
}

TEST(AddressPort, BracketsIpv6) {
  EXPECT_EQ(address_port_text(*IpAddress::parse("10.0.0.1"), 80), "10.0.0.1:80");
  EXPECT_EQ(address_port_text(*IpAddress::parse("fd00::1"), 65535), "[fd00::1]:65535");
}

}  // namespace
}  // namespace waggle
