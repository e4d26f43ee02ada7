#include "engine/routing/redact_addresses.h"

#include <gtest/gtest.h>

namespace slipway::routing {
namespace {

TEST(RedactAddresses, CallersHearOfTheContainerAndNotWhereItListens) {
  const place::Addresses addresses{.http = "unix:/data/run/7/http",
                                   .link = "unix:/data/run/7/link"};
  EXPECT_EQ(redact_addresses("connect unix:/data/run/7/http: Connection refused", addresses),
            "connect the container: Connection refused");
  EXPECT_EQ(redact_addresses("'/data/run/7/link' and unix:/data/run/7/link are gone", addresses),
            "'the container' and the container are gone");
  EXPECT_EQ(redact_addresses("127.0.0.1:8080 did not answer", {.http = "127.0.0.1:8080"}),
            "the container did not answer");
  EXPECT_EQ(redact_addresses("it ended", {}), "it ended");
}

}  // namespace
}  // namespace slipway::routing
