#include "service/iam/known_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "service/iam/managed_policies.h"

namespace slipway::iam {
namespace {

using service::Call;
using service::refuse;

constexpr std::string_view provider_prefix = "arn:aws:iam::aws:policy";
constexpr std::size_t entity_id_tail_characters = 17;

KnownPolicy of_provider(const ManagedPolicy& policy) {
  return {.arn = provider_arn(policy),
          .name = std::string(policy.name),
          .path = std::string(policy.path),
          .id = std::string(policy.id),
          .version = std::string(policy.version),
          .description = {},
          .document = std::string(policy.document),
          .created = Timestamp(std::chrono::seconds(policy.created)),
          .updated = Timestamp(std::chrono::seconds(policy.updated))};
}

KnownPolicy of_caller(const Call& call, const identity::StoredPolicy& policy) {
  return {.arn = iam_arn(call, "policy", policy.path, policy.name),
          .name = policy.name,
          .path = policy.path,
          .id = policy.id,
          .version = fmt::format("v{}", policy.default_version),
          .description = policy.description,
          .document = policy.document,
          .created = policy.created,
          .updated = policy.updated,
          .stored = policy};
}

std::unexpected<Error> no_such_policy(std::string_view arn) {
  return refuse("NoSuchEntity", fmt::format("Policy {} was not found.", arn));
}

// Says whether it took all that there are.
bool take_own(Call& call, const PoliciesWanted& wanted, std::string after, const TakePolicy& take) {
  identity::PageRequest page{.after = std::move(after),
                             .path_prefix = std::string(wanted.path_prefix),
                             .items_max = wanted.items_max};
  for (bool more = true; more;) {
    const auto got = identity::list_policies(call.tx(), call.account(), page);
    for (const auto& policy : got.items)
      if (take(of_caller(call, policy)) == Taken::enough) return false;
    more = got.more;
    if (more) page.after = got.items.back().name;
  }
  return true;
}

}  // namespace

std::string provider_arn(const ManagedPolicy& policy) {
  return fmt::format("{}{}{}", provider_prefix, policy.path, policy.name);
}

Result<KnownPolicy> find_known_policy(Call& call, std::string_view arn) {
  if (arn.starts_with(provider_prefix)) {
    const auto* policy = managed_policy(arn.substr(provider_prefix.size()));
    return policy != nullptr ? Result<KnownPolicy>(of_provider(*policy)) : no_such_policy(arn);
  }
  if (!arn.starts_with("arn:"))
    return refuse("ValidationError", "Invalid ARN:  Could not be parsed!");
  if (!arn.starts_with("arn:aws:iam::") || arn.find(":policy/") == std::string_view::npos)
    return refuse("InvalidInput", fmt::format("ARN {} is not valid.", arn));
  auto policy = identity::find_policy(call.tx(), call.account(), arn.substr(arn.rfind('/') + 1));
  if (!policy) return no_such_policy(arn);
  KnownPolicy known = of_caller(call, *policy);
  return known.arn == arn ? Result<KnownPolicy>(std::move(known)) : no_such_policy(arn);
}

void each_policy(Call& call, const PoliciesWanted& wanted, const TakePolicy& take) {
  const bool past_own = wanted.after.starts_with(provider_prefix);
  if (wanted.scope != PolicyScope::provider && !past_own &&
      !take_own(call, wanted, std::string(name_in(wanted.after)), take))
    return;
  if (wanted.scope == PolicyScope::local) return;
  for (const KnownPolicy& policy : provided_policies(wanted.path_prefix))
    if ((!past_own || policy.arn > wanted.after) && take(policy) == Taken::enough) return;
}

std::vector<KnownPolicy> provided_policies(std::string_view path_prefix) {
  std::vector<KnownPolicy> all;
  for (const auto& policy : managed_policies())
    if (policy.path.starts_with(path_prefix)) all.push_back(of_provider(policy));
  std::ranges::sort(all, {}, &KnownPolicy::arn);
  return all;
}

std::string iam_arn(const Call& call, std::string_view kind, std::string_view path,
                    std::string_view name) {
  return fmt::format("arn:aws:iam::{}:{}{}{}", call.account(), kind, path, name);
}

std::string make_entity_id(const Call& call, std::string_view prefix) {
  return std::string(prefix) +
         make_token(call.random(), entity_id_tail_characters, alphabet_base32);
}

Result<identity::StoredPolicy> own_policy(Call& call, std::string_view arn) {
  TRY(const KnownPolicy policy, find_known_policy(call, arn));
  if (policy.stored) return *policy.stored;
  return refuse("AccessDenied", fmt::format("Cannot change {}: it is the provider's.", arn));
}

Result<> require_attachable(Call& call, std::string_view arn) {
  const auto policy = find_known_policy(call, arn);
  if (policy) return {};
  if (policy.error().kind != "NoSuchEntity") return std::unexpected(policy.error());
  return refuse("NoSuchEntity", fmt::format("Policy {} does not exist or is not attachable.", arn));
}

Result<> require_boundary(Call& call, std::string_view arn) {
  const auto policy = find_known_policy(call, arn);
  if (policy) return {};
  if (policy.error().kind != "NoSuchEntity") return std::unexpected(policy.error());
  return refuse("NoSuchEntity",
                fmt::format("Scope ARN: {} does not exist or is not attachable.", arn));
}

}  // namespace slipway::iam
