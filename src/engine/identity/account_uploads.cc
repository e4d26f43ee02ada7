#include "engine/identity/account_uploads.h"

#include <fmt/format.h>

#include "engine/identity/rows.h"

namespace slipway::identity {
namespace {

constexpr Quota certificate_quota{"identity_server_certificates", "ServerCertificatesPerAccount",
                                  server_certificates_max};
constexpr Quota provider_quota{"identity_saml_providers", "SAMLProvidersPerAccount",
                               saml_providers_max};

constexpr std::string_view certificate_columns =
    "account, name, path, id, body, chain, expires, created FROM identity_server_certificates";
constexpr std::string_view listed_certificate_columns =
    "account, name, path, id, '', '', expires, created FROM identity_server_certificates";

ServerCertificate certificate_of(const store::Rows& rows) {
  return {.account = std::string(rows.text(0)),
          .name = std::string(rows.text(1)),
          .path = std::string(rows.text(2)),
          .id = std::string(rows.text(3)),
          .body = std::string(rows.text(4)),
          .chain = std::string(rows.text(5)),
          .expires = time_of(rows.integer(6)),
          .created = time_of(rows.integer(7))};
}

Owner owner_of(const ServerCertificate& certificate) {
  return {Owner::Kind::server_certificate, certificate.account, certificate.name};
}
Owner owner_of(const SamlProvider& provider) {
  return {Owner::Kind::saml_provider, provider.account, provider.name};
}

std::unexpected<Error> exists(std::string_view name) {
  return fail(ErrorCode::already_exists,
              fmt::format("The Server Certificate with name {} already exists.", name));
}

}  // namespace

// ---- Server certificates ------------------------------------------------------------------------

Result<> create_server_certificate(store::Transaction& tx, const ServerCertificate& certificate,
                                   std::span<const Tag> tags) {
  if (require(tx, owner_of(certificate))) return exists(certificate.name);
  TRY_DO(require_room(tx, certificate.account, certificate_quota));
  tx.run(
      "INSERT INTO identity_server_certificates (account, name_key, name, path, id, body, chain, "
      "expires, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
      certificate.account, key_of(certificate.name), certificate.name, certificate.path,
      certificate.id, certificate.body, certificate.chain, number_of(certificate.expires),
      number_of(certificate.created));
  return put_tags(tx, owner_of(certificate), tags);
}

Result<ServerCertificate> find_server_certificate(store::Transaction& tx, std::string_view account,
                                                  std::string_view name) {
  TRY_DO(require(tx, {Owner::Kind::server_certificate, account, name}));
  auto rows =
      tx.query(fmt::format("SELECT {} WHERE account = ?1 AND name_key = ?2", certificate_columns),
               account, key_of(name));
  rows.next();
  return certificate_of(rows);
}

Page<ServerCertificate> list_server_certificates(store::Transaction& tx, std::string_view account,
                                                 const PageRequest& page) {
  auto rows =
      tx.query(fmt::format("SELECT {} WHERE account = ?1 AND name_key > ?2 "
                           "AND substr(path, 1, length(?3)) = ?3 ORDER BY name_key LIMIT ?4",
                           listed_certificate_columns),
               account, key_of(page.after), page.path_prefix, page.items_max + 1);
  return page_of<ServerCertificate>(rows, page, certificate_of);
}

Result<> move_server_certificate(store::Transaction& tx, const ServerCertificate& certificate,
                                 const Move& to) {
  const Owner after{Owner::Kind::server_certificate, certificate.account, to.name};
  const std::string old_key = key_of(certificate.name);
  const std::string new_key = key_of(to.name);
  if (new_key != old_key && require(tx, after)) return exists(to.name);
  tx.run(
      "UPDATE identity_server_certificates SET name_key = ?3, name = ?4, path = ?5 "
      "WHERE account = ?1 AND name_key = ?2",
      certificate.account, old_key, new_key, to.name, to.path);
  tags::move(tx, tagged(owner_of(certificate)), tagged(after));
  return {};
}

void delete_server_certificate(store::Transaction& tx, const ServerCertificate& certificate) {
  tags::erase_all(tx, tagged(owner_of(certificate)));
  tx.run("DELETE FROM identity_server_certificates WHERE account = ?1 AND name_key = ?2",
         certificate.account, key_of(certificate.name));
}

// ---- SAML providers -----------------------------------------------------------------------------

Result<> create_saml_provider(store::Transaction& tx, const SamlProvider& provider,
                              std::span<const Tag> tags) {
  if (require(tx, owner_of(provider)))
    return fail(ErrorCode::already_exists,
                fmt::format("Provider with name {} already exists.", provider.name));
  TRY_DO(require_room(tx, provider.account, provider_quota));
  tx.run(
      "INSERT INTO identity_saml_providers (account, name_key, name, id, metadata, ends, created) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
      provider.account, key_of(provider.name), provider.name, provider.id, provider.metadata,
      number_of(provider.ends), number_of(provider.created));
  return put_tags(tx, owner_of(provider), tags);
}

Result<SamlProvider> find_saml_provider(store::Transaction& tx, std::string_view account,
                                        std::string_view name) {
  TRY_DO(require(tx, {Owner::Kind::saml_provider, account, name}));
  auto rows = tx.query(
      "SELECT account, name, id, metadata, ends, created FROM identity_saml_providers "
      "WHERE account = ?1 AND name_key = ?2",
      account, key_of(name));
  rows.next();
  return SamlProvider{.account = std::string(rows.text(0)),
                      .name = std::string(rows.text(1)),
                      .id = std::string(rows.text(2)),
                      .metadata = std::string(rows.text(3)),
                      .ends = time_of(rows.integer(4)),
                      .created = time_of(rows.integer(5))};
}

std::vector<SamlProvider> list_saml_providers(store::Transaction& tx, std::string_view account) {
  auto rows = tx.query(
      "SELECT account, name, id, ends, created FROM identity_saml_providers WHERE account = ?1 "
      "ORDER BY name_key",
      account);
  std::vector<SamlProvider> out;
  while (rows.next())
    out.push_back({.account = std::string(rows.text(0)),
                   .name = std::string(rows.text(1)),
                   .id = std::string(rows.text(2)),
                   .metadata = {},
                   .ends = time_of(rows.integer(3)),
                   .created = time_of(rows.integer(4))});
  return out;
}

void update_saml_provider(store::Transaction& tx, const SamlProvider& provider) {
  tx.run(
      "UPDATE identity_saml_providers SET metadata = ?3, ends = ?4 "
      "WHERE account = ?1 AND name_key = ?2",
      provider.account, key_of(provider.name), provider.metadata, number_of(provider.ends));
}

void delete_saml_provider(store::Transaction& tx, const SamlProvider& provider) {
  tags::erase_all(tx, tagged(owner_of(provider)));
  tx.run("DELETE FROM identity_saml_providers WHERE account = ?1 AND name_key = ?2",
         provider.account, key_of(provider.name));
}

}  // namespace slipway::identity
