// Who may do what with users, groups, roles and policies:
// docs.aws.amazon.com/service-authorization, list_awsidentityandaccessmanagementiam. AWS names in a
// refusal what the request named ("role NAME"), though policies speak of its ARN.
#include "service/permissions.h"

#include <fmt/format.h>

#include "base/text.h"
#include "engine/identity/account.h"
#include "engine/identity/account_uploads.h"
#include "engine/identity/owners.h"
#include "gen/iam.h"
#include "service/iam/iam.h"
#include "service/iam/provider.h"
#include "service/join_needs.h"

namespace slipway::iam {
namespace {

using identity::Party;
using service::Call;
using service::Context;
using service::Need;
using service::Question;
using Arity = service::KeyOfMember::Arity;

constexpr std::string_view role = "{role}";
constexpr std::string_view user = "{user}";
constexpr std::string_view group = "{group}";
constexpr std::string_view policy = "{PolicyArn}";
constexpr std::string_view new_role = "arn:aws:iam::{account}:role{path}{RoleName}";
constexpr std::string_view new_user = "arn:aws:iam::{account}:user{path}{UserName}";
constexpr std::string_view new_group = "arn:aws:iam::{account}:group{path}{GroupName}";
constexpr std::string_view new_policy = "arn:aws:iam::{account}:policy{path}{PolicyName}";

constexpr std::string_view the_role = "role {RoleName}";
constexpr std::string_view the_user = "user {user name}";
constexpr std::string_view the_group = "group {GroupName}";
constexpr std::string_view the_policy = "policy {PolicyArn}";

constexpr std::string_view profile = "{profile}";
constexpr std::string_view provider = "{OpenIDConnectProviderArn}";
constexpr std::string_view new_profile =
    "arn:aws:iam::{account}:instance-profile{path}{InstanceProfileName}";
constexpr std::string_view the_profile = "instance profile {InstanceProfileName}";

constexpr std::string_view certificate = "{certificate}";
constexpr std::string_view new_certificate =
    "arn:aws:iam::{account}:server-certificate{path}{ServerCertificateName}";
constexpr std::string_view device = "{SerialNumber}";
constexpr std::string_view new_device = "arn:aws:iam::{account}:mfa{path}{VirtualMFADeviceName}";
constexpr std::string_view saml_provider = "{SAMLProviderArn}";
constexpr std::string_view new_saml_provider = "arn:aws:iam::{account}:saml-provider/{Name}";

constexpr Need role_needs[] = {
    {"CreateRole", "iam:CreateRole", new_role},
    {"CreateServiceLinkedRole", "iam:CreateServiceLinkedRole",
     "arn:aws:iam::{account}:role/aws-service-role/{AWSServiceName}/*"},
    Need{"DeleteServiceLinkedRole", "iam:DeleteServiceLinkedRole", role}.shown_as(the_role),
    {"GetServiceLinkedRoleDeletionStatus", "iam:GetServiceLinkedRoleDeletionStatus",
     "{role of task}"},
    Need{"CreateRole", "iam:TagRole", new_role}.where("Tags"),
    Need{"GetRole", "iam:GetRole", role}.shown_as(the_role),
    Need{"ListRoles", "iam:ListRoles"}.shown_as("arn:aws:iam::{account}:role/"),
    Need{"DeleteRole", "iam:DeleteRole", role}.shown_as(the_role),
    Need{"UpdateRole", "iam:UpdateRole", role}.shown_as(the_role),
    Need{"UpdateRoleDescription", "iam:UpdateRoleDescription", role}.shown_as(the_role),
    Need{"UpdateAssumeRolePolicy", "iam:UpdateAssumeRolePolicy", role}.shown_as(the_role),
    Need{"PutRolePolicy", "iam:PutRolePolicy", role}.shown_as(the_role),
    Need{"GetRolePolicy", "iam:GetRolePolicy", role}.shown_as(the_role),
    Need{"ListRolePolicies", "iam:ListRolePolicies", role}.shown_as(the_role),
    Need{"DeleteRolePolicy", "iam:DeleteRolePolicy", role}.shown_as(the_role),
    Need{"AttachRolePolicy", "iam:AttachRolePolicy", role}.shown_as(the_role),
    Need{"DetachRolePolicy", "iam:DetachRolePolicy", role}.shown_as(the_role),
    Need{"ListAttachedRolePolicies", "iam:ListAttachedRolePolicies", role}.shown_as(the_role),
    Need{"TagRole", "iam:TagRole", role}.shown_as(the_role),
    Need{"UntagRole", "iam:UntagRole", role}.shown_as(the_role),
    Need{"ListRoleTags", "iam:ListRoleTags", role}.shown_as(the_role),
    Need{"ListInstanceProfilesForRole", "iam:ListInstanceProfilesForRole", role}.shown_as(the_role),
    Need{"PutRolePermissionsBoundary", "iam:PutRolePermissionsBoundary", role}.shown_as(the_role),
    Need{"DeleteRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary", role}.shown_as(
        the_role),
};

constexpr Need user_needs[] = {
    {"CreateUser", "iam:CreateUser", new_user},
    Need{"CreateUser", "iam:TagUser", new_user}.where("Tags"),
    Need{"GetUser", "iam:GetUser", user}.shown_as(the_user),
    Need{"ListUsers", "iam:ListUsers"}.shown_as("arn:aws:iam::{account}:user/"),
    Need{"UpdateUser", "iam:UpdateUser", user}.shown_as(the_user),
    Need{"UpdateUser", "iam:UpdateUser", "{renamed user}"}.where("renamed user"),
    Need{"DeleteUser", "iam:DeleteUser", user}.shown_as(the_user),
    Need{"CreateAccessKey", "iam:CreateAccessKey", user}.shown_as(the_user),
    Need{"ListAccessKeys", "iam:ListAccessKeys", user}.shown_as(the_user),
    Need{"UpdateAccessKey", "iam:UpdateAccessKey", user}.shown_as(the_user),
    Need{"DeleteAccessKey", "iam:DeleteAccessKey", user}.shown_as(the_user),
    Need{"GetAccessKeyLastUsed", "iam:GetAccessKeyLastUsed", "{owner of key}"}.shown_as(
        "access key {AccessKeyId}"),
    Need{"GetMFADevice", "iam:GetMFADevice", user}.shown_as(the_user),
    Need{"EnableMFADevice", "iam:EnableMFADevice", user}.shown_as(the_user),
    Need{"ResyncMFADevice", "iam:ResyncMFADevice", user}.shown_as(the_user),
    Need{"DeactivateMFADevice", "iam:DeactivateMFADevice", user}.shown_as(the_user),
    Need{"ListMFADevices", "iam:ListMFADevices", user}.shown_as(the_user),
    Need{"UploadSSHPublicKey", "iam:UploadSSHPublicKey", user}.shown_as(the_user),
    Need{"GetSSHPublicKey", "iam:GetSSHPublicKey", user}.shown_as(the_user),
    Need{"UpdateSSHPublicKey", "iam:UpdateSSHPublicKey", user}.shown_as(the_user),
    Need{"DeleteSSHPublicKey", "iam:DeleteSSHPublicKey", user}.shown_as(the_user),
    Need{"UploadSigningCertificate", "iam:UploadSigningCertificate", user}.shown_as(the_user),
    Need{"UpdateSigningCertificate", "iam:UpdateSigningCertificate", user}.shown_as(the_user),
    Need{"DeleteSigningCertificate", "iam:DeleteSigningCertificate", user}.shown_as(the_user),
    Need{"ListSSHPublicKeys", "iam:ListSSHPublicKeys", user}.shown_as(the_user),
    Need{"ListSigningCertificates", "iam:ListSigningCertificates", user}.shown_as(the_user),
    Need{"CreateServiceSpecificCredential", "iam:CreateServiceSpecificCredential", user}.shown_as(
        the_user),
    Need{"UpdateServiceSpecificCredential", "iam:UpdateServiceSpecificCredential", user}.shown_as(
        the_user),
    Need{"ResetServiceSpecificCredential", "iam:ResetServiceSpecificCredential", user}.shown_as(
        the_user),
    Need{"DeleteServiceSpecificCredential", "iam:DeleteServiceSpecificCredential", user}.shown_as(
        the_user),
    Need{"ListServiceSpecificCredentials", "iam:ListServiceSpecificCredentials", user}
        .shown_as(the_user)
        .where("!all users"),
    Need{"ListServiceSpecificCredentials", "iam:ListServiceSpecificCredentials",
         "arn:aws:iam::{account}:user/*"}
        .where("all users"),
    Need{"CreateLoginProfile", "iam:CreateLoginProfile", user}.shown_as(the_user),
    Need{"UpdateLoginProfile", "iam:UpdateLoginProfile", user}.shown_as(the_user),
    Need{"ChangePassword", "iam:ChangePassword", user}.shown_as(the_user),
    Need{"GetLoginProfile", "iam:GetLoginProfile", user}.shown_as(the_user),
    Need{"DeleteLoginProfile", "iam:DeleteLoginProfile", user}.shown_as(the_user),
    Need{"PutUserPolicy", "iam:PutUserPolicy", user}.shown_as(the_user),
    Need{"GetUserPolicy", "iam:GetUserPolicy", user}.shown_as(the_user),
    Need{"ListUserPolicies", "iam:ListUserPolicies", user}.shown_as(the_user),
    Need{"DeleteUserPolicy", "iam:DeleteUserPolicy", user}.shown_as(the_user),
    Need{"AttachUserPolicy", "iam:AttachUserPolicy", user}.shown_as(the_user),
    Need{"DetachUserPolicy", "iam:DetachUserPolicy", user}.shown_as(the_user),
    Need{"ListAttachedUserPolicies", "iam:ListAttachedUserPolicies", user}.shown_as(the_user),
    Need{"TagUser", "iam:TagUser", user}.shown_as(the_user),
    Need{"UntagUser", "iam:UntagUser", user}.shown_as(the_user),
    Need{"ListUserTags", "iam:ListUserTags", user}.shown_as(the_user),
    Need{"ListGroupsForUser", "iam:ListGroupsForUser", user}.shown_as(the_user),
    Need{"PutUserPermissionsBoundary", "iam:PutUserPermissionsBoundary", user}.shown_as(the_user),
    Need{"DeleteUserPermissionsBoundary", "iam:DeleteUserPermissionsBoundary", user}.shown_as(
        the_user),
};

constexpr Need group_needs[] = {
    {"CreateGroup", "iam:CreateGroup", new_group},
    Need{"GetGroup", "iam:GetGroup", group}.shown_as(the_group),
    Need{"ListGroups", "iam:ListGroups"}.shown_as("arn:aws:iam::{account}:group/"),
    Need{"UpdateGroup", "iam:UpdateGroup", group}.shown_as(the_group),
    Need{"UpdateGroup", "iam:UpdateGroup", "{renamed group}"}.where("renamed group"),
    Need{"DeleteGroup", "iam:DeleteGroup", group}.shown_as(the_group),
    Need{"AddUserToGroup", "iam:AddUserToGroup", group}.shown_as(the_group),
    Need{"RemoveUserFromGroup", "iam:RemoveUserFromGroup", group}.shown_as(the_group),
    Need{"PutGroupPolicy", "iam:PutGroupPolicy", group}.shown_as(the_group),
    Need{"GetGroupPolicy", "iam:GetGroupPolicy", group}.shown_as(the_group),
    Need{"ListGroupPolicies", "iam:ListGroupPolicies", group}.shown_as(the_group),
    Need{"DeleteGroupPolicy", "iam:DeleteGroupPolicy", group}.shown_as(the_group),
    Need{"AttachGroupPolicy", "iam:AttachGroupPolicy", group}.shown_as(the_group),
    Need{"DetachGroupPolicy", "iam:DetachGroupPolicy", group}.shown_as(the_group),
    Need{"ListAttachedGroupPolicies", "iam:ListAttachedGroupPolicies", group}.shown_as(the_group),
};

constexpr Need policy_needs[] = {
    Need{"CreatePolicy", "iam:CreatePolicy", new_policy}.shown_as("policy {PolicyName}"),
    Need{"CreatePolicy", "iam:TagPolicy", new_policy}.where("Tags"),
    Need{"GetPolicy", "iam:GetPolicy", policy}.shown_as(the_policy),
    Need{"ListPolicies", "iam:ListPolicies"}.shown_as("policy path /"),
    Need{"DeletePolicy", "iam:DeletePolicy", policy}.shown_as(the_policy),
    Need{"CreatePolicyVersion", "iam:CreatePolicyVersion", policy}.shown_as(the_policy),
    Need{"GetPolicyVersion", "iam:GetPolicyVersion", policy}.shown_as(the_policy),
    Need{"ListPolicyVersions", "iam:ListPolicyVersions", policy}.shown_as(the_policy),
    Need{"DeletePolicyVersion", "iam:DeletePolicyVersion", policy}.shown_as(the_policy),
    Need{"SetDefaultPolicyVersion", "iam:SetDefaultPolicyVersion", policy}.shown_as(the_policy),
    Need{"ListEntitiesForPolicy", "iam:ListEntitiesForPolicy", policy}.shown_as(the_policy),
    Need{"TagPolicy", "iam:TagPolicy", policy}.shown_as(the_policy),
    Need{"UntagPolicy", "iam:UntagPolicy", policy}.shown_as(the_policy),
    Need{"ListPolicyTags", "iam:ListPolicyTags", policy}.shown_as(the_policy),
};

constexpr Need other_needs[] = {
    {"SimulatePrincipalPolicy", "iam:SimulatePrincipalPolicy", "{PolicySourceArn}"},
    {"SimulateCustomPolicy", "iam:SimulateCustomPolicy"},
    {"GetContextKeysForCustomPolicy", "iam:GetContextKeysForCustomPolicy"},
    {"GetContextKeysForPrincipalPolicy", "iam:GetContextKeysForPrincipalPolicy",
     "{PolicySourceArn}"},
    {"GetAccountSummary", "iam:GetAccountSummary"},
    {"UpdateAccountPasswordPolicy", "iam:UpdateAccountPasswordPolicy"},
    {"GetAccountPasswordPolicy", "iam:GetAccountPasswordPolicy"},
    {"DeleteAccountPasswordPolicy", "iam:DeleteAccountPasswordPolicy"},
    {"CreateVirtualMFADevice", "iam:CreateVirtualMFADevice", new_device},
    Need{"CreateVirtualMFADevice", "iam:TagMFADevice", new_device}.where("Tags"),
    {"DeleteVirtualMFADevice", "iam:DeleteVirtualMFADevice", device},
    {"ListVirtualMFADevices", "iam:ListVirtualMFADevices"},
    {"TagMFADevice", "iam:TagMFADevice", device},
    {"UntagMFADevice", "iam:UntagMFADevice", device},
    {"ListMFADeviceTags", "iam:ListMFADeviceTags", device},
    {"GenerateCredentialReport", "iam:GenerateCredentialReport"},
    {"GetCredentialReport", "iam:GetCredentialReport"},
};

constexpr Need upload_needs[] = {
    {"UploadServerCertificate", "iam:UploadServerCertificate", new_certificate},
    Need{"UploadServerCertificate", "iam:TagServerCertificate", new_certificate}.where("Tags"),
    {"GetServerCertificate", "iam:GetServerCertificate", certificate},
    {"ListServerCertificates", "iam:ListServerCertificates"},
    {"UpdateServerCertificate", "iam:UpdateServerCertificate", certificate},
    Need{"UpdateServerCertificate", "iam:UpdateServerCertificate", "{renamed certificate}"}.where(
        "renamed certificate"),
    {"DeleteServerCertificate", "iam:DeleteServerCertificate", certificate},
    {"TagServerCertificate", "iam:TagServerCertificate", certificate},
    {"UntagServerCertificate", "iam:UntagServerCertificate", certificate},
    {"ListServerCertificateTags", "iam:ListServerCertificateTags", certificate},
    {"CreateSAMLProvider", "iam:CreateSAMLProvider", new_saml_provider},
    Need{"CreateSAMLProvider", "iam:TagSAMLProvider", new_saml_provider}.where("Tags"),
    {"GetSAMLProvider", "iam:GetSAMLProvider", saml_provider},
    {"ListSAMLProviders", "iam:ListSAMLProviders"},
    {"UpdateSAMLProvider", "iam:UpdateSAMLProvider", saml_provider},
    {"DeleteSAMLProvider", "iam:DeleteSAMLProvider", saml_provider},
    {"TagSAMLProvider", "iam:TagSAMLProvider", saml_provider},
    {"UntagSAMLProvider", "iam:UntagSAMLProvider", saml_provider},
    {"ListSAMLProviderTags", "iam:ListSAMLProviderTags", saml_provider},
};

constexpr Need kept_needs[] = {
    {"CreateInstanceProfile", "iam:CreateInstanceProfile", new_profile},
    Need{"CreateInstanceProfile", "iam:TagInstanceProfile", new_profile}.where("Tags"),
    Need{"GetInstanceProfile", "iam:GetInstanceProfile", profile}.shown_as(the_profile),
    Need{"ListInstanceProfiles", "iam:ListInstanceProfiles"}.shown_as(
        "arn:aws:iam::{account}:instance-profile/"),
    Need{"DeleteInstanceProfile", "iam:DeleteInstanceProfile", profile}.shown_as(the_profile),
    Need{"AddRoleToInstanceProfile", "iam:AddRoleToInstanceProfile", profile}.shown_as(the_profile),
    Need{"AddRoleToInstanceProfile", "iam:PassRole", role}.adding(
        {"iam:PassedToService", "ec2.amazonaws.com"}),
    Need{"RemoveRoleFromInstanceProfile", "iam:RemoveRoleFromInstanceProfile", profile}.shown_as(
        the_profile),
    Need{"TagInstanceProfile", "iam:TagInstanceProfile", profile}.shown_as(the_profile),
    Need{"UntagInstanceProfile", "iam:UntagInstanceProfile", profile}.shown_as(the_profile),
    Need{"ListInstanceProfileTags", "iam:ListInstanceProfileTags", profile}.shown_as(the_profile),
    {"CreateOpenIDConnectProvider", "iam:CreateOpenIDConnectProvider", "{new provider}"},
    Need{"CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider", "{new provider}"}.where(
        "Tags"),
    {"GetOpenIDConnectProvider", "iam:GetOpenIDConnectProvider", provider},
    Need{"ListOpenIDConnectProviders", "iam:ListOpenIDConnectProviders"}.shown_as(
        "arn:aws:iam::{account}:oidc-provider/"),
    {"DeleteOpenIDConnectProvider", "iam:DeleteOpenIDConnectProvider", provider},
    {"AddClientIDToOpenIDConnectProvider", "iam:AddClientIDToOpenIDConnectProvider", provider},
    {"RemoveClientIDFromOpenIDConnectProvider", "iam:RemoveClientIDFromOpenIDConnectProvider",
     provider},
    {"UpdateOpenIDConnectProviderThumbprint", "iam:UpdateOpenIDConnectProviderThumbprint",
     provider},
    {"TagOpenIDConnectProvider", "iam:TagOpenIDConnectProvider", provider},
    {"UntagOpenIDConnectProvider", "iam:UntagOpenIDConnectProvider", provider},
    {"ListOpenIDConnectProviderTags", "iam:ListOpenIDConnectProviderTags", provider},
    {"CreateAccountAlias", "iam:CreateAccountAlias"},
    {"DeleteAccountAlias", "iam:DeleteAccountAlias"},
    {"ListAccountAliases", "iam:ListAccountAliases"},
    {"GetAccountAuthorizationDetails", "iam:GetAccountAuthorizationDetails"},
};

constexpr auto needs = service::join_needs(role_needs, user_needs, group_needs, policy_needs,
                                           other_needs, kept_needs, upload_needs);

constexpr service::KeyOfMember keys[] = {
    {"aws:RequestTag/", "Tags"},
    {"aws:TagKeys", "Tags", Arity::many},
    {"aws:TagKeys", "TagKeys", Arity::many},
    {"iam:PolicyARN", "PolicyArn"},
    {"iam:AWSServiceName", "AWSServiceName"},
};

std::string arn_of(const Question& question, std::string_view kind, std::string_view path,
                   std::string_view name) {
  return fmt::format("arn:aws:iam::{}:{}{}{}", question.call().account(), kind, path, name);
}

// As it is called by those that there are: IAM knows names whatever their case.
std::string party(const identity::Directory& directory, const Question& question,
                  std::string_view kind, std::string_view name) {
  const auto found = directory.snapshot()->parties.find(
      to_lower(fmt::format("{}/{}/{}", question.call().account(), kind, name)));
  return found ? found->arn : arn_of(question, kind, "/", name);
}

// Who names no user means himself.
std::string user_name(const Question& question) {
  std::string name = question.text("UserName");
  const auto& principal = question.call().caller().principal;
  if (name.empty() && principal.party && principal.party->kind == Party::Kind::user)
    name = principal.party->name;
  return name;
}

// The ARN that what is called `now` gets by another name, another path, or both.
std::string renamed(const Question& question, std::string_view kind, const std::string& now) {
  std::string name = question.text("NewUserName");
  if (name.empty()) name = question.text("NewGroupName");
  if (name.empty()) name = question.text("NewServerCertificateName");
  const std::string path = question.text("NewPath");
  if (name.empty() && path.empty()) return {};
  const std::size_t begin = now.find('/');
  const std::size_t end = now.rfind('/') + 1;
  return arn_of(question, kind, path.empty() ? now.substr(begin, end - begin) : path,
                name.empty() ? now.substr(end) : name);
}

// As it lies where it is, and at the top where it is not.
std::string profile_arn(const Question& question) {
  const std::string name = question.text("InstanceProfileName");
  Call& call = question.call();
  const auto found = identity::find_instance_profile(call.tx(), call.account(), name);
  return arn_of(question, "instance-profile", found ? found->path : "/",
                found ? found->name : name);
}

// The same of a server's certificate.
std::string certificate_arn(const Question& question) {
  const std::string name = question.text("ServerCertificateName");
  Call& call = question.call();
  const auto found = identity::find_server_certificate(call.tx(), call.account(), name);
  return arn_of(question, "server-certificate", found ? found->path : "/",
                found ? found->name : name);
}

// By the name that it is to get; a URL that gives none is refused by the handler, whoever asks.
std::string new_provider_arn(const Question& question) {
  const std::string url = question.text("Url");
  return arn_of(question, "oidc-provider", "/", provider_name(url).value_or(url));
}

// "task/aws-service-role/SERVICE/NAME/UUID"
std::string role_of_task(const Question& question) {
  const std::string task = question.text("DeletionTaskId");
  const std::size_t begin = task.find('/');
  const std::size_t end = task.rfind('/');
  if (begin == task.npos || begin == end) return arn_of(question, "role", "/", task);
  return arn_of(question, "role", "", task.substr(begin, end - begin));
}

std::string owner_of_key(const identity::Directory& directory, const Question& question) {
  const auto key = directory.snapshot()->keys.find(question.text("AccessKeyId"));
  return key ? key->principal.name : arn_of(question, "user", "/", "*");
}

std::optional<std::vector<std::string>> word(const identity::Directory& directory,
                                             const Question& question, std::string_view word) {
  using Texts = std::vector<std::string>;
  if (word == "role") return Texts{party(directory, question, "role", question.text("RoleName"))};
  if (word == "user") return Texts{party(directory, question, "user", user_name(question))};
  if (word == "group")
    return Texts{party(directory, question, "group", question.text("GroupName"))};
  if (word == "user name") return Texts{user_name(question)};
  if (word == "all users") return Texts{question.text("AllUsers") == "true" ? "all" : ""};
  for (const auto& [of_kind, kind, member] : {std::tuple("renamed user", "user", "UserName"),
                                              std::tuple("renamed group", "group", "GroupName")})
    if (word == of_kind)
      return Texts{
          renamed(question, kind, party(directory, question, kind, question.text(member)))};
  if (word == "certificate") return Texts{certificate_arn(question)};
  if (word == "renamed certificate")
    return Texts{renamed(question, "server-certificate", certificate_arn(question))};
  if (word == "profile") return Texts{profile_arn(question)};
  if (word == "new provider") return Texts{new_provider_arn(question)};
  if (word == "role of task") return Texts{role_of_task(question)};
  if (word == "owner of key") return Texts{owner_of_key(directory, question)};
  if (word != "path") return std::nullopt;
  std::string path = question.text("Path");
  return Texts{path.empty() ? "/" : std::move(path)};
}

void add(Context& out, std::string key, std::string value) {
  out.push_back({std::move(key), {std::move(value)}});
}

// Of what is no party and has tags. A name is all that stands behind the last slash, or, where it
// can have slashes itself, behind the first.
void add_tag_keys(const Question& question, std::string_view resource, Context& out) {
  using Kind = identity::Owner::Kind;
  Call& call = question.call();
  for (const Kind kind : {Kind::instance_profile, Kind::provider, Kind::server_certificate,
                          Kind::saml_provider, Kind::mfa_device}) {
    if (resource.substr(0, resource.find('/')) != identity::name_of(kind)) continue;
    const bool has_slashes = kind == Kind::provider || kind == Kind::mfa_device;
    const std::size_t begin = has_slashes ? resource.find('/') : resource.rfind('/');
    const identity::Owner owner{kind, call.account(), resource.substr(begin + 1)};
    if (const auto kept = identity::list_tags(call.tx(), owner, {}))
      for (const auto& [key, value] : kept->items) add(out, "aws:ResourceTag/" + key, value);
  }
}

// Of the user or role that there is, or is to be: its tags and its boundary.
void add_keys(const identity::Directory& directory, const Question& question, std::string_view arn,
              Context& out) {
  std::string boundary = question.text("PermissionsBoundary");
  const std::string_view resource = arn.substr(arn.rfind(':') + 1);
  const auto found = directory.snapshot()->parties.find(to_lower(
      fmt::format("{}/{}/{}", question.call().account(), resource.substr(0, resource.find('/')),
                  resource.substr(resource.rfind('/') + 1))));
  if (found) {
    for (const auto& [key, value] : found->tags) {
      add(out, "aws:ResourceTag/" + key, value);
      add(out, "iam:ResourceTag/" + key, value);
    }
    if (boundary.empty()) boundary = found->boundary.value_or("");
  }
  if (!boundary.empty()) add(out, "iam:PermissionsBoundary", boundary);
  add_tag_keys(question, resource, out);
}

}  // namespace

service::Permissions permissions(const identity::Directory& directory) {
  return {.schema = aws::iam::schema(),
          .needs = needs,
          .keys = keys,
          .word = [&directory](const Question& question,
                               std::string_view name) { return word(directory, question, name); },
          .add_keys = [&directory](const Question& question, std::string_view arn,
                                   Context& out) { add_keys(directory, question, arn, out); }};
}

}  // namespace slipway::iam
