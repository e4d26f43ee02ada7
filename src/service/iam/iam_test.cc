// IAM as a client sees it: one call after another against a store of their own.
#include "service/iam/iam.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/test_folder.h"
#include "engine/identity/account_uploads.h"
#include "engine/identity/roles.h"
#include "service/errors.h"
#include "service/iam/operations.h"

namespace slipway::iam {
namespace {

namespace op = api::op;
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
    directory_ = identity::Directory::open(*store_, provided_policies()).value();
    install(registry_, *directory_, *store_);
  }

  // Runs an operation as one change, as the registry has it; what it returns lives as long as the
  // test.
  template <typename Op>
  Result<typename Op::Output> run(typename Op::Input input) {
    call_.emplace(context_, caller_, head_, "request", arena_);
    return store_->write([&](store::Transaction& tx) -> Result<typename Op::Output> {
      call_->set_transaction(&tx);
      TRY(const wire::Node node, registry_.find(Op::operation())->handler(*call_, input.node()));
      return typename Op::Output(node, &arena_);
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
    return run<op::CreateRole>(
        input<api::CreateRoleRequest>().RoleName(name).AssumeRolePolicyDocument(trust));
  }
  template <typename Input>
  Input input() {
    return Input(arena_);
  }

  TestFolder folder_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<identity::Directory> directory_;
  service::Registry registry_;
  SystemRandom random_;
  ManualClock clock_;
  wire::Arena arena_;
  service::CallContext context_{clock_, random_};
  service::Caller caller_{{identity::Principal::Kind::root, "000000000000",
                           "arn:aws:iam::000000000000:root", "000000000000"},
                          "AKIA",
                          "us-east-1"};
  net::RequestHead head_{};
  std::optional<service::HttpCall> call_;
};

TEST_F(Iam, ACreatedRoleIsDescribedAsItWasMade) {
  auto request = input<api::CreateRoleRequest>()
                     .RoleName("Worker")
                     .Path("/team/")
                     .Description("does it")
                     .MaxSessionDuration(7200)
                     .AssumeRolePolicyDocument(trust);
  request.add_Tags().Key("a").Value("b");
  const auto made = run<op::CreateRole>(request);
  ASSERT_TRUE(made) << made.error().message;
  const auto got = run<op::GetRole>(input<api::GetRoleRequest>().RoleName("Worker"));
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
  EXPECT_EQ(refusal(run<op::GetRole>(input<api::GetRoleRequest>().RoleName("nobody"))),
            "NoSuchEntity 404 The role with name nobody cannot be found.");
  EXPECT_EQ(refusal(create("r")), "accepted");
  EXPECT_EQ(refusal(create("R")), "EntityAlreadyExists 409 Role with name R already exists.");
  EXPECT_EQ(
      refusal(run<op::CreateRole>(
          input<api::CreateRoleRequest>().RoleName("x").AssumeRolePolicyDocument("nonsense"))),
      "MalformedPolicyDocument 400 This policy contains invalid Json");
  EXPECT_EQ(refusal(run<op::GetRolePolicy>(
                input<api::GetRolePolicyRequest>().RoleName("r").PolicyName("p"))),
            "NoSuchEntity 404 The role policy with name p cannot be found.");
  EXPECT_EQ(refusal(run<op::AttachRolePolicy>(
                input<api::AttachRolePolicyRequest>().RoleName("r").PolicyArn(
                    "arn:aws:iam::aws:policy/Nothing"))),
            "NoSuchEntity 404 Policy arn:aws:iam::aws:policy/Nothing does not exist or is not "
            "attachable.");
  EXPECT_EQ(refusal(run<op::AttachRolePolicy>(
                input<api::AttachRolePolicyRequest>().RoleName("r").PolicyArn(
                    "something-else-entirely"))),
            "ValidationError 400 Invalid ARN:  Could not be parsed!");
  auto twice = input<api::TagRoleRequest>().RoleName("r");
  twice.add_Tags().Key("a").Value("1");
  twice.add_Tags().Key("A").Value("2");
  EXPECT_THAT(refusal(run<op::TagRole>(twice)), StartsWith("InvalidInput 400 Duplicate tag keys"));
}

TEST_F(Iam, ARoleIsDeletedOnceNothingIsOnIt) {
  create("r");
  run<op::AttachRolePolicy>(
      input<api::AttachRolePolicyRequest>().RoleName("r").PolicyArn(full_access));
  const auto remove = [&] {
    return refusal(run<op::DeleteRole>(input<api::DeleteRoleRequest>().RoleName("r")));
  };
  EXPECT_EQ(remove(), "DeleteConflict 409 Cannot delete entity, must detach all policies first.");
  const auto attached = run<op::ListAttachedRolePolicies>(
      input<api::ListAttachedRolePoliciesRequest>().RoleName("r"));
  ASSERT_EQ(attached->AttachedPolicies().size(), 1U);
  EXPECT_EQ(attached->AttachedPolicies()[0].PolicyName(), "AmazonSageMakerFullAccess");
  run<op::DetachRolePolicy>(
      input<api::DetachRolePolicyRequest>().RoleName("r").PolicyArn(full_access));
  EXPECT_EQ(remove(), "accepted");
  EXPECT_EQ(remove(), "NoSuchEntity 404 The role with name r cannot be found.");
}

TEST_F(Iam, ListsComeInPages) {
  for (const char* name : {"c", "a", "b"}) create(name);
  auto request = input<api::ListRolesRequest>().MaxItems(2);
  const auto first = run<op::ListRoles>(request);
  ASSERT_EQ(first->Roles().size(), 2U);
  EXPECT_EQ(first->IsTruncated(), true);
  const auto second = run<op::ListRoles>(request.Marker(*first->Marker()));
  ASSERT_EQ(second->Roles().size(), 1U);
  EXPECT_EQ(second->Roles()[0].RoleName(), "c");
  EXPECT_EQ(second->IsTruncated(), false);
  EXPECT_FALSE(second->Marker());
  for (const char* marker : {"%%%", "100"})
    EXPECT_EQ(refusal(run<op::ListRoles>(request.Marker(marker))),
              "ValidationError 400 Invalid Marker.");
}

TEST_F(Iam, InlinePoliciesAreKeptAsTheyCame) {
  create("r");
  EXPECT_EQ(refusal(run<op::PutRolePolicy>(
                input<api::PutRolePolicyRequest>().RoleName("r").PolicyName("p").PolicyDocument(
                    allow_get))),
            "accepted");
  const auto got =
      run<op::GetRolePolicy>(input<api::GetRolePolicyRequest>().RoleName("r").PolicyName("p"));
  EXPECT_EQ(percent_decode(got->PolicyDocument()), allow_get);
  const auto names = run<op::ListRolePolicies>(input<api::ListRolePoliciesRequest>().RoleName("r"));
  ASSERT_EQ(names->PolicyNames().size(), 1U);
  EXPECT_EQ(names->PolicyNames()[0], "p");
}

TEST_F(Iam, SimulationDecidesByInlineAttachedAndGivenPoliciesWithinTheBoundary) {
  create("r");
  run<op::PutRolePolicy>(
      input<api::PutRolePolicyRequest>().RoleName("r").PolicyName("p").PolicyDocument(allow_get));
  run<op::AttachRolePolicy>(
      input<api::AttachRolePolicyRequest>().RoleName("r").PolicyArn(full_access));
  auto request = input<api::SimulatePrincipalPolicyRequest>().PolicySourceArn(
      "arn:aws:iam::000000000000:role/r");
  request.add_ActionNames("s3:GetObject")
      .add_ActionNames("sagemaker:CreateEndpoint")
      .add_ActionNames("iam:DeleteRole");
  const auto decisions = [&] {
    std::string joined;
    const auto answer = run<op::SimulatePrincipalPolicy>(request);
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
  EXPECT_THAT(refusal(run<op::SimulatePrincipalPolicy>(
                  request.PolicySourceArn("arn:aws:iam::000000000000:role/none"))),
              StartsWith("NoSuchEntity 404"));
}

TEST_F(Iam, OwnPoliciesAreMadeListedAttachedAndDeleted) {
  const auto made = run<op::CreatePolicy>(
      input<api::CreatePolicyRequest>().PolicyName("mine").PolicyDocument(allow_get));
  ASSERT_TRUE(made) << made.error().message;
  const std::string arn(*made->Policy().Arn());
  EXPECT_EQ(arn, "arn:aws:iam::000000000000:policy/mine");
  create("r");
  run<op::AttachRolePolicy>(input<api::AttachRolePolicyRequest>().RoleName("r").PolicyArn(arn));
  const auto got = run<op::GetPolicy>(input<api::GetPolicyRequest>().PolicyArn(arn));
  EXPECT_EQ(got->Policy().AttachmentCount(), 1);
  const auto version = run<op::GetPolicyVersion>(
      input<api::GetPolicyVersionRequest>().PolicyArn(arn).VersionId("v1"));
  EXPECT_EQ(percent_decode(*version->PolicyVersion().Document()), allow_get);
  const auto local = run<op::ListPolicies>(input<api::ListPoliciesRequest>().Scope("Local"));
  EXPECT_EQ(local->Policies().size(), 1U);
  const auto remove = [&] {
    return refusal(run<op::DeletePolicy>(input<api::DeletePolicyRequest>().PolicyArn(arn)));
  };
  EXPECT_THAT(remove(), StartsWith("DeleteConflict 409"));
  run<op::DetachRolePolicy>(input<api::DetachRolePolicyRequest>().RoleName("r").PolicyArn(arn));
  EXPECT_EQ(remove(), "accepted");
  EXPECT_THAT(remove(), StartsWith("NoSuchEntity 404"));
}

// ---- Users --------------------------------------------------------------------------------------

TEST_F(Iam, AUserIsDescribedAsItWasMadeAndFoundAgainUnderItsNewName) {
  auto request = input<api::CreateUserRequest>().UserName("Ann").Path("/team/");
  request.add_Tags().Key("a").Value("b");
  const auto made = run<op::CreateUser>(request);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->User().Arn(), "arn:aws:iam::000000000000:user/team/Ann");
  EXPECT_THAT(std::string(made->User().UserId()), MatchesRegex("AIDA[A-Z2-7]{17}"));
  EXPECT_EQ(refusal(run<op::CreateUser>(input<api::CreateUserRequest>().UserName("ann"))),
            "EntityAlreadyExists 409 User with name ann already exists.");
  EXPECT_EQ(refusal(run<op::UpdateUser>(
                input<api::UpdateUserRequest>().UserName("ann").NewUserName("zoe").NewPath("/"))),
            "accepted");
  EXPECT_EQ(refusal(run<op::GetUser>(input<api::GetUserRequest>().UserName("Ann"))),
            "NoSuchEntity 404 The user with name Ann cannot be found.");
  const auto got = run<op::GetUser>(input<api::GetUserRequest>().UserName("zoe"));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->User().Arn(), "arn:aws:iam::000000000000:user/zoe");
  EXPECT_EQ(got->User().UserId(), made->User().UserId());
  ASSERT_EQ(got->User().Tags().size(), 1U);
}

TEST_F(Iam, AccessKeysAreShownWithTheirSecretOnce) {
  run<op::CreateUser>(input<api::CreateUserRequest>().UserName("ann"));
  const auto create = [&] {
    return run<op::CreateAccessKey>(input<api::CreateAccessKeyRequest>().UserName("ann"));
  };
  const auto key = create();
  ASSERT_TRUE(key) << key.error().message;
  const std::string id(key->AccessKey().AccessKeyId());
  EXPECT_THAT(id, MatchesRegex("AKIA[A-Z2-7]{16}"));
  EXPECT_EQ(directory_->snapshot()->keys.find(id)->secret, key->AccessKey().SecretAccessKey());
  EXPECT_TRUE(create());
  EXPECT_EQ(refusal(create()), "LimitExceeded 409 Cannot exceed quota for AccessKeysPerUser: 2");
  EXPECT_EQ(
      refusal(run<op::UpdateAccessKey>(
          input<api::UpdateAccessKeyRequest>().UserName("ann").AccessKeyId(id).Status("Inactive"))),
      "accepted");
  EXPECT_EQ(directory_->snapshot()->keys.find(id), nullptr);
  EXPECT_EQ(
      refusal(run<op::UpdateAccessKey>(
          input<api::UpdateAccessKeyRequest>().UserName("ann").AccessKeyId(id).Status("Expired"))),
      "InvalidInput 400 The status can be Active or Inactive.");
  const auto listed = run<op::ListAccessKeys>(input<api::ListAccessKeysRequest>().UserName("ann"));
  EXPECT_EQ(listed->AccessKeyMetadata().size(), 2U);
  EXPECT_EQ(refusal(run<op::DeleteUser>(input<api::DeleteUserRequest>().UserName("ann"))),
            "DeleteConflict 409 Cannot delete entity, must delete access keys first.");
  EXPECT_EQ(refusal(run<op::DeleteAccessKey>(
                input<api::DeleteAccessKeyRequest>().UserName("ann").AccessKeyId("AKIANONE"
                                                                                 "AAAAAAAA"))),
            "NoSuchEntity 404 The Access Key with id AKIANONEAAAAAAAA cannot be found.");
  EXPECT_EQ(refusal(run<op::CreateAccessKey>(input<api::CreateAccessKeyRequest>())),
            "ValidationError 400 Must specify userName when calling with non-User credentials");
}

TEST_F(Iam, AGroupHoldsItsMembersUntilTheyLeave) {
  run<op::CreateUser>(input<api::CreateUserRequest>().UserName("ann"));
  const auto group = run<op::CreateGroup>(input<api::CreateGroupRequest>().GroupName("Devs"));
  ASSERT_TRUE(group) << group.error().message;
  EXPECT_EQ(group->Group().Arn(), "arn:aws:iam::000000000000:group/Devs");
  EXPECT_EQ(refusal(run<op::AddUserToGroup>(
                input<api::AddUserToGroupRequest>().GroupName("devs").UserName("ann"))),
            "accepted");
  const auto members = run<op::GetGroup>(input<api::GetGroupRequest>().GroupName("Devs"));
  ASSERT_EQ(members->Users().size(), 1U);
  const auto groups =
      run<op::ListGroupsForUser>(input<api::ListGroupsForUserRequest>().UserName("ann"));
  ASSERT_EQ(groups->Groups().size(), 1U);
  const auto remove = [&] {
    return refusal(run<op::DeleteGroup>(input<api::DeleteGroupRequest>().GroupName("Devs")));
  };
  EXPECT_THAT(remove(), StartsWith("DeleteConflict 409"));
  EXPECT_THAT(refusal(run<op::DeleteUser>(input<api::DeleteUserRequest>().UserName("ann"))),
              StartsWith("DeleteConflict 409"));
  run<op::RemoveUserFromGroup>(
      input<api::RemoveUserFromGroupRequest>().GroupName("Devs").UserName("ann"));
  EXPECT_EQ(remove(), "accepted");
}

TEST_F(Iam, VersionsOfAPolicyAreKeptAndOneIsInForce) {
  const auto made = run<op::CreatePolicy>(
      input<api::CreatePolicyRequest>().PolicyName("mine").PolicyDocument(allow_get));
  const std::string arn(*made->Policy().Arn());
  const auto add = [&](bool is_default) {
    return run<op::CreatePolicyVersion>(input<api::CreatePolicyVersionRequest>()
                                            .PolicyArn(arn)
                                            .PolicyDocument(allow_get)
                                            .SetAsDefault(is_default));
  };
  const auto second = add(true);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->PolicyVersion().VersionId(), "v2");
  EXPECT_EQ(run<op::GetPolicy>(input<api::GetPolicyRequest>().PolicyArn(arn))
                ->Policy()
                .DefaultVersionId(),
            "v2");
  EXPECT_TRUE(add(false) && add(false) && add(false));
  EXPECT_THAT(refusal(add(false)), StartsWith("LimitExceeded 409 A managed policy can have up to"));
  const auto drop = [&](std::string_view version) {
    return refusal(run<op::DeletePolicyVersion>(
        input<api::DeletePolicyVersionRequest>().PolicyArn(arn).VersionId(version)));
  };
  EXPECT_EQ(drop("v2"), "DeleteConflict 409 Cannot delete the default version of a policy.");
  EXPECT_EQ(drop("v1"), "accepted");
  EXPECT_THAT(drop("v1"), StartsWith("NoSuchEntity 404"));
  EXPECT_EQ(refusal(run<op::SetDefaultPolicyVersion>(
                input<api::SetDefaultPolicyVersionRequest>().PolicyArn(arn).VersionId("v5"))),
            "accepted");
  EXPECT_EQ(run<op::ListPolicyVersions>(input<api::ListPolicyVersionsRequest>().PolicyArn(arn))
                ->Versions()
                .size(),
            4U);
  EXPECT_THAT(refusal(run<op::DeletePolicy>(input<api::DeletePolicyRequest>().PolicyArn(arn))),
              StartsWith("DeleteConflict 409"));
}

