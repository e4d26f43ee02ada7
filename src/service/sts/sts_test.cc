// STS as a client sees it.
#include "service/sts/sts.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "engine/identity/access.h"
#include "engine/identity/roles.h"
#include "engine/identity/users.h"
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
    directory_ = identity::Directory::open(*store_, {}).value();
    keys_ = identity::KeyRing::open(folder_.path(), root, random_, directory_.get()).value();
    install(registry_, *keys_, *directory_, *store_, issuers_);
    make_role(R"({"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"})");
  }

  // One change, followed by the directory.
  template <typename F>
  void change(F work) {
    const Result<> made = store_->write([&](store::Transaction& tx) -> Result<> {
      TRY_DO(work(tx));
      directory_->follow(tx);
      return {};
    });
    ASSERT_TRUE(made) << made.error().message;
  }
  static identity::Role worker_role(std::string_view trust_statements) {
    return {.account = "000000000000",
            .name = "worker",
            .path = "/team/",
            .id = "AROAWORKER",
            .trust_policy =
                fmt::format(R"({{"Version":"2012-10-17","Statement":[{}]}})", trust_statements)};
  }
  void make_role(std::string_view trust_statements) {
    change([&](auto& tx) { return create_role(tx, worker_role(trust_statements), {}); });
  }
  void trust(std::string_view statements) {
    change([&](auto& tx) { return update_role(tx, worker_role(statements)); });
  }

  template <typename F>
  auto read(F operation) {
    call_.emplace(context_, caller_, head_, "request", arena_);
    return store_->read([&](store::Transaction& tx) {
      call_->set_transaction(&tx);
      return operation(*call_);
    });
  }
  auto identity_of_caller() {
    return read([&](Call& call) {
      return get_caller_identity(call, api::GetCallerIdentityRequest(arena_),
                                 {*keys_, *directory_, *store_, issuers_});
    });
  }
  auto assume(api::AssumeRoleRequest request) {
    return read([&](Call& call) {
      return assume_role(call, request, {*keys_, *directory_, *store_, issuers_});
    });
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
  std::unique_ptr<identity::Directory> directory_;
  std::unique_ptr<identity::KeyRing> keys_;
  engine::Changes changes_{clock_};
  federation::IssuerKeys issuers_{clock_, changes_, net::Reach::public_only};
  service::Registry registry_;
  wire::Arena arena_;
  service::CallContext context_{clock_, random_};
  service::Caller caller_{root, "AKIA", "us-east-1"};
  net::RequestHead head_{};
  std::optional<service::HttpCall> call_;
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

  const auto key =
      keys_->find(credentials.AccessKeyId(), credentials.SessionToken(), clock_.server_time());
  ASSERT_TRUE(key);
  EXPECT_EQ((*key)->secret, credentials.SecretAccessKey());
  become((*key)->principal);
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

// What a caller who is no root gets: the role's trust policy is asked.
class AssumeRole : public Sts {
 protected:
  AssumeRole() {
    change([&](auto& tx) { return create_user(tx, ann_, {}); });
    change([&](auto& tx) { return add_access_key(tx, ann_, {"AKIAANN", "secret"}); });
    become_ann();
  }

  void become_ann() { become((*keys_->find("AKIAANN", "", clock_.server_time()))->principal); }
  void become_session(const Result<api::AssumeRoleResponse>& assumed) {
    ASSERT_TRUE(assumed) << assumed.error().message;
    const api::Credentials credentials = assumed->Credentials();
    become(
        (*keys_->find(credentials.AccessKeyId(), credentials.SessionToken(), clock_.server_time()))
            ->principal);
  }
  // What ann's own policy says.
  void ann_may(std::string_view action, std::string_view effect = "Allow") {
    const std::string document = fmt::format(
        R"({{"Version":"2012-10-17","Statement":{{"Effect":"{}","Action":"{}","Resource":"*"}}}})",
        effect, action);
    change([&](auto& tx) {
      return identity::put_inline_policy(tx, {identity::Owner::Kind::user, ann_.account, ann_.name},
                                         std::string(effect), document);
    });
  }
  static std::string statement(std::string_view principal, std::string_view actions,
                               std::string_view more = "") {
    return fmt::format(R"({{"Effect":"Allow","Principal":{},"Action":{}{}}})", principal, actions,
                       more);
  }
  static std::string denied(std::string_view who, std::string_view action) {
    return fmt::format(
        "AccessDenied 403 User: {} is not authorized to perform: {} on resource: "
        "arn:aws:iam::000000000000:role/team/worker",
        who, action);
  }

  static constexpr std::string_view ann_arn = "arn:aws:iam::000000000000:user/ann";
  static constexpr std::string_view by_ann = R"({"AWS":"arn:aws:iam::000000000000:user/ann"})";
  static constexpr std::string_view by_account = R"({"AWS":"arn:aws:iam::000000000000:root"})";
  static constexpr std::string_view assume_only = R"("sts:AssumeRole")";
  static constexpr std::string_view all_three =
      R"(["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"])";
  const identity::User ann_{.account = "000000000000", .name = "ann", .id = "AIDAANN"};
};

TEST_F(AssumeRole, TheTrustPolicyNamesWhoMay) {
  trust(statement(R"({"Service":"sagemaker.amazonaws.com"})", assume_only));
  ann_may("*");
  EXPECT_EQ(refusal(assume(worker())), denied(ann_arn, "sts:AssumeRole"));
  trust(statement(by_ann, assume_only));
  EXPECT_EQ(refusal(assume(worker())), "accepted");
  become(root);
  trust(statement(R"({"Service":"sagemaker.amazonaws.com"})", assume_only));
  EXPECT_EQ(refusal(assume(worker())), "accepted") << "the root key may, other than on AWS";
}

TEST_F(AssumeRole, AnAccountThatIsTrustedDecidesByItsOwnPolicies) {
  trust(statement(by_account, assume_only));
  EXPECT_EQ(refusal(assume(worker())), denied(ann_arn, "sts:AssumeRole"));
  ann_may("sts:AssumeRole");
  EXPECT_EQ(refusal(assume(worker())), "accepted");
  trust(statement(by_ann, assume_only));
  ann_may("sts:*", "Deny");
  EXPECT_EQ(refusal(assume(worker())), denied(ann_arn, "sts:AssumeRole"));
}

TEST_F(AssumeRole, AMissingRoleIsRefusedInTheWordsOfAForbiddenOne) {
  EXPECT_EQ(refusal(assume(worker().RoleArn("arn:aws:iam::000000000000:role/worker"))),
            "AccessDenied 403 User: arn:aws:iam::000000000000:user/ann is not authorized to "
            "perform: sts:AssumeRole on resource: arn:aws:iam::000000000000:role/worker");
}

TEST_F(AssumeRole, AnExternalIdIsAskedFor) {
  trust(statement(by_ann, assume_only,
                  R"(,"Condition":{"StringEquals":{"sts:ExternalId":"secret-7"}})"));
  EXPECT_EQ(refusal(assume(worker())), denied(ann_arn, "sts:AssumeRole"));
  EXPECT_EQ(refusal(assume(worker().ExternalId("secret-8"))), denied(ann_arn, "sts:AssumeRole"));
  EXPECT_EQ(refusal(assume(worker().ExternalId("secret-7"))), "accepted");
}

TEST_F(AssumeRole, TagsAndASourceIdentityAreActionsOfTheirOwn) {
  auto tagged = worker();
  tagged.add_Tags().Key("team").Value("blue");
  trust(statement(by_ann, assume_only));
  EXPECT_EQ(refusal(assume(tagged)), denied(ann_arn, "sts:TagSession"));
  EXPECT_EQ(refusal(assume(worker().SourceIdentity("ann"))),
            denied(ann_arn, "sts:SetSourceIdentity"));
  trust(statement(by_ann, all_three,
                  R"(,"Condition":{"StringEqualsIfExists":{"aws:RequestTag/team":"blue"}})"));
  const auto answer = assume(tagged.SourceIdentity("ann"));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->SourceIdentity(), "ann");
  EXPECT_GT(answer->PackedPolicySize().value_or(0), 0);
  EXPECT_FALSE(assume(worker())->PackedPolicySize());
  auto red = worker();
  red.add_Tags().Key("team").Value("red");
  EXPECT_EQ(refusal(assume(red)), denied(ann_arn, "sts:AssumeRole"));
}

