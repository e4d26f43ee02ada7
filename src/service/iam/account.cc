// The account as a whole: its other name, and everyone in it with all that they may.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "engine/identity/account.h"
#include "engine/identity/users.h"
#include "service/iam/instance_profile.h"
#include "service/iam/known_policy.h"
#include "service/iam/operations.h"
#include "service/iam/role.h"
#include "service/paging.h"

namespace slipway::iam {
namespace {

using identity::Group;
using identity::Owner;
using identity::PageRequest;
using identity::Role;
using identity::User;
using service::refuse;
using Details = api::GetAccountAuthorizationDetailsResponse;

// What the answer lists, one kind after another: a page may begin in one and end in the next.
enum class Kind : std::uint8_t { user, group, role, local_policy, provided_policy };
constexpr std::string_view kind_names[] = {"User", "Group", "Role", "LocalManagedPolicy",
                                           "AWSManagedPolicy"};

struct Place {
  std::size_t kind = 0;
  std::string after = {};
};

Result<Place> read_place(const std::optional<std::string>& text) {
  if (text && text->empty()) return Place{};
  if (!text || text->size() < 2 || (*text)[1] != ':' || (*text)[0] < '0' ||
      (*text)[0] >= '0' + static_cast<char>(std::size(kind_names)))
    return refuse("ValidationError", "Invalid Marker.");
  return Place{.kind = static_cast<std::size_t>((*text)[0] - '0'), .after = text->substr(2)};
}

// ---- One of each kind ---------------------------------------------------------------------------

template <typename Add>
Result<> add_inline_policies(Call& call, Owner owner, Add add) {
  TRY(const auto names,
      identity::list_inline_policies(call.tx(), owner, {.items_max = identity::identity_page_max}));
  for (const std::string& name : names.items) {
    TRY(const std::string document, identity::find_inline_policy(call.tx(), owner, name));
    api::PolicyDetail item = add();
    item.PolicyName(name).PolicyDocument(encoded_document(document));
  }
  return {};
}

// Attached policies, and tags and boundary where the kind has them.
template <typename Out>
Result<> add_attached(Call& call, Owner owner, Out& out) {
  out.AttachedManagedPolicies(wire::empty);
  TRY(const auto attached, identity::list_attached_policies(call.tx(), owner, {}));
  for (const std::string& arn : attached.items)
    out.add_AttachedManagedPolicies().PolicyName(name_in(arn)).PolicyArn(arn);
  if constexpr (requires { out.add_Tags(); }) {
    TRY(const auto tags, identity::list_tags(call.tx(), owner, {}));
    out.Tags(wire::empty);
    for (const auto& [key, value] : tags.items) out.add_Tags().Key(key).Value(value);
  }
  return {};
}

template <typename Entity, typename Out>
void add_boundary(const Entity& entity, Out& out) {
  if (entity.permissions_boundary)
    out.make_PermissionsBoundary().PermissionsBoundaryType("Policy").PermissionsBoundaryArn(
        *entity.permissions_boundary);
}

Result<> add(Call& call, const User& user, Details& out) {
  const Owner owner{Owner::Kind::user, user.account, user.name};
  api::UserDetail item = out.add_UserDetailList();
  item.Path(user.path)
      .UserName(user.name)
      .UserId(user.id)
      .Arn(iam_arn(call, "user", user.path, user.name))
      .CreateDate(user.created)
      .GroupList(wire::empty);
  for (const Group& group : identity::list_groups_of(call.tx(), user, {}).items)
    item.add_GroupList(group.name);
  add_boundary(user, item);
  TRY_DO(add_inline_policies(call, owner, [&] { return item.add_UserPolicyList(); }));
  return add_attached(call, owner, item);
}

Result<> add(Call& call, const Group& group, Details& out) {
  const Owner owner{Owner::Kind::group, group.account, group.name};
  api::GroupDetail item = out.add_GroupDetailList();
  item.Path(group.path)
      .GroupName(group.name)
      .GroupId(group.id)
      .Arn(iam_arn(call, "group", group.path, group.name))
      .CreateDate(group.created)
      .GroupPolicyList(wire::empty);
  TRY_DO(add_inline_policies(call, owner, [&] { return item.add_GroupPolicyList(); }));
  return add_attached(call, owner, item);
}

Result<> add(Call& call, const Role& role, Details& out) {
  const Owner owner{Owner::Kind::role, role.account, role.name};
  api::RoleDetail item = out.add_RoleDetailList();
  item.Path(role.path)
      .RoleName(role.name)
      .RoleId(role.id)
      .Arn(iam_arn(call, "role", role.path, role.name))
      .CreateDate(role.created)
      .AssumeRolePolicyDocument(shown_trust_policy(call, role))
      .InstanceProfileList(wire::empty)
      .RolePolicyList(wire::empty);
  fill_last_use(call, role, item.make_RoleLastUsed());
  for (const auto& profile : identity::list_instance_profiles_of(call.tx(), owner, {}).items)
    fill(call, profile, item.add_InstanceProfileList());
  add_boundary(role, item);
  TRY_DO(add_inline_policies(call, owner, [&] { return item.add_RolePolicyList(); }));
  return add_attached(call, owner, item);
}

Result<> add(Call& call, const KnownPolicy& policy, Details& out) {
  using identity::PolicyUsage;
  const auto users = [&](PolicyUsage usage) {
    return static_cast<std::int32_t>(
        identity::count_users_of(call.tx(), call.account(), policy.arn, usage));
  };
  api::ManagedPolicyDetail item = out.add_Policies();
  item.PolicyName(policy.name)
      .PolicyId(policy.id)
      .Arn(policy.arn)
      .Path(policy.path)
      .DefaultVersionId(policy.version)
      .AttachmentCount(users(PolicyUsage::attached))
      .PermissionsBoundaryUsageCount(users(PolicyUsage::boundary))
      .IsAttachable(true)
      .CreateDate(policy.created)
      .UpdateDate(policy.updated);
  if (!policy.description.empty()) item.Description(policy.description);
  if (!policy.stored) {
    item.add_PolicyVersionList()
        .Document(encoded_document(policy.document))
        .VersionId(policy.version)
        .IsDefaultVersion(true)
        .CreateDate(policy.created);
    return {};
  }
  for (const auto& version : identity::policy_versions(call.tx(), *policy.stored))
    item.add_PolicyVersionList()
        .Document(encoded_document(version.document))
        .VersionId(fmt::format("v{}", version.number))
        .IsDefaultVersion(version.is_default)
        .CreateDate(version.created);
  return {};
}

// ---- A page of one kind -------------------------------------------------------------------------

// Adds a page's items and says after which of them the next begins; empty: the kind is through.
template <typename T>
Result<std::string> add_page(Call& call, const identity::Page<T>& page, Details& out) {
  for (const T& each : page.items) TRY_DO(add(call, each, out));
  return page.more ? page.items.back().name : std::string();
}

identity::Page<KnownPolicy> page_of_provided(const PageRequest& request) {
  identity::Page<KnownPolicy> out;
  for (KnownPolicy& each : provided_policies("/")) {
    if (each.name <= request.after) continue;
    out.items.push_back(std::move(each));
  }
  std::ranges::sort(out.items, {}, &KnownPolicy::name);
  out.more = out.items.size() > request.items_max;
  if (out.more) out.items.resize(request.items_max);
  return out;
}

Result<identity::Page<KnownPolicy>> page_of_own(Call& call, const PageRequest& request) {
  const auto page = identity::list_policies(call.tx(), call.account(), request);
  identity::Page<KnownPolicy> out{.items = {}, .more = page.more};
  for (const auto& each : page.items) {
    TRY(KnownPolicy known, find_known_policy(call, iam_arn(call, "policy", each.path, each.name)));
    out.items.push_back(std::move(known));
  }
  return out;
}

Result<std::string> add_kind(Call& call, Kind kind, const PageRequest& request, Details& out) {
  const std::string& account = call.account();
  switch (kind) {
    case Kind::user: return add_page(call, list_users(call.tx(), account, request), out);
    case Kind::group: return add_page(call, list_groups(call.tx(), account, request), out);
    case Kind::role: return add_page(call, list_roles(call.tx(), account, request), out);
    case Kind::local_policy: {
      TRY(const auto page, page_of_own(call, request));
      return add_page(call, page, out);
    }
    case Kind::provided_policy: break;
  }
  return add_page(call, page_of_provided(request), out);
}

std::size_t size_of(const Details& out) {
  return out.UserDetailList().size() + out.GroupDetailList().size() + out.RoleDetailList().size() +
         out.Policies().size();
}

}  // namespace

Result<Details> get_account_authorization_details(Call& call,
                                                  api::GetAccountAuthorizationDetailsRequest in) {
  const service::PageTokens tokens(call.caller(), in);
  TRY(Place place, read_place(tokens.position_in(in.Marker())));
  const auto most = static_cast<std::size_t>(in.MaxItems().value_or(100));
  auto out = call.output<Details>();
  out.UserDetailList(wire::empty)
      .GroupDetailList(wire::empty)
      .RoleDetailList(wire::empty)
      .Policies(wire::empty)
      .IsTruncated(false);
  for (; place.kind < std::size(kind_names); ++place.kind, place.after.clear()) {
    const auto is_it = [&](std::string_view name) { return name == kind_names[place.kind]; };
    if (!in.Filter().empty() && std::ranges::none_of(in.Filter(), is_it)) continue;
    const std::size_t room = most - size_of(out);
    if (room == 0) break;
    TRY(place.after, add_kind(call, static_cast<Kind>(place.kind),
                              {.after = place.after, .items_max = room}, out));
    if (!place.after.empty()) break;
  }
  if (place.kind < std::size(kind_names))
    out.IsTruncated(true).Marker(
        tokens.token_behind(fmt::format("{}:{}", place.kind, place.after)));
  return out;
}

Result<> create_account_alias(Call& call, api::CreateAccountAliasRequest in) {
  return identity::set_account_alias(call.tx(), call.account(), in.AccountAlias());
}

Result<> delete_account_alias(Call& call, api::DeleteAccountAliasRequest in) {
  if (identity::account_alias(call.tx(), call.account()) != in.AccountAlias())
    return refuse("NoSuchEntity",
                  fmt::format("The account alias {} cannot be found.", in.AccountAlias()));
  identity::clear_account_alias(call.tx(), call.account());
  return {};
}

Result<api::ListAccountAliasesResponse> list_account_aliases(Call& call,
                                                             api::ListAccountAliasesRequest) {
  auto out = call.output<api::ListAccountAliasesResponse>();
  out.AccountAliases(wire::empty).IsTruncated(false);
  if (const auto alias = identity::account_alias(call.tx(), call.account()))
    out.add_AccountAliases(*alias);
  return out;
}

}  // namespace slipway::iam