TEST_F(Iam, ATrustPolicyNamesOnlyWhoIsThereAndShowsWhoIsGoneByItsId) {
  const auto trusting = [](std::string_view arn) {
    return fmt::format(R"({{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":)"
                       R"({{"AWS":"{}"}},"Action":"sts:AssumeRole"}}]}})",
                       arn);
  };
  constexpr std::string_view ann = "arn:aws:iam::000000000000:user/ann";
  const auto create_trusting = [&] {
    return run<op::CreateRole>(
        input<api::CreateRoleRequest>().RoleName("r").AssumeRolePolicyDocument(trusting(ann)));
  };
  EXPECT_EQ(refusal(create_trusting()),
            "MalformedPolicyDocument 400 Invalid principal in policy: "
            "\"AWS\":\"arn:aws:iam::000000000000:user/ann\"");
  const auto made = run<op::CreateUser>(input<api::CreateUserRequest>().UserName("ann"));
  const std::string id(made->User().UserId());
  EXPECT_EQ(refusal(create_trusting()), "accepted");
  const auto shown = [&] {
    return percent_decode(*run<op::GetRole>(input<api::GetRoleRequest>().RoleName("r"))
                               ->Role()
                               .AssumeRolePolicyDocument());
  };
  EXPECT_EQ(shown(), trusting(ann));
  run<op::DeleteUser>(input<api::DeleteUserRequest>().UserName("ann"));
  EXPECT_EQ(shown(), trusting(id));
  run<op::CreateUser>(input<api::CreateUserRequest>().UserName("ann"));
  EXPECT_EQ(shown(), trusting(id));
}

