// Repositories, and the password by which clients reach them.
#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "engine/tags/tags.h"
#include "service/ecr/distribution_path.h"
#include "service/ecr/operations.h"
#include "service/ecr/registry_password.h"
#include "service/paging.h"

namespace slipway::ecr {
namespace {

constexpr std::int32_t page_default = 100;
constexpr std::size_t registries_max = 10;
constexpr std::size_t exclusion_filters_max = 5;
constexpr std::string_view scans = "scan_on_push";
constexpr tags::Rules tag_rules{.reserved_prefix = "aws:"};

std::unexpected<Error> invalid(std::string_view member, std::string_view why) {
  return refuse(
      "InvalidParameterException",
      fmt::format("Invalid parameter at '{}' failed to satisfy constraint: '{}'", member, why));
}

images::RepositoryName named(const Call& call, std::string_view name) {
  return {fmt::format("{}/{}", call.account(), call.region()), std::string(name)};
}

std::unexpected<Error> no_such_repository(std::string_view registry, std::string_view name) {
  return fail(ErrorCode::not_found,
              fmt::format("The repository with name '{}' does not exist in the registry with id "
                          "'{}'",
                          name, registry),
              "no_such_repository");
}

// AWS's four words are two kinds, with exceptions or without.
template <typename Input>
Result<images::TagMutability> mutability_of(const Input& in, std::string_view word) {
  images::TagMutability out;
  const bool excepts = word.ends_with("_WITH_EXCLUSION");
  if (word.starts_with("IMMUTABLE")) out.kind = images::TagMutability::Kind::tags_stay;
  for (const auto filter : in.imageTagMutabilityExclusionFilters())
    out.exceptions.emplace_back(filter.filter());
  if (excepts && out.exceptions.empty())
    return invalid("imageTagMutabilityExclusionFilters",
                   "ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is "
                   "set as " +
                       std::string(word));
  if (!excepts && !out.exceptions.empty())
    return invalid("imageTagMutabilityExclusionFilters",
                   "ImageTagMutabilityExclusionFilters can't be set when imageTagMutability is "
                   "set as " +
                       std::string(word));
  if (out.exceptions.size() > exclusion_filters_max)
    return invalid("imageTagMutabilityExclusionFilters",
                   "Member must have length less than or equal to 5");
  for (const std::string& pattern : out.exceptions)
    if (std::ranges::count(pattern, '*') > 2)
      return invalid("imageTagMutabilityExclusionFilters",
                     "A filter can have at most two wildcards");
  return out;
}

std::string_view word_of(const images::TagMutability& mutability) {
  const bool stays = mutability.kind == images::TagMutability::Kind::tags_stay;
  if (mutability.exceptions.empty()) return stays ? "IMMUTABLE" : "MUTABLE";
  return stays ? "IMMUTABLE_WITH_EXCLUSION" : "MUTABLE_WITH_EXCLUSION";
}

template <typename Out>
void show_mutability(Out& out, const images::TagMutability& mutability) {
  out.imageTagMutability(word_of(mutability));
  for (const std::string& pattern : mutability.exceptions)
    out.add_imageTagMutabilityExclusionFilters().filterType("WILDCARD").filter(pattern);
}

void show(const Call& call, api::Repository out, const images::Repository& repository) {
  const std::string& name = repository.name.name;
  out.repositoryArn(call.arn("ecr", fmt::format("repository/{}", name)))
      .registryId(call.account())
      .repositoryName(name)
      .repositoryUri(fmt::format("{}/{}", call.host(), name))
      .createdAt(repository.created);
  show_mutability(out, repository.mutability);
  out.make_imageScanningConfiguration().scanOnPush(repository.notes == scans);
  out.make_encryptionConfiguration().encryptionType("AES256");
}

Result<> put_tags(const Call& call, const images::Repository& repository,
                  const api::CreateRepositoryRequest& in) {
  tags::TagList list;
  for (const auto tag : in.tags()) list.emplace_back(tag.Key(), tag.Value());
  if (const auto violation = tags::find_violation(list, tag_rules))
    return refuse(
        "InvalidTagParameterException",
        fmt::format("The tag '{}' is invalid: keys have 1 to {} characters and do not "
                    "begin with aws:, values have at most {}.",
                    violation->tag.first, tag_rules.key_length_max, tag_rules.value_length_max));
  return tags::put(call.tx(), images::tagged(repository.name), list, tag_rules);
}

Result<> check_registry(const Call& call, std::optional<std::string_view> registry,
                        std::string_view name) {
  if (!registry || *registry == call.account()) return {};
  return no_such_repository(*registry, name);
}

}  // namespace

Result<images::Repository> find_repository(const Call& call,
                                           std::optional<std::string_view> registry,
                                           std::string_view name) {
  TRY_DO(check_registry(call, registry, name));
  auto found = images::find_repository(call.tx(), named(call, name));
  if (!found) return no_such_repository(call.account(), name);
  return found;
}

Result<api::CreateRepositoryResponse> create_repository(const EcrNeeds&, Call& call,
                                                        api::CreateRepositoryRequest in) {
  TRY_DO(check_registry(call, in.registryId(), in.repositoryName()));
  if (!is_repository_name(in.repositoryName()))
    return invalid("repositoryName",
                   "must satisfy regular expression "
                   "'(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*'");
  if (const auto encryption = in.encryptionConfiguration();
      encryption && encryption.encryptionType() != "AES256")
    return fail(ErrorCode::not_implemented,
                "encryptionConfiguration other than AES256 is not supported by this version of "
                "Slipway.");
  TRY(images::TagMutability mutability,
      mutability_of(in, in.imageTagMutability().value_or("MUTABLE")));
  const auto scanning = in.imageScanningConfiguration();
  const bool on_push = scanning && scanning.scanOnPush().value_or(false);
  auto made = images::create_repository(
      call.tx(), {.name = named(call, in.repositoryName()),
                  .now = call.now(),
                  .mutability = std::move(mutability),
                  .notes = std::string(on_push ? scans : std::string_view())});
  if (!made)
    return fail(ErrorCode::already_exists,
                fmt::format("The repository with name '{}' already exists in the registry with id "
                            "'{}'",
                            in.repositoryName(), call.account()),
                "repository_exists");
  TRY_DO(put_tags(call, *made, in));
  auto out = call.output<api::CreateRepositoryResponse>();
  show(call, out.make_repository(), *made);
  return out;
}

Result<api::DescribeRepositoriesResponse> describe_repositories(
    const EcrNeeds&, Call& call, api::DescribeRepositoriesRequest in) {
  auto out = call.output<api::DescribeRepositoriesResponse>();
  out.repositories(wire::empty);
  if (!in.repositoryNames().empty()) {
    for (const std::string_view name : in.repositoryNames()) {
      TRY(const images::Repository repository, find_repository(call, in.registryId(), name));
      show(call, out.add_repositories(), repository);
    }
    return out;
  }
  if (in.registryId() && *in.registryId() != call.account()) return out;
  const service::PageTokens tokens(call.caller(), in);
  const auto after = tokens.position_in(in.nextToken());
  if (!after) return invalid("nextToken", "the token is of another list");
  const auto most = static_cast<std::size_t>(in.maxResults().value_or(page_default));
  auto repositories = images::list_repositories(
      call.tx(), {named(call, "").space, *after, static_cast<std::uint32_t>(most + 1)});
  if (repositories.size() > most) {
    repositories.resize(most);
    out.nextToken(tokens.token_behind(repositories.back().name.name));
  }
  for (const images::Repository& each : repositories) show(call, out.add_repositories(), each);
  return out;
}

Result<api::DeleteRepositoryResponse> delete_repository(const EcrNeeds& door, Call& call,
                                                        api::DeleteRepositoryRequest in) {
  TRY(const images::Repository repository,
      find_repository(call, in.registryId(), in.repositoryName()));
  const bool force = in.force().value_or(false);
  if (!images::remove_repository(
          call.tx(), door.bodies, repository,
          force ? images::Contents::removed : images::Contents::must_be_none))
    return fail(ErrorCode::in_use,
                fmt::format("The repository with name '{}' in registry with id '{}' cannot be "
                            "deleted because it still contains images",
                            in.repositoryName(), call.account()),
                "repository_not_empty");
  auto out = call.output<api::DeleteRepositoryResponse>();
  show(call, out.make_repository(), repository);
  return out;
}

Result<api::PutImageTagMutabilityResponse> put_image_tag_mutability(
    const EcrNeeds&, Call& call, api::PutImageTagMutabilityRequest in) {
  TRY(const images::Repository repository,
      find_repository(call, in.registryId(), in.repositoryName()));
  TRY(const images::TagMutability mutability, mutability_of(in, in.imageTagMutability()));
  images::set_mutability(call.tx(), repository, mutability);
  auto out = call.output<api::PutImageTagMutabilityResponse>();
  out.registryId(call.account()).repositoryName(in.repositoryName());
  show_mutability(out, mutability);
  return out;
}

// One registry answers for all ids that are asked for.
Result<api::GetAuthorizationTokenResponse> get_authorization_token(
    const EcrNeeds& door, Call& call, api::GetAuthorizationTokenRequest in) {
  if (in.registryIds().size() > registries_max)
    return invalid("registryIds", "Member must have length less than or equal to 10");
  const std::size_t registries = std::max<std::size_t>(in.registryIds().size(), 1);
  auto out = call.output<api::GetAuthorizationTokenResponse>();
  for (std::size_t i = 0; i < registries; ++i) {
    TRY(const RegistryPassword password,
        make_password(door.keys, call.caller().principal, call.moment(), call.random()));
    out.add_authorizationData()
        .authorizationToken(to_base64(fmt::format("{}:{}", registry_user, password.text)))
        .expiresAt(password.expires)
        .proxyEndpoint(call.origin());
  }
  return out;
}

}  // namespace slipway::ecr
