// IAM as a client sees it: one call after another against a store of their own.
#include "service/iam/iam.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/test_folder.h"
#include "engine/identity/roles.h"
#include "service/errors.h"
#include "service/iam/operations.h"

namespace slipway::iam {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

constexpr std::string_view trust =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":)"
    R"({"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]})";
constexpr std::string_view allow_get =
    R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}})";
constexpr std::string_view full_access = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess";

class Iam : public ::testing::Test {
 protected:
  Iam() {
    auto opened = store::Store::open(folder_ / "store.db", identity::migrations());
    if (opened) store_ = *std::move(opened);
    install(registry_);
  }

  // Runs an operation as one change; what it returns lives as long as the test.
  template <typename Input, typename Operation>
  auto run(Operation operation, Input input) {
    call_.emplace(ground_, caller_, head_, "request", arena_);
    return store_->write([&](store::Transaction& tx) {
      call_->set_transaction(&tx);
      return operation(*call_, input);
    });
  }

  // "Code status message" as it goes over the wire.
  template <typename Answer>
  std::string refusal(const Answer& answer) {
    if (answer) return "accepted";
    const wire::ErrorAnswer wire_answer =
        service::to_wire(answer.error(), api::schema().service, registry_.errors_of(api::schema()));
    return fmt::format("{} {} {}", wire_answer.code, wire_answer.status, wire_answer.message);
  }

  auto create(std::string_view name) {
    return run(create_role,
               input<api::CreateRoleRequest>().RoleName(name).AssumeRolePolicyDocument(trust));
  }
  template <typename Input>
  Input input() {
    return Input(arena_);
  }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_;
  service::Registry registry_;
  SystemRandom random_;
  ManualClock clock_;
  wire::Arena arena_;
  service::Ground ground_{clock_, random_};
  service::Caller caller_{{identity::Principal::Kind::root, "000000000000",
                           "arn:aws:iam::000000000000:root", "000000000000"},
                          "AKIA",
                          "us-east-1"};
  net::RequestHead head_{};
  std::optional<Call> call_;
};

TEST_F(Iam, ACreatedRoleIsDescribedAsItWasMade) {
  auto request = input<api::CreateRoleRequest>()
                     .RoleName("Worker")
                     .Path("/team/")
                     .Description("does it")
                     .MaxSessionDuration(7200)
                     .AssumeRolePolicyDocument(trust);
  request.add_Tags().Key("a").Value("b");
  const auto made = run(create_role, request);
  ASSERT_TRUE(made) << made.error().message;
  const auto got = run(get_role, input<api::GetRoleRequest>().RoleName("Worker"));
  ASSERT_TRUE(got);
  const api::Role role = got->Role();
  EXPECT_EQ(role.Arn(), "arn:aws:iam::000000000000:role/team/Worker");
  EXPECT_THAT(std::string(role.RoleId()), MatchesRegex("AROA[A-Z2-7]{17}"));
  EXPECT_EQ(role.RoleId(), made->Role().RoleId());
  EXPECT_THAT(std::string(*role.AssumeRolePolicyDocument()), StartsWith("%7B%22Version%22%3A"));
  EXPECT_EQ(role.Description(), "does it");
  EXPECT_EQ(role.MaxSessionDuration(), 7200);
  EXPECT_EQ(role.CreateDate(), clock_.now());
  ASSERT_EQ(role.Tags().size(), 1U);
  EXPECT_EQ(role.Tags()[0].Value(), "b");
}

TEST_F(Iam, RefusalsHaveAmazonsCodesStatusesAndWords) {
  EXPECT_EQ(refusal(run(get_role, input<api::GetRoleRequest>().RoleName("nobody"))),
            "NoSuchEntity 404 The role with name nobody cannot be found.");
  EXPECT_EQ(refusal(create("r")), "accepted");
  EXPECT_EQ(refusal(create("R")), "EntityAlreadyExists 409 Role with name R already exists.");
  EXPECT_EQ(refusal(run(create_role,
                        input<api::CreateRoleRequest>().RoleName("x").AssumeRolePolicyDocument(
                            "nonsense"))),
            "MalformedPolicyDocument 400 This policy contains invalid Json");
  EXPECT_EQ(refusal(run(get_role_policy,
                        input<api::GetRolePolicyRequest>().RoleName("r").PolicyName("p"))),
            "NoSuchEntity 404 The role policy with name p cannot be found.");
  EXPECT_EQ(
      refusal(run(attach_role_policy, input<api::AttachRolePolicyRequest>().RoleName("r").PolicyArn(
                                          "arn:aws:iam::aws:policy/Nothing"))),
      "NoSuchEntity 404 Policy arn:aws:iam::aws:policy/Nothing does not exist or is not "
      "attachable.");
  EXPECT_EQ(
      refusal(run(attach_role_policy, input<api::AttachRolePolicyRequest>().RoleName("r").PolicyArn(
                                          "something-else-entirely"))),
      "InvalidInput 400 ARN something-else-entirely is not valid.");
  auto twice = input<api::TagRoleRequest>().RoleName("r");
  twice.add_Tags().Key("a").Value("1");
  twice.add_Tags().Key("A").Value("2");
  EXPECT_THAT(refusal(run(tag_role, twice)), StartsWith("InvalidInput 400 Duplicate tag keys"));
}