TEST_F(Iam, SimulationOfGivenPoliciesAsksTheResourcesPolicyToo) {
  auto request = input<api::SimulateCustomPolicyRequest>().add_PolicyInputList(allow_get);
  request.add_ActionNames("s3:GetObject").add_ActionNames("s3:PutObject");
  request.add_ResourceArns("arn:aws:s3:::b/k");
  const auto decisions = [&] {
    std::string joined;
    const auto answer = run<op::SimulateCustomPolicy>(request);
    if (!answer) return refusal(answer);
    for (const auto result : answer->EvaluationResults())
      joined += fmt::format("{} ", result.EvalDecision());
    return joined;
  };
  EXPECT_EQ(decisions(), "allowed implicitDeny ");
  request.CallerArn("arn:aws:iam::000000000000:user/ann")
      .ResourcePolicy(
          R"({"Statement":[{"Effect":"Allow","Principal":{"AWS":)"
          R"("arn:aws:iam::000000000000:user/ann"},"Action":"s3:PutObject","Resource":"*"},)"
          R"({"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"*"}]})");
  EXPECT_EQ(decisions(), "explicitDeny allowed ");
  request.ResourceHandlingOption("EC2-VPC-InstanceStore");
  EXPECT_THAT(decisions(), testing::HasSubstr("NotImplemented"));
}

