// AssumeRoleWithWebIdentity as its handler answers it, with an issuer on this machine.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "base/test_folder.h"
#include "engine/federation/test_issuer.h"
#include "engine/identity/account.h"
#include "engine/identity/roles.h"
#include "net/test_certificate.h"
#include "net/test_server.h"
#include "service/errors.h"
#include "service/sts/operations.h"
#include "service/sts/sts.h"

namespace slipway::sts {
namespace {

using namespace std::chrono_literals;
using federation::TestKey;
using testing::StartsWith;

constexpr std::string_view account = "000000000000";
constexpr std::string_view no_good =
    "InvalidIdentityToken The web identity token provided could not be validated. See the "
    "AssumeRoleWithWebIdentity documentation for requirements.";
constexpr std::string_view not_authorized =
    "AccessDenied Not authorized to perform sts:AssumeRoleWithWebIdentity";

const identity::Principal root{identity::Principal::Kind::root, std::string(account),
                               "arn:aws:iam::000000000000:root", std::string(account)};

class WebIdentity : public testing::Test {
 protected:
  WebIdentity() : server_({}, *net::TlsContext::server(certificate_.cert(), certificate_.key())) {
    server_.handler.answer = [this](net::Request&& request, net::Responder&& responder) {
      const bool keys = request.path() == "/keys";
      responder.send(
          {.body = keys ? federation::key_set_of({key_.jwk()})
                        : fmt::format(R"({{"issuer":"{0}","jwks_uri":"{0}/keys"}})", url())});
    };
    store_ = store::Store::open(folder_ / "store.db", identity::migrations()).value();
    directory_ = identity::Directory::open(*store_, {}).value();
    keys_ = identity::KeyRing::open(folder_.path(), root, random_, directory_.get()).value();
    change([&](store::Transaction& tx) {
      return identity::create_provider(tx,
                                       {.account = std::string(account),
                                        .name = issuer(),
                                        .clients = {"app"},
                                        .thumbprints = {certificate_.thumbprint}},
                                       {});
    });
    const identity::Role role = role_that(allow());
    change([&](store::Transaction& tx) { return identity::create_role(tx, role, {}); });
  }

  template <typename F>
  void change(F work) {
    const Result<> made = store_->write([&](store::Transaction& tx) -> Result<> {
      TRY_DO(work(tx));
      directory_->follow(tx);
      return {};
    });
    ASSERT_TRUE(made) << made.error().message;
  }
  void trust(const std::string& statements) {
    change(
        [&](store::Transaction& tx) { return identity::update_role(tx, role_that(statements)); });
  }

  std::string issuer() const { return server_.address().text(); }
  std::string url() const { return "https://" + issuer(); }
  std::string provider() const {
    return fmt::format("arn:aws:iam::{}:oidc-provider/{}", account, issuer());
  }
  std::string statement(std::string_view effect, std::string_view more) const {
    return fmt::format(R"({{"Effect":"{}","Principal":{{"Federated":"{}"}},"Action":"sts:*"{}}})",
                       effect, provider(), more);
  }
  std::string allow(std::string_view more = "") const { return statement("Allow", more); }
  // A condition on a claim.
  std::string where(std::string_view test, std::string_view claim, std::string_view value) const {
    return fmt::format(R"(,"Condition":{{"{}":{{"{}:{}":{}}}}})", test, issuer(), claim, value);
  }
  static identity::Role role_that(const std::string& statements) {
    return {
        .account = std::string(account),
        .name = "worker",
        .id = "AROAWORKER",
        .trust_policy = fmt::format(R"({{"Version":"2012-10-17","Statement":[{}]}})", statements)};
  }

  // With `more` after, and so over, what is usual.
  std::string claims(std::string_view more = "") const {
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(clock_.now().time_since_epoch()).count();
    return fmt::format(R"({{"iss":"{}","aud":"app","sub":"ann","iat":{},"exp":{}{}}})", url(), now,
                       now + 600, more);
  }

