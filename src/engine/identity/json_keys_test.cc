#include "engine/identity/json_keys.h"

#include <gtest/gtest.h>

#include "engine/identity/policy.h"

namespace slipway::identity {
namespace {

TEST(JsonKeys, a_key_is_found_twice_however_it_is_spelled) {
  EXPECT_TRUE(has_key_twice(R"({"a":1,"a":2})"));
  EXPECT_TRUE(has_key_twice(R"({"Effect":"Deny","Eff\u0065ct":"Allow"})"));
  EXPECT_TRUE(has_key_twice(R"([{"b":{"\u0061":1 , "a" : 2}}])"));
  EXPECT_FALSE(has_key_twice(R"({"a":{"a":"a"},"b":[{"a":1},{"a":1}],"c":"a\":1"})"));
}

TEST(JsonKeys, no_policy_has_a_key_twice) {
  constexpr std::string_view two_effects =
      R"({"Statement":[{"Effect":"Deny","Eff\u0065ct":"Allow","Principal":"*",)"
      R"("Action":"s3:GetObject","Resource":"*"}]})";
  for (const PolicyUse use : {PolicyUse::permissions, PolicyUse::trust, PolicyUse::resource})
    EXPECT_FALSE(Policy::parse(two_effects, use)) << static_cast<int>(use);
}

}  // namespace
}  // namespace slipway::identity