TEST_F(AssumeRole, TagsThatContradictEachOtherAreRefused) {
  trust(statement(by_ann, all_three));
  auto twice = worker();
  twice.add_Tags().Key("team").Value("a");
  twice.add_Tags().Key("Team").Value("b");
  EXPECT_EQ(refusal(assume(twice)),
            "InvalidParameterValue 400 Duplicate tag keys found. Please note that Tag keys are "
            "case insensitive.");
  auto reserved = worker();
  reserved.add_Tags().Key("AWS:team").Value("a");
  EXPECT_EQ(refusal(assume(reserved)),
            "InvalidParameterValue 400 aws: prefixed tag key names are not allowed for external "
            "use.");
  EXPECT_EQ(refusal(assume(worker().add_TransitiveTagKeys("team"))),
            "InvalidParameterValue 400 The specified transitive tag key must be included in the "
            "requested tags.");
}

TEST_F(AssumeRole, AChainPassesOnSourceIdentityAndTransitiveTagsAndNothingElse) {
  trust(statement(R"({"AWS":"*"})", all_three));
  auto first = worker().SourceIdentity("ann").add_TransitiveTagKeys("Team");
  first.add_Tags().Key("team").Value("blue");
  first.add_Tags().Key("plain").Value("1");
  become_session(assume(first));
  EXPECT_EQ(refusal(assume(worker().SourceIdentity("bob"))),
            "ValidationError 400 The source identity is already set for this assume role session");
  auto conflicting = worker();
  conflicting.add_Tags().Key("TEAM").Value("red");
  EXPECT_EQ(refusal(assume(conflicting)),
            "InvalidParameterValue 400 One of the specified transitive tag keys can't be set "
            "because it conflicts with a transitive tag key from the calling session.");

  become_session(assume(worker()));
  const identity::SessionTerms& terms = *caller_.principal.session;
  EXPECT_EQ(terms.source_identity, "ann");
  EXPECT_EQ(terms.tags, (std::vector<identity::Tag>{{"team", "blue"}}));
  EXPECT_EQ(terms.transitive_keys, std::vector<std::string>{"team"});

  // What comes with the caller is asked for as well.
  trust(statement(R"({"AWS":"*"})", R"(["sts:AssumeRole","sts:TagSession"])"));
  EXPECT_EQ(refusal(assume(worker())),
            denied("arn:aws:sts::000000000000:assumed-role/worker/me", "sts:SetSourceIdentity"));
}