  Result<api::AssumeRoleWithWebIdentityResponse> ask(const std::string& token,
                                                     std::int32_t seconds) {
    call_.emplace(context_, caller_, head_, "request", arena_);
    auto request = api::AssumeRoleWithWebIdentityRequest(arena_)
                       .RoleArn(fmt::format("arn:aws:iam::{}:role/worker", account))
                       .RoleSessionName("me")
                       .WebIdentityToken(token);
    if (seconds != 0) request.DurationSeconds(seconds);
    if (!session_policy_.empty()) request.add_PolicyArns().arn(session_policy_);
    return store_->read([&](store::Transaction& tx) {
      call_->set_transaction(&tx);
      return assume_role_with_web_identity(*call_, request,
                                           {*keys_, *directory_, *store_, issuers_});
    });
  }

  // As the frame does: once more when what is waited for has come.
  Result<api::AssumeRoleWithWebIdentityResponse> assume(const std::string& token,
                                                        std::int32_t seconds = 0) {
    while (true) {
      const std::uint64_t since = changes_.sequence();
      auto answer = ask(token, seconds);
      const auto awaited = answer ? call_->take_poll() : std::nullopt;
      if (!awaited) return answer;
      std::promise<void> came;
      changes_.wait(awaited->topic, since, Instant::max(),
                    [&](engine::WaitOutcome) { came.set_value(); });
      came.get_future().wait();
    }
  }
  std::string outcome(const std::string& token, std::int32_t seconds = 0) {
    const auto answer = assume(token, seconds);
    return answer ? "let in" : answer.error().kind + " " + answer.error().message;
  }
  std::string outcome_of(std::string_view more) {
    return outcome(key_.token("ES256", claims(more)));
  }