// Twenty of them may have two megabytes each.
TEST_F(Iam, CertificatesAreListedWithoutWhatWasUploaded) {
  ASSERT_TRUE(store_->write([&](store::Transaction& tx) -> Result<> {
    const identity::ServerCertificate certificate{
        .account = "000000000000", .name = "one", .id = "ASCA1", .body = "body", .chain = "chain"};
    TRY_DO(identity::create_server_certificate(tx, certificate, {}));
    const auto page = identity::list_server_certificates(tx, certificate.account,
                                                         {.path_prefix = "/", .items_max = 1});
    EXPECT_EQ(page.items.at(0).id, "ASCA1");
    EXPECT_EQ(page.items.at(0).body + page.items.at(0).chain, "");
    return {};
  }));
}

TEST_F(Iam, TagKeysOfUploadsCountTheirCase) {
  auto create = input<api::CreateSAMLProviderRequest>().Name("idp").SAMLMetadataDocument(
      R"(<EntityDescriptor entityID="i"><IDPSSODescriptor><KeyDescriptor/></IDPSSODescriptor>)"
      "</EntityDescriptor>");
  create.add_Tags().Key("k").Value("v");
  create.add_Tags().Key("K").Value("w");
  EXPECT_EQ(refusal(run<op::CreateSAMLProvider>(create)), "accepted");
  auto device = input<api::CreateVirtualMFADeviceRequest>().VirtualMFADeviceName("phone");
  device.add_Tags().Key("k").Value("v");
  device.add_Tags().Key("K").Value("w");
  EXPECT_EQ(refusal(run<op::CreateVirtualMFADevice>(device)), "accepted");
  auto more = input<api::TagMFADeviceRequest>().SerialNumber("arn:aws:iam::000000000000:mfa/phone");
  more.add_Tags().Key("l").Value("v");
  more.add_Tags().Key("L").Value("w");
  EXPECT_EQ(refusal(run<op::TagMFADevice>(more)), "accepted");
}