TEST_F(AssumeRole, AChainLastsAnHourAtMost) {
  identity::Role role = worker_role(statement(R"({"AWS":"*"})", assume_only));
  role.session_time_max = 12h;
  change([&](auto& tx) { return update_role(tx, role); });
  EXPECT_EQ(refusal(assume(worker().DurationSeconds(7200))), "accepted");
  become_session(assume(worker()));
  EXPECT_EQ(refusal(assume(worker().DurationSeconds(7200))),
            "ValidationError 400 The requested DurationSeconds exceeds the 1 hour session limit "
            "for roles assumed by role chaining.");
  EXPECT_EQ(refusal(assume(worker().DurationSeconds(3600))), "accepted");
}

TEST_F(AssumeRole, ASessionIsBoundByItsOwnPolicy) {
  trust(statement(by_ann, assume_only));
  const std::string everything =
      R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})";
  change([&](auto& tx) {
    return identity::put_inline_policy(tx, {identity::Owner::Kind::role, "000000000000", "worker"},
                                       "p", everything);
  });
  const std::string buckets_only = R"({"Version":"2012-10-17","Statement":)"
                                   R"({"Effect":"Allow","Action":"s3:*","Resource":"*"}})";
  become_session(assume(worker().Policy(buckets_only)));
  const auto may = [&](std::string_view action) {
    const auto policies = directory_->policies_of(caller_.principal);
    return decide(caller_.principal, policies.value(), {action, "arn:aws:x:::y", {}}, {}).allowed();
  };
  EXPECT_TRUE(may("s3:GetObject"));
  EXPECT_FALSE(may("sqs:SendMessage"));
}

