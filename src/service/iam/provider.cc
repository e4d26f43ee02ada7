// Identity providers of OpenID Connect; AssumeRoleWithWebIdentity takes tokens of theirs.
#include "service/iam/provider.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "engine/identity/account.h"
#include "service/iam/known_policy.h"
#include "service/iam/operations.h"
#include "service/iam/tags.h"

namespace slipway::iam {
namespace {

using identity::Owner;
using identity::Provider;
using service::refuse;

// Operations about a provider say that there is none in one way, those about its tags and its end
// in another.
enum class Asked : std::uint8_t { itself, tags_or_end };

std::unexpected<Error> no_such_provider(std::string_view arn, Asked asked) {
  return refuse("NoSuchEntity",
                asked == Asked::itself
                    ? fmt::format("OpenIDConnect Provider not found for arn {}", arn)
                    : fmt::format("OpenId connect Provider {} cannot be found.", arn));
}

// "arn:aws:iam::123456789012:oidc-provider/example.org", where that is not this account.
bool is_of_another_account(std::string_view arn) {
  constexpr std::string_view prefix = "arn:aws:iam::";
  constexpr std::size_t account_digits = 12;
  return arn.starts_with(prefix) && arn.substr(prefix.size()).size() > account_digits &&
         arn.substr(prefix.size() + account_digits).starts_with(":oidc-provider/");
}

Result<std::string> name_in_arn(const Call& call, std::string_view arn, Asked asked) {
  const std::string head = iam_arn(call, "oidc-provider", "/", "");
  if (arn.starts_with(head) && arn.size() > head.size())
    return std::string(arn.substr(head.size()));
  if (!arn.starts_with("arn:"))
    return refuse("ValidationError", "Invalid ARN:  Could not be parsed!");
  const std::string account = head.substr(0, head.find("oidc-provider"));
  if (arn.starts_with(account)) return refuse("ValidationError", "Invalid resource type in ARN");
  if (is_of_another_account(arn))
    return refuse("AccessDenied",
                  fmt::format("User: {} is not authorized to perform this action on resource: {}",
                              call.caller().principal.name, arn));
  return no_such_provider(arn, asked);
}

// By its ARN to the letter, although two cannot differ in case alone: policies were asked about the
// ARN as it is written, and a denial of one must hold for all that lead to it.
Result<Provider> find(Call& call, std::string_view arn, Asked asked = Asked::itself) {
  TRY(const std::string name, name_in_arn(call, arn, asked));
  auto provider = identity::find_provider(call.tx(), call.account(), name);
  if (!provider || provider->name != name) return no_such_provider(arn, asked);
  return provider;
}

Owner owner_of(const Provider& provider) {
  return {Owner::Kind::provider, provider.account, provider.name};
}

// Of clients and thumbprints: AWS publishes no form that it holds them to.
template <typename List>
Result<> check_texts(const List& list) {
  for (const std::string_view each : list)
    if (std::ranges::any_of(each, [](char c) { return static_cast<unsigned char>(c) < ' '; }))
      return refuse("InvalidInput", "Client IDs and thumbprints have no control characters.");
  return {};
}

// As they are kept: in lower case.
template <typename List>
std::vector<std::string> thumbprints_of(const List& list) {
  std::vector<std::string> out;
  for (const std::string_view each : list)
    if (std::ranges::find(out, to_lower(each)) == out.end()) out.push_back(to_lower(each));
  return out;
}

template <typename List>
std::vector<std::string> texts_of(const List& list) {
  std::vector<std::string> out;
  for (const std::string_view each : list)
    if (std::ranges::find(out, each) == out.end()) out.emplace_back(each);
  return out;
}

}  // namespace

// An issuer's URL counts to the letter, a slash at its end included: it is what its tokens say.
Result<std::string> provider_name(std::string_view url) {
  constexpr std::string_view scheme = "https://";
  const bool has_scheme = url.contains("://");
  if (has_scheme && !starts_with_ignoring_case(url, scheme))
    return refuse("InvalidInput",
                  "Invalid Open ID Connect Provider URL. The URL must begin with https://.");
  const std::string_view name = has_scheme ? url.substr(scheme.size()) : std::string_view{};
  const bool good = !name.empty() && name.front() != '/' && std::ranges::all_of(name, [](char c) {
    return c > ' ' && c < '\x7f' && c != '?' && c != '#' && c != '@';
  });
  if (!good) return refuse("ValidationError", "Invalid Open ID Connect Provider URL");
  return std::string(name);
}

Result<api::CreateOpenIDConnectProviderResponse> create_provider(
    Call& call, api::CreateOpenIDConnectProviderRequest in) {
  TRY(const std::string name, provider_name(in.Url()));
  TRY_DO(check_texts(in.ClientIDList()));
  TRY_DO(check_texts(in.ThumbprintList()));
  TRY(const std::vector<identity::Tag> tags, read_tags(in.Tags(), Owner::Kind::provider));
  const Provider provider{.account = call.account(),
                          .name = name,
                          .clients = texts_of(in.ClientIDList()),
                          .thumbprints = thumbprints_of(in.ThumbprintList()),
                          .created = this_second(call)};
  TRY_DO(identity::create_provider(call.tx(), provider, tags));
  auto out = call.output<api::CreateOpenIDConnectProviderResponse>();
  out.OpenIDConnectProviderArn(iam_arn(call, "oidc-provider", "/", name));
  for (const auto& [key, value] : tags) out.add_Tags().Key(key).Value(value);
  return out;
}

Result<api::GetOpenIDConnectProviderResponse> get_provider(
    Call& call, api::GetOpenIDConnectProviderRequest in) {
  TRY(const Provider provider, find(call, in.OpenIDConnectProviderArn()));
  TRY(const auto tags, identity::list_tags(call.tx(), owner_of(provider), {}));
  auto out = call.output<api::GetOpenIDConnectProviderResponse>();
  out.Url(provider.name)
      .CreateDate(provider.created)
      .ClientIDList(wire::empty)
      .ThumbprintList(wire::empty)
      .Tags(wire::empty);
  for (const std::string& each : provider.clients) out.add_ClientIDList(each);
  for (const std::string& each : provider.thumbprints) out.add_ThumbprintList(each);
  for (const auto& [key, value] : tags.items) out.add_Tags().Key(key).Value(value);
  return out;
}

Result<api::ListOpenIDConnectProvidersResponse> list_providers(
    Call& call, api::ListOpenIDConnectProvidersRequest) {
  auto out = call.output<api::ListOpenIDConnectProvidersResponse>();
  out.OpenIDConnectProviderList(wire::empty);
  for (const Provider& each : identity::list_providers(call.tx(), call.account()))
    out.add_OpenIDConnectProviderList().Arn(iam_arn(call, "oidc-provider", "/", each.name));
  return out;
}

Result<> delete_provider(Call& call, api::DeleteOpenIDConnectProviderRequest in) {
  TRY(const Provider provider, find(call, in.OpenIDConnectProviderArn(), Asked::tags_or_end));
  identity::delete_provider(call.tx(), provider);
  return {};
}

Result<> add_client_to_provider(Call& call, api::AddClientIDToOpenIDConnectProviderRequest in) {
  TRY_DO(check_texts(std::initializer_list{in.ClientID()}));
  TRY(Provider provider, find(call, in.OpenIDConnectProviderArn()));
  if (std::ranges::find(provider.clients, in.ClientID()) != provider.clients.end()) return {};
  provider.clients.emplace_back(in.ClientID());
  return identity::update_provider(call.tx(), provider);
}

Result<> remove_client_from_provider(Call& call,
                                     api::RemoveClientIDFromOpenIDConnectProviderRequest in) {
  TRY(Provider provider, find(call, in.OpenIDConnectProviderArn()));
  std::erase(provider.clients, in.ClientID());
  return identity::update_provider(call.tx(), provider);
}

Result<> update_provider_thumbprints(Call& call,
                                     api::UpdateOpenIDConnectProviderThumbprintRequest in) {
  if (in.ThumbprintList().empty())
    return refuse("InvalidInput", "Thumbprint list must contain at least one entry.");
  TRY_DO(check_texts(in.ThumbprintList()));
  TRY(Provider provider, find(call, in.OpenIDConnectProviderArn()));
  provider.thumbprints = thumbprints_of(in.ThumbprintList());
  return identity::update_provider(call.tx(), provider);
}

Result<> tag_provider(Call& call, api::TagOpenIDConnectProviderRequest in) {
  TRY(const Provider provider, find(call, in.OpenIDConnectProviderArn(), Asked::tags_or_end));
  return put_tags_in(in, call, owner_of(provider));
}

Result<> untag_provider(Call& call, api::UntagOpenIDConnectProviderRequest in) {
  TRY(const Provider provider, find(call, in.OpenIDConnectProviderArn(), Asked::tags_or_end));
  return delete_tags_in(in, call, owner_of(provider));
}

Result<api::ListOpenIDConnectProviderTagsResponse> list_provider_tags(
    Call& call, api::ListOpenIDConnectProviderTagsRequest in) {
  TRY(const Provider provider, find(call, in.OpenIDConnectProviderArn(), Asked::tags_or_end));
  return tags_answer<api::ListOpenIDConnectProviderTagsResponse>(in, call, owner_of(provider));
}

}  // namespace slipway::iam