// Keys of devices count their case, those of roles do not.
TEST_F(Iam, TagKeysOfAwsAreNotGiven) {
  const std::string refused =
      "InvalidInput 400 aws: prefixed tag key names are not allowed for external use.";
  auto device = input<api::CreateVirtualMFADeviceRequest>().VirtualMFADeviceName("phone");
  device.add_Tags().Key("aws:k").Value("v");
  EXPECT_EQ(refusal(run<op::CreateVirtualMFADevice>(device)), refused);
  auto role = input<api::TagRoleRequest>().RoleName("any");
  role.add_Tags().Key("AWS:k").Value("v");
  EXPECT_EQ(refusal(run<op::TagRole>(role)), refused);
}

// Metadata has megabytes and chains have large keys: neither is read while all changes wait.
TEST_F(Iam, UploadsAreReadAheadOfTheirChange) {
  const std::string metadata =
      R"(<EntityDescriptor entityID="i"><IDPSSODescriptor><KeyDescriptor/></IDPSSODescriptor>)"
      "</EntityDescriptor>";
  const auto create =
      input<api::CreateSAMLProviderRequest>().Name("idp").SAMLMetadataDocument(metadata);
  const service::Entry& entry = *registry_.find(op::CreateSAMLProvider::operation());
  call_.emplace(context_, caller_, head_, "request", arena_);
  const std::any ahead = entry.prepare(*call_, create.node());
  const auto* const end = std::any_cast<Result<Timestamp>>(&ahead);
  ASSERT_TRUE(end != nullptr && *end);
  EXPECT_EQ(**end, clock_.now() + std::chrono::years(100));

  const auto update = input<api::UpdateSAMLProviderRequest>().SAMLMetadataDocument("<x/>");
  const std::any broken =
      registry_.find(op::UpdateSAMLProvider::operation())->prepare(*call_, update.node());
  EXPECT_EQ(std::any_cast<Result<Timestamp>>(broken).error().kind, "InvalidInput");
  const auto upload =
      input<api::UploadServerCertificateRequest>().CertificateBody("x").PrivateKey("x");
  const std::any malformed =
      registry_.find(op::UploadServerCertificate::operation())->prepare(*call_, upload.node());
  EXPECT_EQ(std::any_cast<Result<Timestamp>>(malformed).error().kind, "malformed_certificate");

  // The change takes what was read.
  call_->leave(Result<Timestamp>(service::refuse("InvalidInput", "read ahead")));
  const auto made = store_->write([&](store::Transaction& tx) -> Result<wire::Node> {
    call_->set_transaction(&tx);
    return entry.handler(*call_, create.node());
  });
  EXPECT_EQ(made.error().message, "read ahead");
}

}  // namespace
}  // namespace slipway::iam
