// Identity providers of SAML: stored only. No role is assumed with an assertion of theirs.
#include <fmt/format.h>

#include "engine/identity/account_uploads.h"
#include "service/iam/known_policy.h"
#include "service/iam/operations.h"
#include "service/iam/tags.h"
#include "wire/element.h"

namespace slipway::iam {
namespace {

using identity::Owner;
using identity::SamlProvider;
using service::refuse;

constexpr std::size_t id_characters = 26;
// For how long metadata counts that does not say so.
constexpr std::chrono::years life_default{100};

std::unexpected<Error> no_such_provider(std::string_view arn) {
  return refuse("NoSuchEntity", fmt::format("Manifest not found for arn {}", arn));
}

// By its ARN to the letter: policies were asked about the ARN as it is written.
Result<SamlProvider> find(Call& call, std::string_view arn) {
  const std::string head = iam_arn(call, "saml-provider", "/", "");
  if (!arn.starts_with("arn:"))
    return refuse("ValidationError", "Invalid ARN:  Could not be parsed!");
  if (!arn.starts_with(head)) return no_such_provider(arn);
  const std::string_view name = arn.substr(head.size());
  auto provider = identity::find_saml_provider(call.tx(), call.account(), name);
  if (!provider || provider->name != name) return no_such_provider(arn);
  return provider;
}

Owner owner_of(const SamlProvider& provider) {
  return {Owner::Kind::saml_provider, provider.account, provider.name};
}

std::unexpected<Error> no_metadata() { return refuse("InvalidInput", "Could not parse metadata"); }

bool has_key(const wire::Element& entity) {
  for (const wire::Element* role = entity.first; role != nullptr; role = role->next)
    if (role->name.ends_with("SSODescriptor") && role->child("KeyDescriptor") != nullptr)
      return true;
  return false;
}

// What says who the provider is and by which keys it is known; returns until when it counts. The
// tree is several times as large as the document, and is not kept while the change waits.
Result<Timestamp> read_metadata(const Call& call, std::string_view document) {
  wire::Arena arena;
  const auto root = wire::parse_xml(document, arena);
  if (!root || (*root)->name != "EntityDescriptor" || (*root)->attribute("entityID") == nullptr ||
      !has_key(**root))
    return no_metadata();
  const wire::XmlAttribute* const until = (*root)->attribute("validUntil");
  if (until == nullptr) return std::chrono::floor<std::chrono::seconds>(call.now() + life_default);
  const auto time = parse_iso8601(until->value);
  if (!time) return no_metadata();
  return *time;
}

// As it was read ahead, where somebody signed.
Result<Timestamp> metadata_end(Call& call, std::string_view document) {
  if (auto read = call.take_left<Result<Timestamp>>()) return *std::move(read);
  return read_metadata(call, document);
}

// "Allowed" is what every provider has. Whoever encrypts assertions wants them read, which nobody
// does here.
template <typename In>
Result<> refuse_encryption(const In& in) {
  bool given = in.AssertionEncryptionMode() == "Required" || in.AddPrivateKey().has_value();
  if constexpr (requires { in.RemovePrivateKey(); })
    given = given || in.RemovePrivateKey().has_value();
  if (!given) return {};
  return fail(ErrorCode::not_implemented,
              "Slipway does not implement encrypted SAML assertions; leave AssertionEncryptionMode "
              "and private keys out.");
}

}  // namespace

// Ten megabytes of XML are not read while everybody's changes wait.
std::any prepare_create_saml_provider(Call& call, api::CreateSAMLProviderRequest in) {
  return read_metadata(call, in.SAMLMetadataDocument());
}

std::any prepare_update_saml_provider(Call& call, api::UpdateSAMLProviderRequest in) {
  if (!in.SAMLMetadataDocument()) return {};
  return read_metadata(call, *in.SAMLMetadataDocument());
}

Result<api::CreateSAMLProviderResponse> create_saml_provider(Call& call,
                                                             api::CreateSAMLProviderRequest in) {
  TRY_DO(refuse_encryption(in));
  TRY(const std::vector<identity::Tag> tags, read_tags(in.Tags(), Owner::Kind::saml_provider));
  TRY(const Timestamp ends, metadata_end(call, in.SAMLMetadataDocument()));
  const SamlProvider provider{.account = call.account(),
                              .name = std::string(in.Name()),
                              .id = make_token(call.random(), id_characters, alphabet_base32),
                              .metadata = std::string(in.SAMLMetadataDocument()),
                              .ends = ends,
                              .created = this_second(call)};
  TRY_DO(identity::create_saml_provider(call.tx(), provider, tags));
  auto out = call.output<api::CreateSAMLProviderResponse>();
  out.SAMLProviderArn(iam_arn(call, "saml-provider", "/", provider.name));
  for (const auto& [key, value] : tags) out.add_Tags().Key(key).Value(value);
  return out;
}

Result<api::GetSAMLProviderResponse> get_saml_provider(Call& call, api::GetSAMLProviderRequest in) {
  TRY(const SamlProvider provider, find(call, in.SAMLProviderArn()));
  TRY(const auto tags, identity::list_tags(call.tx(), owner_of(provider), {}));
  auto out = call.output<api::GetSAMLProviderResponse>();
  out.SAMLProviderUUID(provider.id)
      .SAMLMetadataDocument(provider.metadata)
      .CreateDate(provider.created)
      .ValidUntil(provider.ends)
      .AssertionEncryptionMode("Allowed")
      .PrivateKeyList(wire::empty)
      .Tags(wire::empty);
  for (const auto& [key, value] : tags.items) out.add_Tags().Key(key).Value(value);
  return out;
}

Result<api::ListSAMLProvidersResponse> list_saml_providers(Call& call,
                                                           api::ListSAMLProvidersRequest) {
  auto out = call.output<api::ListSAMLProvidersResponse>();
  out.SAMLProviderList(wire::empty);
  for (const SamlProvider& each : identity::list_saml_providers(call.tx(), call.account()))
    out.add_SAMLProviderList()
        .Arn(iam_arn(call, "saml-provider", "/", each.name))
        .ValidUntil(each.ends)
        .CreateDate(each.created);
  return out;
}

Result<api::UpdateSAMLProviderResponse> update_saml_provider(Call& call,
                                                             api::UpdateSAMLProviderRequest in) {
  TRY_DO(refuse_encryption(in));
  TRY(SamlProvider provider, find(call, in.SAMLProviderArn()));
  if (const auto document = in.SAMLMetadataDocument()) {
    TRY(provider.ends, metadata_end(call, *document));
    provider.metadata = *document;
    identity::update_saml_provider(call.tx(), provider);
  }
  return call.output<api::UpdateSAMLProviderResponse>().SAMLProviderArn(in.SAMLProviderArn());
}

Result<> delete_saml_provider(Call& call, api::DeleteSAMLProviderRequest in) {
  TRY(const SamlProvider provider, find(call, in.SAMLProviderArn()));
  identity::delete_saml_provider(call.tx(), provider);
  return {};
}

Result<> tag_saml_provider(Call& call, api::TagSAMLProviderRequest in) {
  TRY(const SamlProvider provider, find(call, in.SAMLProviderArn()));
  return put_tags_in(in, call, owner_of(provider));
}

Result<> untag_saml_provider(Call& call, api::UntagSAMLProviderRequest in) {
  TRY(const SamlProvider provider, find(call, in.SAMLProviderArn()));
  return delete_tags_in(in, call, owner_of(provider));
}

Result<api::ListSAMLProviderTagsResponse> list_saml_provider_tags(
    Call& call, api::ListSAMLProviderTagsRequest in) {
  TRY(const SamlProvider provider, find(call, in.SAMLProviderArn()));
  return tags_answer<api::ListSAMLProviderTagsResponse>(in, call, owner_of(provider));
}

}  // namespace slipway::iam
