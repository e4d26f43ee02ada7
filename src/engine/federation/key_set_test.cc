#include "engine/federation/key_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/federation/test_issuer.h"

namespace slipway::federation {
namespace {

using Outcome = KeySet::Outcome;

const TestKey& rsa() {
  static const TestKey key = TestKey::rsa("one");
  return key;
}

Outcome outcome(const std::string& jwks, const std::string& token) {
  const auto keys = KeySet::parse(jwks);
  EXPECT_TRUE(keys) << keys.error().message;
  const auto read = WebToken::parse(token);
  EXPECT_TRUE(read) << read.error().message;
  return keys->check(*read);
}

TEST(KeySet, TakesWhatItsKeysHaveSigned) {
  EXPECT_EQ(outcome(key_set_of({rsa().jwk()}), rsa().token("RS256", "{}")), Outcome::holds);
  for (const auto& [curve, algorithm] :
       {std::pair("P-256", "ES256"), {"P-384", "ES384"}, {"P-521", "ES512"}}) {
    const TestKey key = TestKey::elliptic("two", curve);
    EXPECT_EQ(outcome(key_set_of({rsa().jwk(), key.jwk()}), key.token(algorithm, "{}")),
              Outcome::holds)
        << curve;
  }
}

TEST(KeySet, ATokenThatNamesNoKeyIsForTheOnlyOne) {
  const std::string token = rsa().token_of(R"({"alg":"RS256"})", "{}");
  EXPECT_EQ(outcome(key_set_of({rsa().jwk()}), token), Outcome::holds);
  const TestKey other = TestKey::elliptic("two", "P-256");
  EXPECT_EQ(outcome(key_set_of({rsa().jwk(), other.jwk()}), token), Outcome::unknown_key);
}

TEST(KeySet, RefusesWhatWasChanged) {
  std::string token = rsa().token("RS256", R"({"sub":"ann"})");
  const std::size_t first = token.find('.');
  const std::size_t last = token.rfind('.');
  token.replace(first + 1, last - first - 1, to_base64url(R"({"sub":"root"})"));
  EXPECT_EQ(outcome(key_set_of({rsa().jwk()}), token), Outcome::does_not_hold);
}

TEST(KeySet, RefusesAlgorithmsThatAreNone) {
  const std::string keys = key_set_of({rsa().jwk()});
  const std::string none = to_base64url(R"({"alg":"none"})") + "." + to_base64url("{}") + ".";
  EXPECT_EQ(outcome(keys, none), Outcome::does_not_hold);
  for (const std::string_view algorithm : {"HS256", "none", "NONE", "rs256", "RS1"})
    EXPECT_EQ(outcome(keys, rsa().token(algorithm, "{}")), Outcome::does_not_hold) << algorithm;
}

TEST(KeySet, AKeySignsWithAlgorithmsOfItsKindAlone) {
  const TestKey elliptic = TestKey::elliptic("two", "P-256");
  EXPECT_EQ(outcome(key_set_of({elliptic.jwk()}), elliptic.token("RS256", "{}")),
            Outcome::does_not_hold);
  EXPECT_EQ(outcome(key_set_of({elliptic.jwk()}), elliptic.token("ES384", "{}")),
            Outcome::does_not_hold);
  EXPECT_EQ(outcome(key_set_of({rsa().jwk(R"(,"alg":"RS512")")}), rsa().token("RS256", "{}")),
            Outcome::does_not_hold);
  // A secret that a set holds is no key for anybody.
  EXPECT_EQ(
      outcome(R"({"keys":[{"kty":"oct","kid":"one","k":"c2VjcmV0"}]})", rsa().token("HS256", "{}")),
      Outcome::does_not_hold);
}

TEST(KeySet, AKeysNameIsComparedAndNothingElse) {
  for (const std::string_view id : {"../one", "one ", "", "http://127.0.0.1/keys"})
    EXPECT_NE(outcome(key_set_of({rsa().jwk(), TestKey::rsa("x").jwk()}),
                      rsa().token_of(fmt::format(R"({{"alg":"RS256","kid":"{}"}})", id), "{}")),
              Outcome::holds)
        << id;
}

TEST(KeySet, PassesOverKeysThatAreNoGood) {
  const TestKey weak = TestKey::rsa("one", 1024);
  EXPECT_EQ(outcome(key_set_of({weak.jwk()}), weak.token("RS256", "{}")), Outcome::unknown_key);
  EXPECT_EQ(outcome(key_set_of({rsa().jwk(R"(,"use":"enc")")}), rsa().token("RS256", "{}")),
            Outcome::unknown_key);
  std::string of_one = rsa().jwk();  // everybody signs with the exponent one
  of_one.replace(of_one.find("AQAB"), 4, "AQ");
  EXPECT_EQ(KeySet::parse(key_set_of({of_one}))->size(), 0u);
  const std::string nowhere(32, '\x01');
  const auto keys = KeySet::parse(
      fmt::format(R"({{"keys":[{{"kty":"EC","crv":"P-256","x":"{0}","y":"{0}"}},7,{{}}]}})",
                  to_base64url(nowhere)));
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->size(), 0u);
}

TEST(KeySet, RefusesWhatIsNoSet) {
  for (const std::string_view text : {"", "[]", "{}", R"({"keys":{}})", "<html>"})
    EXPECT_FALSE(KeySet::parse(text)) << text;
  EXPECT_FALSE(KeySet::parse(key_set_of(std::vector<std::string>(keys_max + 1, "{}"))));
}

TEST(WebToken, ReadsWhatATokenClaims) {
  const auto token = WebToken::parse(rsa().token(
      "RS256", R"({"sub":"ann","aud":["a","b"],"exp":12.5,"n":7,"yes":true,"amr":["x",1]})"));
  ASSERT_TRUE(token);
  EXPECT_EQ(token->text("sub"), "ann");
  EXPECT_EQ(token->text("aud"), std::nullopt);
  EXPECT_EQ(token->texts("aud"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(token->seconds("exp"), 12);
  EXPECT_EQ(token->seconds("sub"), std::nullopt);
  std::string all;
  for (const WebToken::Claim& claim : token->claims())
    all += fmt::format("{}={}{} ", claim.name, fmt::join(claim.values, ","),
                       claim.is_list ? " (list)" : "");
  EXPECT_EQ(all, "sub=ann aud=a,b (list) exp=12.5 n=7 yes=true amr=x,1 (list) ");
}

TEST(WebToken, RefusesWhatIsNone) {
  const std::string head = to_base64url(R"({"alg":"RS256"})");
  for (const std::string& text :
       {std::string("not-a-token"), std::string(".."), head + "." + head, head + ".e30.a.b",
        head + ".e30=.x", to_base64url("{}") + ".e30.x", head + "." + to_base64url("[]") + ".x",
        to_base64url(R"({"alg":"RS256","crit":["exp"]})") + ".e30.x",
        std::string(token_bytes_max + 1, 'a')})
    EXPECT_FALSE(WebToken::parse(text)) << text.substr(0, 80);
}

}  // namespace
}  // namespace slipway::federation
