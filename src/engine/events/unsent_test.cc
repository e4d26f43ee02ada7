#include "engine/events/unsent.h"

#include <gtest/gtest.h>

namespace slipway::events {
namespace {

TEST(Unsent, NamesNobody) {
  EXPECT_EQ(redacted(Channel::text, "+15551234567"), "+*********67");
  EXPECT_EQ(redacted(Channel::text, "7"), "7");
  EXPECT_EQ(redacted(Channel::mail, "ann@example.com"), "a***@example.com");
  EXPECT_EQ(redacted(Channel::mail_json, "@"), "***");
}

}  // namespace
}  // namespace slipway::events
