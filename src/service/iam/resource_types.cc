#include "service/iam/resource_types.h"

#include "gen/iam.h"

namespace slipway::iam {
namespace {

namespace api = aws::iam;
namespace forms = service::forms;
using service::Items;
using service::Property;
using service::PropertyPlace;
using service::ResourceType;
using Use = service::Property::Use;

constexpr service::Absence no_entity{"NoSuchEntity"};
constexpr service::Paging pages{"Marker", "Marker"};

constexpr PropertyPlace tags[] = {{"Tags"}};
constexpr PropertyPlace tag_keys[] = {{"TagKeys"}};

// What roles and users have alike: policies that are attached, and policies of their own.
constexpr PropertyPlace attached[] = {{"item", "PolicyArn"}};
constexpr PropertyPlace attached_shown[] = {{"item", "AttachedPolicies.PolicyArn"}};
constexpr PropertyPlace own_policy[] = {
    {"item.PolicyName", "PolicyName"}, {"item.PolicyDocument", "PolicyDocument", &forms::document}};
constexpr PropertyPlace own_policy_name[] = {{"item.PolicyName", "PolicyName"}};
constexpr PropertyPlace own_policy_names[] = {{"item", "PolicyNames"}};

// --- AWS::IAM::Role ---

constexpr Property role_properties[] = {
    {"RoleName", Use::create_only},
    {"Path", Use::create_only},
    {"AssumeRolePolicyDocument", Use::settable, forms::document},
    {"Description", Use::settable, forms::same, R"("")"},
    {"MaxSessionDuration", Use::settable, forms::same, "3600"},
    {"PermissionsBoundary"},
    {"ManagedPolicyArns"},
    {"Policies"},
    {"Tags"},
    {"Arn", Use::attribute},
    {"RoleId", Use::attribute},
};
constexpr PropertyPlace role_given[] = {{"RoleName"},
                                        {"Path"},
                                        {"AssumeRolePolicyDocument"},
                                        {"Description"},
                                        {"MaxSessionDuration"},
                                        {"PermissionsBoundary"},
                                        {"Tags"}};
constexpr PropertyPlace role_shown[] = {
    {"RoleName", "Role.RoleName"},
    {"Path", "Role.Path"},
    {"AssumeRolePolicyDocument", "Role.AssumeRolePolicyDocument"},
    {"Description", "Role.Description"},
    {"MaxSessionDuration", "Role.MaxSessionDuration"},
    {"PermissionsBoundary", "Role.PermissionsBoundary.PermissionsBoundaryArn"},
    {"Arn", "Role.Arn"},
    {"RoleId", "Role.RoleId"},
};
constexpr service::Reading role_readings[] = {
    {.step = {.operation = "GetRole", .id = "RoleName", .places = role_shown}}};
constexpr PropertyPlace trust_policy[] = {{"AssumeRolePolicyDocument", "PolicyDocument"}};
constexpr PropertyPlace role_settings[] = {{"Description"}, {"MaxSessionDuration"}};
constexpr PropertyPlace boundary[] = {{"PermissionsBoundary"}};
constexpr service::Update role_updates[] = {
    {.write = {.operation = "UpdateAssumeRolePolicy", .id = "RoleName", .places = trust_policy}},
    {.write = {.operation = "UpdateRole", .id = "RoleName", .places = role_settings}},
    {.write = {.operation = "PutRolePermissionsBoundary", .id = "RoleName", .places = boundary},
     .clear = {.operation = "DeleteRolePermissionsBoundary", .id = "RoleName"}},
};
constexpr Items role_items[] = {
    {.property = "ManagedPolicyArns",
     .add = {.operation = "AttachRolePolicy", .id = "RoleName", .places = attached},
     .remove = {.operation = "DetachRolePolicy", .id = "RoleName", .places = attached},
     .list = {.operation = "ListAttachedRolePolicies", .id = "RoleName", .places = attached_shown},
     .absent = no_entity},
    {.property = "Policies",
     .key = "PolicyName",
     .add = {.operation = "PutRolePolicy", .id = "RoleName", .places = own_policy},
     .remove = {.operation = "DeleteRolePolicy", .id = "RoleName", .places = own_policy_name},
     .list = {.operation = "ListRolePolicies", .id = "RoleName", .places = own_policy_names},
     .get = {.operation = "GetRolePolicy", .id = "RoleName", .places = own_policy},
     .absent = no_entity},
};

// --- AWS::IAM::User ---

constexpr Property user_properties[] = {
    {"UserName", Use::create_only},
    {"Path", Use::settable, forms::same, R"("/")"},
    {"PermissionsBoundary"},
    {"Groups"},
    {"ManagedPolicyArns"},
    {"Policies"},
    {"Tags"},
    {"Arn", Use::attribute},
};
constexpr PropertyPlace user_given[] = {{"UserName"}, {"Path"}, {"PermissionsBoundary"}, {"Tags"}};
constexpr PropertyPlace user_shown[] = {
    {"UserName", "User.UserName"},
    {"Path", "User.Path"},
    {"PermissionsBoundary", "User.PermissionsBoundary.PermissionsBoundaryArn"},
    {"Arn", "User.Arn"},
};
constexpr service::Reading user_readings[] = {
    {.step = {.operation = "GetUser", .id = "UserName", .places = user_shown}}};
constexpr PropertyPlace user_path[] = {{"Path", "NewPath"}};
constexpr service::Update user_updates[] = {
    {.write = {.operation = "UpdateUser", .id = "UserName", .places = user_path}},
    {.write = {.operation = "PutUserPermissionsBoundary", .id = "UserName", .places = boundary},
     .clear = {.operation = "DeleteUserPermissionsBoundary", .id = "UserName"}},
};
constexpr PropertyPlace group[] = {{"item", "GroupName"}};
constexpr PropertyPlace groups_shown[] = {{"item", "Groups.GroupName"}};
constexpr Items user_items[] = {
    {.property = "Groups",
     .add = {.operation = "AddUserToGroup", .id = "UserName", .places = group},
     .remove = {.operation = "RemoveUserFromGroup", .id = "UserName", .places = group},
     .list = {.operation = "ListGroupsForUser", .id = "UserName", .places = groups_shown},
     .absent = no_entity},
    {.property = "ManagedPolicyArns",
     .add = {.operation = "AttachUserPolicy", .id = "UserName", .places = attached},
     .remove = {.operation = "DetachUserPolicy", .id = "UserName", .places = attached},
     .list = {.operation = "ListAttachedUserPolicies", .id = "UserName", .places = attached_shown},
     .absent = no_entity},
    {.property = "Policies",
     .key = "PolicyName",
     .add = {.operation = "PutUserPolicy", .id = "UserName", .places = own_policy},
     .remove = {.operation = "DeleteUserPolicy", .id = "UserName", .places = own_policy_name},
     .list = {.operation = "ListUserPolicies", .id = "UserName", .places = own_policy_names},
     .get = {.operation = "GetUserPolicy", .id = "UserName", .places = own_policy},
     .absent = no_entity},
};

// --- AWS::IAM::Group ---

constexpr Property group_properties[] = {
    {"GroupName", Use::create_only}, {"Path", Use::settable, forms::same, R"("/")"},
    {"ManagedPolicyArns"},           {"Policies"},
    {"Arn", Use::attribute},
};
constexpr PropertyPlace group_given[] = {{"GroupName"}, {"Path"}};
constexpr PropertyPlace group_shown[] = {
    {"GroupName", "Group.GroupName"}, {"Path", "Group.Path"}, {"Arn", "Group.Arn"}};
constexpr service::Reading group_readings[] = {
    {.step = {.operation = "GetGroup", .id = "GroupName", .places = group_shown}}};
constexpr PropertyPlace group_path[] = {{"Path", "NewPath"}};
constexpr service::Update group_updates[] = {
    {.write = {.operation = "UpdateGroup", .id = "GroupName", .places = group_path}}};
constexpr Items group_items[] = {
    {.property = "ManagedPolicyArns",
     .add = {.operation = "AttachGroupPolicy", .id = "GroupName", .places = attached},
     .remove = {.operation = "DetachGroupPolicy", .id = "GroupName", .places = attached},
     .list = {.operation = "ListAttachedGroupPolicies",
              .id = "GroupName",
              .places = attached_shown},
     .absent = no_entity},
    {.property = "Policies",
     .key = "PolicyName",
     .add = {.operation = "PutGroupPolicy", .id = "GroupName", .places = own_policy},
     .remove = {.operation = "DeleteGroupPolicy", .id = "GroupName", .places = own_policy_name},
     .list = {.operation = "ListGroupPolicies", .id = "GroupName", .places = own_policy_names},
     .get = {.operation = "GetGroupPolicy", .id = "GroupName", .places = own_policy},
     .absent = no_entity},
};

// --- AWS::IAM::InstanceProfile ---

constexpr Property profile_properties[] = {
    {"InstanceProfileName", Use::create_only},
    {"Path", Use::create_only},
    {"Roles"},
    {"Arn", Use::attribute},
};
constexpr PropertyPlace profile_given[] = {{"InstanceProfileName"}, {"Path"}};
constexpr PropertyPlace profile_shown[] = {
    {"InstanceProfileName", "InstanceProfile.InstanceProfileName"},
    {"Path", "InstanceProfile.Path"},
    {"Arn", "InstanceProfile.Arn"},
};
constexpr service::Reading profile_readings[] = {
    {.step = {
         .operation = "GetInstanceProfile", .id = "InstanceProfileName", .places = profile_shown}}};
constexpr PropertyPlace role[] = {{"item", "RoleName"}};
constexpr PropertyPlace profile_roles[] = {{"item", "InstanceProfile.Roles.RoleName"}};
constexpr Items profile_items[] = {
    {.property = "Roles",
     .add = {.operation = "AddRoleToInstanceProfile", .id = "InstanceProfileName", .places = role},
     .remove = {.operation = "RemoveRoleFromInstanceProfile",
                .id = "InstanceProfileName",
                .places = role},
     .list = {.operation = "GetInstanceProfile",
              .id = "InstanceProfileName",
              .places = profile_roles},
     .absent = no_entity},
};

// --- AWS::IAM::ManagedPolicy ---

constexpr Property managed_properties[] = {
    {"ManagedPolicyName", Use::create_only},
    {"Path", Use::create_only},
    {"Description", Use::create_only},
    {"PolicyDocument", Use::settable, forms::document},
    {"Roles"},
    {"Users"},
    {"Groups"},
    {"PolicyArn", Use::attribute},
    {"PolicyId", Use::attribute},
    {"DefaultVersionId", Use::attribute},
    {"AttachmentCount", Use::attribute},
    {"PermissionsBoundaryUsageCount", Use::attribute},
    {"IsAttachable", Use::attribute},
    {"CreateDate", Use::attribute},
    {"UpdateDate", Use::attribute},
};
constexpr PropertyPlace managed_given[] = {
    {"ManagedPolicyName", "PolicyName"}, {"Path"}, {"Description"}, {"PolicyDocument"}};
constexpr PropertyPlace managed_shown[] = {
    {"ManagedPolicyName", "Policy.PolicyName"},
    {"Path", "Policy.Path"},
    {"Description", "Policy.Description"},
    {"PolicyId", "Policy.PolicyId"},
    {"DefaultVersionId", "Policy.DefaultVersionId"},
    {"AttachmentCount", "Policy.AttachmentCount"},
    {"PermissionsBoundaryUsageCount", "Policy.PermissionsBoundaryUsageCount"},
    {"IsAttachable", "Policy.IsAttachable"},
    {"CreateDate", "Policy.CreateDate"},
    {"UpdateDate", "Policy.UpdateDate"},
};
constexpr PropertyPlace version_shown[] = {{"PolicyDocument", "PolicyVersion.Document"}};
constexpr PropertyPlace version[] = {{"DefaultVersionId", "VersionId"}};
constexpr service::Reading managed_readings[] = {
    {.step = {.operation = "GetPolicy", .id = "PolicyArn", .places = managed_shown}},
    {.step = {.operation = "GetPolicyVersion", .id = "PolicyArn", .places = version_shown},
     .asked_by = version},
};
constexpr PropertyPlace document[] = {{"PolicyDocument"}};
// A policy has five versions at most: the one before goes.
constexpr service::Update managed_updates[] = {
    {.write = {.operation = "CreatePolicyVersion",
               .id = "PolicyArn",
               .places = document,
               .fixed = R"({"SetAsDefault":true})"},
     .retire = {.operation = "DeletePolicyVersion", .id = "PolicyArn", .places = version}},
};
constexpr PropertyPlace user[] = {{"item", "UserName"}};
constexpr PropertyPlace managed_roles[] = {{"item", "PolicyRoles.RoleName"}};
constexpr PropertyPlace managed_users[] = {{"item", "PolicyUsers.UserName"}};
constexpr PropertyPlace managed_groups[] = {{"item", "PolicyGroups.GroupName"}};
constexpr Items managed_items[] = {
    {.property = "Roles",
     .add = {.operation = "AttachRolePolicy", .id = "PolicyArn", .places = role},
     .remove = {.operation = "DetachRolePolicy", .id = "PolicyArn", .places = role},
     .list = {.operation = "ListEntitiesForPolicy", .id = "PolicyArn", .places = managed_roles},
     .absent = no_entity},
    {.property = "Users",
     .add = {.operation = "AttachUserPolicy", .id = "PolicyArn", .places = user},
     .remove = {.operation = "DetachUserPolicy", .id = "PolicyArn", .places = user},
     .list = {.operation = "ListEntitiesForPolicy", .id = "PolicyArn", .places = managed_users},
     .absent = no_entity},
    {.property = "Groups",
     .add = {.operation = "AttachGroupPolicy", .id = "PolicyArn", .places = group},
     .remove = {.operation = "DetachGroupPolicy", .id = "PolicyArn", .places = group},
     .list = {.operation = "ListEntitiesForPolicy", .id = "PolicyArn", .places = managed_groups},
     .absent = no_entity},
};

// --- AWS::IAM::Policy: one of their own for each of several roles, users and groups ---

constexpr Property policy_properties[] = {
    {"PolicyName"}, {"PolicyDocument", Use::settable, forms::document},
    {"Roles"},      {"Users"},
    {"Groups"},     {"Id", Use::attribute},
};
constexpr PropertyPlace role_put[] = {{"item", "RoleName"}, {"PolicyName"}, {"PolicyDocument"}};
constexpr PropertyPlace user_put[] = {{"item", "UserName"}, {"PolicyName"}, {"PolicyDocument"}};
constexpr PropertyPlace group_put[] = {{"item", "GroupName"}, {"PolicyName"}, {"PolicyDocument"}};
constexpr PropertyPlace role_named[] = {{"item", "RoleName"}, {"PolicyName"}};
constexpr PropertyPlace user_named[] = {{"item", "UserName"}, {"PolicyName"}};
constexpr PropertyPlace group_named[] = {{"item", "GroupName"}, {"PolicyName"}};
constexpr PropertyPlace policy_shown[] = {{"PolicyName"}, {"PolicyDocument"}};
constexpr Items policy_items[] = {
    {.property = "Roles",
     .add = {.operation = "PutRolePolicy", .places = role_put},
     .remove = {.operation = "DeleteRolePolicy", .places = role_named},
     .get = {.operation = "GetRolePolicy", .places = policy_shown},
     .absent = no_entity},
    {.property = "Users",
     .add = {.operation = "PutUserPolicy", .places = user_put},
     .remove = {.operation = "DeleteUserPolicy", .places = user_named},
     .get = {.operation = "GetUserPolicy", .places = policy_shown},
     .absent = no_entity},
    {.property = "Groups",
     .add = {.operation = "PutGroupPolicy", .places = group_put},
     .remove = {.operation = "DeleteGroupPolicy", .places = group_named},
     .get = {.operation = "GetGroupPolicy", .places = policy_shown},
     .absent = no_entity},
};

constexpr service::Tagging role_tagging{
    .add = {.operation = "TagRole", .id = "RoleName", .places = tags},
    .remove = {.operation = "UntagRole", .id = "RoleName", .places = tag_keys},
    .list = {.operation = "ListRoleTags", .id = "RoleName", .places = tags}};
constexpr service::Tagging user_tagging{
    .add = {.operation = "TagUser", .id = "UserName", .places = tags},
    .remove = {.operation = "UntagUser", .id = "UserName", .places = tag_keys},
    .list = {.operation = "ListUserTags", .id = "UserName", .places = tags}};

const ResourceType role_type{.name = "AWS::IAM::Role",
                             .schema = api::schema(),
                             .properties = role_properties,
                             .identifier = "RoleName",
                             .named = "RoleName",
                             .create = {.operation = "CreateRole", .places = role_given},
                             .readings = role_readings,
                             .gone = no_entity,
                             .updates = role_updates,
                             .items = role_items,
                             .tagging = role_tagging,
                             .remove = {.operation = "DeleteRole", .id = "RoleName"},
                             .list = {.operation = "ListRoles"},
                             .listed = "Roles.RoleName",
                             .paging = pages};

const ResourceType user_type{.name = "AWS::IAM::User",
                             .schema = api::schema(),
                             .properties = user_properties,
                             .identifier = "UserName",
                             .named = "UserName",
                             .create = {.operation = "CreateUser", .places = user_given},
                             .readings = user_readings,
                             .gone = no_entity,
                             .updates = user_updates,
                             .items = user_items,
                             .tagging = user_tagging,
                             .remove = {.operation = "DeleteUser", .id = "UserName"},
                             .list = {.operation = "ListUsers"},
                             .listed = "Users.UserName",
                             .paging = pages,
                             .refused = "LoginProfile"};

const ResourceType group_type{.name = "AWS::IAM::Group",
                              .schema = api::schema(),
                              .properties = group_properties,
                              .identifier = "GroupName",
                              .named = "GroupName",
                              .create = {.operation = "CreateGroup", .places = group_given},
                              .readings = group_readings,
                              .gone = no_entity,
                              .updates = group_updates,
                              .items = group_items,
                              .remove = {.operation = "DeleteGroup", .id = "GroupName"},
                              .list = {.operation = "ListGroups"},
                              .listed = "Groups.GroupName",
                              .paging = pages};

const ResourceType profile_type{
    .name = "AWS::IAM::InstanceProfile",
    .schema = api::schema(),
    .properties = profile_properties,
    .identifier = "InstanceProfileName",
    .named = "InstanceProfileName",
    .create = {.operation = "CreateInstanceProfile", .places = profile_given},
    .readings = profile_readings,
    .gone = no_entity,
    .items = profile_items,
    .remove = {.operation = "DeleteInstanceProfile", .id = "InstanceProfileName"},
    .list = {.operation = "ListInstanceProfiles"},
    .listed = "InstanceProfiles.InstanceProfileName",
    .paging = pages};

const ResourceType managed_policy_type{
    .name = "AWS::IAM::ManagedPolicy",
    .schema = api::schema(),
    .properties = managed_properties,
    .identifier = "PolicyArn",
    .made = "Policy.Arn",
    .named = "ManagedPolicyName",
    .create = {.operation = "CreatePolicy", .places = managed_given},
    .readings = managed_readings,
    .gone = no_entity,
    .updates = managed_updates,
    .items = managed_items,
    .remove = {.operation = "DeletePolicy", .id = "PolicyArn"},
    .list = {.operation = "ListPolicies", .fixed = R"({"Scope":"Local"})"},
    .listed = "Policies.Arn",
    .paging = pages};

const ResourceType policy_type{.name = "AWS::IAM::Policy",
                               .schema = api::schema(),
                               .properties = policy_properties,
                               .identifier = "Id",
                               .named = "Id",
                               .gone = no_entity,
                               .items = policy_items};

const ResourceType types[] = {role_type,    user_type,           group_type,
                              profile_type, managed_policy_type, policy_type};

}  // namespace

std::span<const ResourceType> resource_types() { return types; }

}  // namespace slipway::iam
