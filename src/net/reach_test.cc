#include "net/reach.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::net {
namespace {

using testing::HasSubstr;

TEST(Reach, AddressesThatTheInternetRoutesToAreNotSpecial) {
  for (const char* host : {"8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.1", "100.63.255.255",
                           "100.128.0.1", "169.253.0.1", "192.167.255.255", "223.255.255.255",
                           "2606:4700::1111", "2a00:1450:4001:82a::200e", "2400:cb00::1",
                           "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"})
    EXPECT_EQ(special_use(Address::tcp(host, 80)), std::nullopt) << host;
}

TEST(Reach, AddressesOfThisMachineAndTheNetworksAroundItAreSpecial) {
  for (const char* host : {"0.0.0.0",
                           "0.1.2.3",
                           "10.0.0.1",
                           "100.64.0.1",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.255.255.254",
                           "169.254.169.254",
                           "169.254.170.2",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.1",
                           "192.0.2.1",
                           "192.88.99.1",
                           "192.168.1.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.7",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "fe80::1",
                           "febf::1",
                           "fc00::1",
                           "fd00:ec2::254",
                           "fec0::1",
                           "ff02::1",
                           "2001:db8::1",
                           "2001::1",
                           "2001:1ff::1",
                           "3fff:fff::1",
                           "100::1",
                           "5f00::1",
                           "64:ff9b:1::1",
                           "::127.0.0.1",
                           "4000::1"})
    EXPECT_NE(special_use(Address::tcp(host, 80)), std::nullopt) << host;
}

TEST(Reach, AnIPv4AddressInsideAnIPv6OneCountsAsItself) {
  for (const char* host :
       {"::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "2002:7f00:1::1", "2002:c0a8:101::1"})
    EXPECT_NE(special_use(Address::tcp(host, 80)), std::nullopt) << host;
}

TEST(Reach, WhatIsNoAddressIsNeverPublic) {
  EXPECT_NE(special_use(Address::tcp("example.com", 80)), std::nullopt);
  EXPECT_NE(special_use(Address::tcp("fe80::1%eth0", 80)), std::nullopt);
  EXPECT_NE(special_use(Address::unix_socket("/run/x.sock")), std::nullopt);
}

TEST(Reach, AFlagOpensWhatIsClosed) {
  const Address metadata = Address::tcp("169.254.169.254", 80);
  const auto refused = check_reach(metadata, Reach::public_only);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::permission_denied);
  EXPECT_THAT(refused.error().message, HasSubstr("169.254.169.254:80 is a link-local address"));
  EXPECT_TRUE(check_reach(metadata, Reach::anywhere));
  EXPECT_TRUE(check_reach(Address::tcp("8.8.8.8", 80), Reach::public_only));
}

TEST(Reach, EveryFormThatAResolverTakesForAnAddressIsReadAsOne) {
  for (const char* host : {"127.0.0.1", "127.1", "0x7f000001", "2130706433", "0177.0.0.1"}) {
    const auto address = numeric_address(host, 80);
    ASSERT_TRUE(address) << host;
    EXPECT_EQ(address->text(), "127.0.0.1:80") << host;
  }
  EXPECT_EQ(numeric_address("::1", 80)->text(), "[::1]:80");
  EXPECT_EQ(numeric_address("example.com", 80), std::nullopt);
  EXPECT_EQ(numeric_address("localhost", 80), std::nullopt);
}

TEST(Reach, NamesUnderLocalhostLeadToThisMachine) {
  for (const char* host : {"localhost", "LocalHost", "localhost.", "a.localhost", "a.b.LOCALHOST."})
    EXPECT_TRUE(is_local_name(host)) << host;
  for (const char* host : {"", "localhost.example.com", "notlocalhost", "example.com"})
    EXPECT_FALSE(is_local_name(host)) << host;
}

}  // namespace
}  // namespace slipway::net
