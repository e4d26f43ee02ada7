#include "service/sts/trust.h"

#include <fmt/format.h>

#include <utility>

#include "service/errors.h"
#include "service/request_keys.h"

namespace slipway::sts {

using identity::ContextEntry;
using identity::Tag;
using service::Call;

std::optional<RoleArn> parse_role_arn(std::string_view arn) {
  constexpr std::string_view prefix = "arn:aws:iam::";
  constexpr std::string_view kind = ":role/";
  constexpr std::size_t account_digits = 12;
  if (!arn.starts_with(prefix) || arn.size() < prefix.size() + account_digits) return std::nullopt;
  const std::string_view account = arn.substr(prefix.size(), account_digits);
  const std::string_view rest = arn.substr(prefix.size() + account_digits);
  if (!rest.starts_with(kind) || rest.ends_with('/')) return std::nullopt;
  return RoleArn{account, rest.substr(rest.rfind('/') + 1)};
}

std::optional<identity::Role> role_of(Call& call, std::string_view arn) {
  const auto parsed = parse_role_arn(arn);
  if (!parsed) return std::nullopt;
  auto role = identity::find_role(call.tx(), parsed->account, parsed->name);
  if (!role) return std::nullopt;
  const identity::Owner owner{identity::Owner::Kind::role, role->account, role->name};
  if (identity::arn_of(owner, role->path) != arn) return std::nullopt;
  return *std::move(role);
}

Result<identity::Policy> trust_policy_of(const identity::Role& role) {
  TRY(identity::Policy trust,
      identity::Policy::parse(role.trust_policy, identity::PolicyUse::trust));
  trust.bind_principals(role.trust_ids);
  return trust;
}

Result<> check_session_time(const identity::Role& role, std::chrono::seconds life) {
  if (life <= role.session_time_max) return {};
  return service::refuse(
      "ValidationError",
      "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
}

namespace {

void add_tag_keys(const TrustQuestion& question, std::vector<ContextEntry>& context) {
  ContextEntry keys{"aws:TagKeys", {}, ContextEntry::Arity::many};
  for (const auto& [key, value] : question.tags) {
    context.push_back({fmt::format("aws:RequestTag/{}", key), {value}});
    keys.values.push_back(key);
  }
  context.push_back(std::move(keys));
  context.push_back({"sts:TransitiveTagKeys", question.transitive_keys, ContextEntry::Arity::many});
}

// What comes with the caller is found first.
void add_role_keys(Call& call, const identity::Role& role, std::vector<Tag> tags,
                   std::vector<ContextEntry>& context) {
  const identity::Owner owner{identity::Owner::Kind::role, role.account, role.name};
  if (const auto own = identity::list_tags(call.tx(), owner, {}))
    tags.insert(tags.end(), own->items.begin(), own->items.end());
  context.push_back({"aws:ResourceAccount", {role.account}});
  for (const auto& [key, value] : tags) {
    context.push_back({fmt::format("aws:ResourceTag/{}", key), {value}});
    context.push_back({fmt::format("iam:ResourceTag/{}", key), {value}});
  }
}

}  // namespace

void add_trust_keys(Call& call, const identity::Role& role, const TrustQuestion& question,
                    std::vector<ContextEntry>& context) {
  service::add_request_keys(call, context);
  context.push_back({"sts:RoleSessionName", {std::string(question.session_name)}});
  if (question.source_identity)
    context.push_back({"sts:SourceIdentity", {std::string(*question.source_identity)}});
  if (question.seconds)
    context.push_back({"sts:DurationSeconds", {std::to_string(*question.seconds)}});
  add_tag_keys(question, context);
  add_role_keys(call, role, question.carried, context);
}

}  // namespace slipway::sts