  TestFolder folder_;
  SystemRandom random_;
  ManualClock clock_;
  net::TestCertificate certificate_;
  net::TestServer server_;
  const TestKey key_ = TestKey::elliptic("k", "P-256");
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<identity::Directory> directory_;
  std::unique_ptr<identity::KeyRing> keys_;
  engine::Changes changes_{clock_};
  federation::IssuerKeys issuers_{clock_, changes_, net::Reach::anywhere};
  wire::Arena arena_;
  service::CallContext context_{clock_, random_};
  service::Caller caller_{root, {}, "us-east-1", service::Proof::none};
  net::RequestHead head_{};
  std::optional<service::HttpCall> call_;
  std::string session_policy_;  // its ARN
};

TEST_F(WebIdentity, ATokenOfAProviderLetsIn) {
  const auto answer = assume(key_.token("ES256", claims()));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->SubjectFromWebIdentityToken(), "ann");
  EXPECT_EQ(answer->Audience(), "app");
  EXPECT_EQ(answer->Provider(), provider());
  const auto key = keys_->find(answer->Credentials().AccessKeyId(),
                               answer->Credentials().SessionToken(), clock_.server_time());
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ((*key)->principal.name, "arn:aws:sts::000000000000:assumed-role/worker/me");
  EXPECT_EQ((*key)->principal.session->provider_keys,
            (std::vector<identity::Tag>{{"aws:FederatedProvider", provider()},
                                        {issuer() + ":aud", "app"},
                                        {issuer() + ":sub", "ann"}}));
}

TEST_F(WebIdentity, ClaimsAreAskedForByTheTrustPolicy) {
  trust(allow(where("StringEquals", "sub", R"("ann")")));
  EXPECT_EQ(outcome_of(""), "let in");
  trust(allow(where("StringEquals", "sub", R"("bob")")));
  EXPECT_EQ(outcome_of(""), not_authorized);
  trust(allow(where("NumericGreaterThan", "level", R"("4")")));
  EXPECT_EQ(outcome_of(R"(,"level":5)"), "let in");
  EXPECT_EQ(outcome_of(R"(,"level":4)"), not_authorized);
  trust(allow(where("ForAnyValue:StringEquals", "amr", R"("mfa")")));
  EXPECT_EQ(outcome_of(R"(,"amr":["pwd","mfa"])"), "let in");
  EXPECT_EQ(outcome_of(R"(,"amr":["pwd"])"), not_authorized);
  trust(allow() + "," + statement("Deny", where("StringEquals", "sub", R"("ann")")));
  EXPECT_EQ(outcome_of(""), not_authorized);
}

TEST_F(WebIdentity, AnAuthorizedPartyStandsInForTheAudience) {
  trust(allow(where("StringEquals", "oaud", R"("backend")")));
  EXPECT_EQ(outcome(key_.token("ES256", fmt::format(R"({{"iss":"{}","aud":"backend","azp":"app",)"
                                                    R"("sub":"ann","iat":1700000000,"exp":)"
                                                    R"(1700000600}})",
                                                    url()))),
            "let in");
  const std::string two = fmt::format(R"({{"iss":"{}","aud":["app","b"],"sub":"ann"}})", url());
  EXPECT_EQ(outcome(key_.token("ES256", two)),
            "InvalidIdentityToken Token audience contains more than one audience while authorized "
            "party is not present");
}

TEST_F(WebIdentity, ATokenThatIsNoGoodIsNotBelieved) {
  EXPECT_THAT(outcome("no-token"),
              StartsWith("InvalidIdentityToken The ID Token provided is not a valid JWT."));
  EXPECT_EQ(outcome(TestKey::elliptic("k", "P-256").token("ES256", claims())), no_good);
  EXPECT_EQ(outcome(key_.token("HS256", claims())), no_good);
  EXPECT_EQ(outcome(key_.token("none", claims())), no_good);
  constexpr std::string_view unknown =
      "InvalidIdentityToken No OpenIDConnect provider found in your account for {}";
  EXPECT_EQ(outcome_of(fmt::format(R"(,"iss":"{}/")", url())), fmt::format(unknown, url() + "/"));
  EXPECT_EQ(outcome_of(R"(,"iss":"https://example.org")"),
            fmt::format(unknown, "https://example.org"));
  EXPECT_EQ(outcome_of(R"(,"iss":"https://example.org/\u0001")"), no_good);
  EXPECT_EQ(outcome_of(R"(,"iss":"http://example.org")"), no_good);
  EXPECT_EQ(outcome_of(R"(,"aud":"other")"), "InvalidIdentityToken Incorrect token audience");
  // What does not hold learns nothing of what the role asks for.
  trust(allow(where("StringEquals", "sub", R"("bob")")));
  EXPECT_EQ(outcome(TestKey::elliptic("k", "P-256").token("ES256", claims())), no_good);
}

TEST_F(WebIdentity, ATokenHasItsTime) {
  EXPECT_EQ(outcome_of(R"(,"exp":1699999800)"), "let in") << "clocks differ by minutes";
  EXPECT_EQ(outcome_of(R"(,"exp":1699999699)"),
            "ExpiredTokenException Token expired: current date/time 1700000000 must be before the "
            "expiration date/time 1699999699");
  EXPECT_EQ(outcome_of(R"(,"nbf":1700000301)"), no_good);
  EXPECT_EQ(outcome_of(R"(,"exp":"soon")"), no_good);
  EXPECT_EQ(outcome_of(R"(,"iat":null)"), "InvalidIdentityToken Missing a required claim: iat.");
  EXPECT_EQ(outcome_of(R"(,"sub":"")"), "InvalidIdentityToken Missing a required claim: sub.");
}

TEST_F(WebIdentity, OnlyProvidersThatTheRoleNamesVouch) {
  trust(R"({"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:*"})");
  EXPECT_EQ(outcome_of(""), not_authorized);
  trust(R"({"Effect":"Allow","Principal":{"Federated":)"
        R"("arn:aws:iam::000000000000:oidc-provider/gone.example.org"},"Action":"sts:*"})");
  EXPECT_EQ(outcome_of(""), not_authorized);
}

TEST_F(WebIdentity, TheRoleSaysHowLong) {
  EXPECT_EQ(outcome(key_.token("ES256", claims()), 3600), "let in");
  EXPECT_EQ(outcome(key_.token("ES256", claims()), 7200),
            "ValidationError The requested DurationSeconds exceeds the MaxSessionDuration set for "
            "this role.");
}

TEST_F(WebIdentity, StrangersDoNotHearWhatThereIs) {
  const std::string forged = TestKey::elliptic("k", "P-256").token("ES256", claims());
  EXPECT_EQ(outcome(forged, 7200), no_good);
  session_policy_ = "arn:aws:iam::000000000000:policy/gone";
  EXPECT_EQ(outcome(forged), no_good);
  EXPECT_EQ(outcome_of(""),
            "ValidationError The policy arn:aws:iam::000000000000:policy/gone does not exist.");
}

TEST_F(WebIdentity, TagsAndASourceIdentityAreActionsOfTheirOwn) {
  const std::string_view tagged =
      R"(,"https://aws.amazon.com/tags":{"principal_tags":{"team":["blue"]},)"
      R"("transitive_tag_keys":["team"]},"https://aws.amazon.com/source_identity":"ann")";
  const auto answer = assume(key_.token("ES256", claims(tagged)));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->SourceIdentity(), "ann");
  EXPECT_GT(answer->PackedPolicySize().value_or(0), 0);
  EXPECT_EQ(outcome_of(R"(,"https://aws.amazon.com/tags/principal_tags/team":"blue")"), "let in");
  trust(fmt::format(R"({{"Effect":"Allow","Principal":{{"Federated":"{}"}},)"
                    R"("Action":"sts:AssumeRoleWithWebIdentity"}})",
                    provider()));
  EXPECT_EQ(outcome_of(tagged), not_authorized);
  EXPECT_EQ(outcome_of(""), "let in");
}

TEST_F(WebIdentity, TagsAndASourceIdentityHaveTheFormOfAssumeRoles) {
  EXPECT_EQ(outcome_of(R"(,"https://aws.amazon.com/source_identity":"a\nb")"), no_good);
  EXPECT_EQ(outcome_of(R"(,"https://aws.amazon.com/source_identity":"*")"), no_good);
  EXPECT_EQ(outcome_of(R"(,"https://aws.amazon.com/tags/principal_tags/team":"*")"), no_good);
  EXPECT_EQ(outcome_of(R"(,"https://aws.amazon.com/tags/principal_tags/":"blue")"), no_good);
  EXPECT_THAT(outcome_of(R"(,"https://aws.amazon.com/tags/principal_tags/aws:team":"blue")"),
              StartsWith("InvalidParameterValue aws: prefixed tag key names"));
}

// A claim of the user's own choice must not stand in for one that the issuer vouches for.
TEST_F(WebIdentity, AClaimInAnotherCaseIsAnother) {
  const auto first = [&](std::string_view claim) {
    return outcome(key_.token("ES256", fmt::format("{{{},{}", claim, claims().substr(1))));
  };
  trust(allow(where("StringEquals", "sub", R"("bob")")));
  EXPECT_EQ(first(R"("SUB":"bob")"), not_authorized);
  trust(allow() + "," + statement("Deny", where("StringEquals", "sub", R"("ann")")));
  EXPECT_EQ(first(R"("SUB":"bob")"), not_authorized);
  trust(allow(where("StringEquals", "oaud", R"("backend")")));
  EXPECT_EQ(first(R"("OAUD":"backend")"), not_authorized);
}

TEST_F(WebIdentity, AnIssuerThatCannotBeAskedIsTheReason) {
  change([&](store::Transaction& tx) -> Result<> {
    TRY(identity::Provider provider, identity::find_provider(tx, account, issuer()));
    provider.thumbprints = {std::string(40, 'a')};
    return identity::update_provider(tx, provider);
  });
  EXPECT_THAT(outcome_of(""), StartsWith("InvalidIdentityToken Couldn't retrieve verification key "
                                         "from your identity provider,"));
}

}  // namespace
}  // namespace slipway::sts
