// STS as a client sees it.
#include "service/sts/sts.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "engine/identity/roles.h"
#include "service/errors.h"
#include "service/sts/operations.h"

namespace slipway::sts {
namespace {

using namespace std::chrono_literals;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

const identity::Principal root{identity::Principal::Kind::root, "000000000000",
                               "arn:aws:iam::000000000000:root", "000000000000"};

class Sts : public ::testing::Test {
 protected:
  Sts() {
    store_ = store::Store::open(folder_ / "store.db", identity::migrations()).value();
    keys_ = identity::KeyRing::open(folder_.path(), root, random_).value();
    install(registry_, *keys_);
    const identity::Role role{.account = "000000000000",
                              .name = "worker",
                              .path = "/team/",
                              .id = "AROAWORKER",
                              .trust_policy = "{}"};
    const auto made =
        store_->write([&](store::Transaction& tx) { return identity::create_role(tx, role, {}); });
    EXPECT_TRUE(made);
  }

  template <typename F>
  auto read(F operation) {
    call_.emplace(ground_, caller_, head_, "request", arena_);
    return store_->read([&](store::Transaction& tx) {
      call_->set_transaction(&tx);
      return operation(*call_);
    });
  }
  auto identity_of_caller() {
    return read([&](Call& call) {
      return get_caller_identity(call, api::GetCallerIdentityRequest(arena_));
    });
  }
  auto assume(api::AssumeRoleRequest request) {
    return read([&](Call& call) { return assume_role(call, request, *keys_); });
  }
  api::AssumeRoleRequest worker() {
    return api::AssumeRoleRequest(arena_)
        .RoleArn("arn:aws:iam::000000000000:role/team/worker")
        .RoleSessionName("me");
  }
  void become(const identity::Principal& principal) { caller_.principal = principal; }

  template <typename Answer>
  std::string refusal(const Answer& answer) {
    if (answer) return "accepted";
    const wire::ErrorAnswer wire_answer =
        service::to_wire(answer.error(), api::schema().service, registry_.errors_of(api::schema()));
    return fmt::format("{} {} {}", wire_answer.code, wire_answer.status, wire_answer.message);
  }

  TestFolder folder_;
  SystemRandom random_;
  ManualClock clock_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<identity::KeyRing> keys_;
  service::Registry registry_;
  wire::Arena arena_;
  service::Ground ground_{clock_, random_};
  service::Caller caller_{root, "AKIA", "us-east-1"};
  net::RequestHead head_{};
  std::optional<Call> call_;
};

TEST_F(Sts, TheRootKeyIsTheAccountsRoot) {
  const auto who = identity_of_caller();
  EXPECT_EQ(who->Account(), "000000000000");
  EXPECT_EQ(who->Arn(), "arn:aws:iam::000000000000:root");
  EXPECT_EQ(who->UserId(), "000000000000");
}

TEST_F(Sts, AnAssumedRolesCredentialsSpeakForIt) {
  const auto assumed = assume(worker());
  ASSERT_TRUE(assumed) << assumed.error().message;
  EXPECT_EQ(assumed->AssumedRoleUser().Arn(), "arn:aws:sts::000000000000:assumed-role/worker/me");
  EXPECT_EQ(assumed->AssumedRoleUser().AssumedRoleId(), "AROAWORKER:me");
  const api::Credentials credentials = assumed->Credentials();
  EXPECT_THAT(std::string(credentials.AccessKeyId()), MatchesRegex("ASIA[A-Z2-7]{16}"));
  EXPECT_EQ(credentials.Expiration(), clock_.now() + 1h);

  const auto key = keys_->find(credentials.AccessKeyId(), credentials.SessionToken(), clock_.now());
  ASSERT_TRUE(key);
  EXPECT_EQ(key->secret, credentials.SecretAccessKey());
  become(key->principal);
  EXPECT_EQ(identity_of_caller()->Arn(), "arn:aws:sts::000000000000:assumed-role/worker/me");
}

TEST_F(Sts, ARoleThatIsNotThereOrAnotherAccountsIsDenied) {
  constexpr std::string_view denied =
      "AccessDenied 403 User: arn:aws:iam::000000000000:root is not authorized to perform: "
      "sts:AssumeRole on resource: ";
  EXPECT_THAT(refusal(assume(worker().RoleArn("arn:aws:iam::000000000000:role/none"))),
              StartsWith(std::string(denied)));
  EXPECT_THAT(refusal(assume(worker().RoleArn("arn:aws:iam::111111111111:role/worker"))),
              StartsWith(std::string(denied)));
  EXPECT_EQ(refusal(assume(worker().RoleArn("arn:aws:iam::something"))),
            "ValidationError 400 arn:aws:iam::something is invalid");
}

TEST_F(Sts, ASessionLivesNoLongerThanItsRoleAllows) {
  EXPECT_EQ(refusal(assume(worker().DurationSeconds(3601))),
            "ValidationError 400 The requested DurationSeconds exceeds the MaxSessionDuration set "
            "for this role.");
  const auto shorter = assume(worker().DurationSeconds(900));
  EXPECT_EQ(shorter->Credentials().Expiration(), clock_.now() + 15min);
}

TEST_F(Sts, ASessionPolicyMustBeAPolicy) {
  EXPECT_THAT(refusal(assume(worker().Policy("{"))), StartsWith("MalformedPolicyDocument 400"));
}

TEST_F(Sts, SessionTokensAreForLongTermKeysOnly) {
  const auto token = [&] {
    return read([&](Call& call) {
      return get_session_token(call, api::GetSessionTokenRequest(arena_), *keys_);
    });
  };
  const auto session = token();
  ASSERT_TRUE(session);
  EXPECT_EQ(session->Credentials().Expiration(), clock_.now() + 12h);
  const auto key = keys_->find(session->Credentials().AccessKeyId(),
                               session->Credentials().SessionToken(), clock_.now());
  become(key->principal);
  EXPECT_EQ(identity_of_caller()->Arn(), root.name);
  EXPECT_EQ(refusal(token()),
            "AccessDenied 403 Cannot call GetSessionToken with session credentials");
}

}  // namespace
}  // namespace slipway::sts