TEST_F(AssumeRole, WhatDoesNotFitIntoATokenIsRefused) {
  trust(statement(by_ann, all_three));
  auto full = worker();
  const std::string value(256, 'x');
  std::vector<std::string> keys;
  for (int i = 0; i < 50; ++i) keys.push_back(fmt::format("key{}", i));
  for (const std::string& key : keys) full.add_Tags().Key(key).Value(value);
  EXPECT_THAT(refusal(assume(full)),
              StartsWith("PackedPolicyTooLarge 400 Packed size of session tags consumes 3"));
}

TEST_F(AssumeRole, WhoIsMadeAnewUnderATrustedNameIsSomebodyElse) {
  identity::Role role = worker_role(statement(by_ann, assume_only));
  role.trust_ids = {{std::string(ann_arn), "AIDAANN"}};
  change([&](auto& tx) { return update_role(tx, role); });
  EXPECT_EQ(refusal(assume(worker())), "accepted");
  change([&](auto& tx) { return delete_access_key(tx, ann_, "AKIAANN"); });
  change([&](auto& tx) { return identity::delete_user(tx, "000000000000", "ann"); });
  const identity::User anew{.account = "000000000000", .name = "ann", .id = "AIDAOTHER"};
  change([&](auto& tx) { return create_user(tx, anew, {}); });
  change([&](auto& tx) { return add_access_key(tx, anew, {"AKIAANN", "secret"}); });
  become_ann();
  EXPECT_EQ(refusal(assume(worker())), denied(ann_arn, "sts:AssumeRole"));
}

TEST_F(Sts, AGuestMayWhatBothTheKeyAndThePoliciesAllow) {
  const auto federation = [&](std::string_view policy) {
    return read([&](Call& call) {
      auto in = api::GetFederationTokenRequest(arena_).Name("guest").DurationSeconds(40'000);
      if (!policy.empty()) in.Policy(policy);
      return get_federation_token(call, in, {*keys_, *directory_, *store_, issuers_});
    });
  };
  const auto guest_of = [&](const auto& answer) {
    const auto credentials = answer->Credentials();
    const auto key =
        keys_->find(credentials.AccessKeyId(), credentials.SessionToken(), clock_.server_time());
    return (*key)->principal;
  };
  const auto may = [&](const identity::Principal& guest, std::string_view action) {
    return decide(guest, *directory_->snapshot()->policies_of(guest), {action, "*", {}}, {})
        .allowed();
  };
  const auto given =
      federation(R"({"Version":"2012-10-17",)"
                 R"("Statement":{"Effect":"Allow","Action":["s3:*","iam:*"],"Resource":"*"}})");
  ASSERT_TRUE(given);
  EXPECT_EQ(given->Credentials().Expiration(), clock_.now() + 1h);  // root's give no longer
  EXPECT_EQ(given->FederatedUser().FederatedUserId(), "000000000000:guest");
  const identity::Principal guest = guest_of(given);
  EXPECT_TRUE(may(guest, "s3:ListAllMyBuckets"));
  EXPECT_FALSE(may(guest, "sns:ListTopics"));
  EXPECT_FALSE(may(guest, "iam:ListUsers"));
  EXPECT_FALSE(may(guest_of(federation("")), "s3:ListAllMyBuckets"));

  become(guest);
  EXPECT_EQ(identity_of_caller()->Arn(), "arn:aws:sts::000000000000:federated-user/guest");
  EXPECT_EQ(identity_of_caller()->UserId(), "000000000000:guest");
  EXPECT_EQ(refusal(federation("")),
            "AccessDenied 403 Cannot call GetFederationToken with session credentials");
}

TEST_F(Sts, SessionTokensAreForLongTermKeysOnly) {
  const auto token = [&] {
    return read([&](Call& call) {
      return get_session_token(call, api::GetSessionTokenRequest(arena_),
                               {*keys_, *directory_, *store_, issuers_});
    });
  };
  const auto session = token();
  ASSERT_TRUE(session);
  EXPECT_EQ(session->Credentials().Expiration(), clock_.now() + 1h);
  const auto key = keys_->find(session->Credentials().AccessKeyId(),
                               session->Credentials().SessionToken(), clock_.server_time());
  become((*key)->principal);
  EXPECT_EQ(identity_of_caller()->Arn(), root.name);
  EXPECT_EQ(refusal(token()),
            "AccessDenied 403 Cannot call GetSessionToken with session credentials");
}

}  // namespace
}  // namespace slipway::sts