TEST_F(Iam, ARoleIsDeletedOnceNothingIsOnIt) {
  create("r");
  run(attach_role_policy,
      input<api::AttachRolePolicyRequest>().RoleName("r").PolicyArn(full_access));
  const auto remove = [&] {
    return refusal(run(delete_role, input<api::DeleteRoleRequest>().RoleName("r")));
  };
  EXPECT_EQ(remove(), "DeleteConflict 409 Cannot delete entity, must detach all policies first.");
  const auto attached =
      run(list_attached_role_policies, input<api::ListAttachedRolePoliciesRequest>().RoleName("r"));
  ASSERT_EQ(attached->AttachedPolicies().size(), 1U);
  EXPECT_EQ(attached->AttachedPolicies()[0].PolicyName(), "AmazonSageMakerFullAccess");
  run(detach_role_policy,
      input<api::DetachRolePolicyRequest>().RoleName("r").PolicyArn(full_access));
  EXPECT_EQ(remove(), "accepted");
  EXPECT_EQ(remove(), "NoSuchEntity 404 The role with name r cannot be found.");
}

TEST_F(Iam, ListsComeInPages) {
  for (const char* name : {"c", "a", "b"}) create(name);
  auto request = input<api::ListRolesRequest>().MaxItems(2);
  const auto first = run(list_roles, request);
  ASSERT_EQ(first->Roles().size(), 2U);
  EXPECT_EQ(first->IsTruncated(), true);
  const auto second = run(list_roles, request.Marker(*first->Marker()));
  ASSERT_EQ(second->Roles().size(), 1U);
  EXPECT_EQ(second->Roles()[0].RoleName(), "c");
  EXPECT_EQ(second->IsTruncated(), false);
  EXPECT_FALSE(second->Marker());
  EXPECT_EQ(refusal(run(list_roles, request.Marker("%%%"))), "ValidationError 400 Invalid Marker.");
}

TEST_F(Iam, InlinePoliciesAreKeptAsTheyCame) {
  create("r");
  EXPECT_EQ(
      refusal(run(put_role_policy,
                  input<api::PutRolePolicyRequest>().RoleName("r").PolicyName("p").PolicyDocument(
                      allow_get))),
      "accepted");
  const auto got =
      run(get_role_policy, input<api::GetRolePolicyRequest>().RoleName("r").PolicyName("p"));
  EXPECT_EQ(percent_decode(got->PolicyDocument()), allow_get);
  const auto names = run(list_role_policies, input<api::ListRolePoliciesRequest>().RoleName("r"));
  ASSERT_EQ(names->PolicyNames().size(), 1U);
  EXPECT_EQ(names->PolicyNames()[0], "p");
}

TEST_F(Iam, SimulationDecidesByInlineAttachedAndGivenPoliciesWithinTheBoundary) {
  create("r");
  run(put_role_policy,
      input<api::PutRolePolicyRequest>().RoleName("r").PolicyName("p").PolicyDocument(allow_get));
  run(attach_role_policy,
      input<api::AttachRolePolicyRequest>().RoleName("r").PolicyArn(full_access));
  auto request = input<api::SimulatePrincipalPolicyRequest>().PolicySourceArn(
      "arn:aws:iam::000000000000:role/r");
  request.add_ActionNames("s3:GetObject")
      .add_ActionNames("sagemaker:CreateEndpoint")
      .add_ActionNames("iam:DeleteRole");
  const auto decisions = [&] {
    std::string joined;
    const auto answer = run(simulate_principal_policy, request);
    if (!answer) return refusal(answer);
    for (const auto result : answer->EvaluationResults())
      joined += fmt::format("{}={} ", result.EvalActionName(), result.EvalDecision());
    return joined;
  };
  request.add_ResourceArns("arn:aws:sagemaker:us-east-1:000000000000:endpoint/x");
  EXPECT_EQ(decisions(),
            "s3:GetObject=allowed sagemaker:CreateEndpoint=allowed iam:DeleteRole=implicitDeny ");
  request.add_PolicyInputList(R"({"Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}})");
  EXPECT_THAT(decisions(), StartsWith("s3:GetObject=explicitDeny "));
  request.add_PermissionsBoundaryPolicyInputList(allow_get);
  EXPECT_THAT(decisions(), HasSubstr("sagemaker:CreateEndpoint=implicitDeny"));
  EXPECT_THAT(refusal(run(simulate_principal_policy,
                          request.PolicySourceArn("arn:aws:iam::000000000000:role/none"))),
              StartsWith("NoSuchEntity 404"));
}

TEST_F(Iam, OwnPoliciesAreMadeListedAttachedAndDeleted) {
  const auto made =
      run(create_policy,
          input<api::CreatePolicyRequest>().PolicyName("mine").PolicyDocument(allow_get));
  ASSERT_TRUE(made) << made.error().message;
  const std::string arn(*made->Policy().Arn());
  EXPECT_EQ(arn, "arn:aws:iam::000000000000:policy/mine");
  create("r");
  run(attach_role_policy, input<api::AttachRolePolicyRequest>().RoleName("r").PolicyArn(arn));
  const auto got = run(get_policy, input<api::GetPolicyRequest>().PolicyArn(arn));
  EXPECT_EQ(got->Policy().AttachmentCount(), 1);
  const auto version =
      run(get_policy_version, input<api::GetPolicyVersionRequest>().PolicyArn(arn).VersionId("v1"));
  EXPECT_EQ(percent_decode(*version->PolicyVersion().Document()), allow_get);
  const auto local = run(list_policies, input<api::ListPoliciesRequest>().Scope("Local"));
  EXPECT_EQ(local->Policies().size(), 1U);
  const auto remove = [&] {
    return refusal(run(delete_policy, input<api::DeletePolicyRequest>().PolicyArn(arn)));
  };
  EXPECT_THAT(remove(), StartsWith("DeleteConflict 409"));
  run(detach_role_policy, input<api::DetachRolePolicyRequest>().RoleName("r").PolicyArn(arn));
  EXPECT_EQ(remove(), "accepted");
  EXPECT_THAT(remove(), StartsWith("NoSuchEntity 404"));
}

}  // namespace
}  // namespace slipway::iam
