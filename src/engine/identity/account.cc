#include "engine/identity/account.h"

#include <fmt/format.h>

#include "engine/identity/rows.h"

namespace slipway::identity {
namespace {

constexpr Quota profile_quota{"identity_instance_profiles", "InstanceProfilesPerAccount",
                              instance_profiles_max};
constexpr Quota provider_quota{"identity_providers", "OpenIdConnectProvidersPerAccount",
                               providers_max};

constexpr std::string_view profile_columns =
    "account, name, path, id, role_key, created FROM identity_instance_profiles";
constexpr std::string_view provider_columns =
    "account, url, clients, thumbprints, created FROM identity_providers";

InstanceProfile profile_of(const store::Rows& rows) {
  return {.account = std::string(rows.text(0)),
          .name = std::string(rows.text(1)),
          .path = std::string(rows.text(2)),
          .id = std::string(rows.text(3)),
          .role = std::string(rows.text(4)),
          .created = time_of(rows.integer(5))};
}

Provider provider_of(const store::Rows& rows) {
  return {.account = std::string(rows.text(0)),
          .name = std::string(rows.text(1)),
          .clients = texts_of(rows.text(2)),
          .thumbprints = texts_of(rows.text(3)),
          .created = time_of(rows.integer(4))};
}

Owner owner_of(const InstanceProfile& profile) {
  return {Owner::Kind::instance_profile, profile.account, profile.name};
}
Owner owner_of(const Provider& provider) {
  return {Owner::Kind::provider, provider.account, provider.name};
}

Result<> check_lists(const Provider& provider) {
  if (provider.clients.size() > provider_clients_max)
    return fail(ErrorCode::limit_exceeded,
                fmt::format("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {}",
                            provider_clients_max));
  if (provider.thumbprints.size() <= provider_thumbprints_max) return {};
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("Thumbprint list must contain fewer than {} entries.", provider_thumbprints_max),
      "too_many_thumbprints");
}

}  // namespace

Result<> create_instance_profile(store::Transaction& tx, const InstanceProfile& profile,
                                 std::span<const Tag> tags) {
  if (require(tx, owner_of(profile)))
    return fail(ErrorCode::already_exists,
                fmt::format("Instance Profile {} already exists.", profile.name));
  TRY_DO(require_room(tx, profile.account, profile_quota));
  tx.run(
      "INSERT INTO identity_instance_profiles (account, name_key, name, path, id, role_key, "
      "created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
      profile.account, key_of(profile.name), profile.name, profile.path, profile.id,
      key_of(profile.role), number_of(profile.created));
  return put_tags(tx, owner_of(profile), tags);
}

Result<InstanceProfile> find_instance_profile(store::Transaction& tx, std::string_view account,
                                              std::string_view name) {
  TRY_DO(require(tx, {Owner::Kind::instance_profile, account, name}));
  auto rows =
      tx.query(fmt::format("SELECT {} WHERE account = ?1 AND name_key = ?2", profile_columns),
               account, key_of(name));
  rows.next();
  return profile_of(rows);
}

Page<InstanceProfile> list_instance_profiles(store::Transaction& tx, std::string_view account,
                                             const PageRequest& page) {
  auto rows =
      tx.query(fmt::format("SELECT {} WHERE account = ?1 AND name_key > ?2 "
                           "AND substr(path, 1, length(?3)) = ?3 ORDER BY name_key LIMIT ?4",
                           profile_columns),
               account, key_of(page.after), page.path_prefix, page.items_max + 1);
  return page_of<InstanceProfile>(rows, page, profile_of);
}

Page<InstanceProfile> list_instance_profiles_of(store::Transaction& tx, Owner role,
                                                const PageRequest& page) {
  auto rows = tx.query(fmt::format("SELECT {} WHERE account = ?1 AND role_key = ?2 AND "
                                   "role_key <> '' AND name_key > ?3 ORDER BY name_key LIMIT ?4",
                                   profile_columns),
                       role.account, key_of(role.name), key_of(page.after), page.items_max + 1);
  return page_of<InstanceProfile>(rows, page, profile_of);
}

void set_profile_role(store::Transaction& tx, const InstanceProfile& profile,
                      std::string_view role) {
  tx.run("UPDATE identity_instance_profiles SET role_key = ?3 WHERE account = ?1 AND name_key = ?2",
         profile.account, key_of(profile.name), key_of(role));
}

Result<> delete_instance_profile(store::Transaction& tx, const InstanceProfile& profile) {
  if (!profile.role.empty())
    return fail(ErrorCode::in_use,
                "Cannot delete entity, must remove roles from instance profile first.",
                "has_roles");
  tags::erase_all(tx, tagged(owner_of(profile)));
  tx.run("DELETE FROM identity_instance_profiles WHERE account = ?1 AND name_key = ?2",
         profile.account, key_of(profile.name));
  return {};
}

Result<> create_provider(store::Transaction& tx, const Provider& provider,
                         std::span<const Tag> tags) {
  TRY_DO(check_lists(provider));
  if (require(tx, owner_of(provider)))
    return fail(ErrorCode::already_exists,
                fmt::format("Provider with url https://{} already exists.", provider.name));
  TRY_DO(require_room(tx, provider.account, provider_quota));
  tx.run(
      "INSERT INTO identity_providers (account, name_key, url, clients, thumbprints, created) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
      provider.account, key_of(provider.name), provider.name, lines_of(provider.clients),
      lines_of(provider.thumbprints), number_of(provider.created));
  return put_tags(tx, owner_of(provider), tags);
}

Result<Provider> find_provider(store::Transaction& tx, std::string_view account,
                               std::string_view name) {
  TRY_DO(require(tx, {Owner::Kind::provider, account, name}));
  auto rows =
      tx.query(fmt::format("SELECT {} WHERE account = ?1 AND name_key = ?2", provider_columns),
               account, key_of(name));
  rows.next();
  return provider_of(rows);
}

std::vector<Provider> list_providers(store::Transaction& tx, std::string_view account) {
  auto rows = tx.query(
      fmt::format("SELECT {} WHERE account = ?1 ORDER BY name_key", provider_columns), account);
  std::vector<Provider> out;
  while (rows.next()) out.push_back(provider_of(rows));
  return out;
}

Result<> update_provider(store::Transaction& tx, const Provider& provider) {
  TRY_DO(check_lists(provider));
  tx.run(
      "UPDATE identity_providers SET clients = ?3, thumbprints = ?4 "
      "WHERE account = ?1 AND name_key = ?2",
      provider.account, key_of(provider.name), lines_of(provider.clients),
      lines_of(provider.thumbprints));
  return {};
}

void delete_provider(store::Transaction& tx, const Provider& provider) {
  tags::erase_all(tx, tagged(owner_of(provider)));
  tx.run("DELETE FROM identity_providers WHERE account = ?1 AND name_key = ?2", provider.account,
         key_of(provider.name));
}

std::optional<std::string> account_alias(store::Transaction& tx, std::string_view account) {
  auto rows = tx.query("SELECT alias FROM identity_aliases WHERE account = ?1", account);
  if (!rows.next()) return std::nullopt;
  return std::string(rows.text(0));
}

Result<> set_account_alias(store::Transaction& tx, std::string_view account,
                           std::string_view alias) {
  auto taken =
      tx.query("SELECT 1 FROM identity_aliases WHERE alias = ?1 AND account <> ?2", alias, account);
  if (taken.next())
    return fail(ErrorCode::already_exists,
                fmt::format("The account alias {} already exists.", alias));
  tx.run(
      "INSERT INTO identity_aliases (account, alias) VALUES (?1, ?2) "
      "ON CONFLICT(account) DO UPDATE SET alias = ?2",
      account, alias);
  return {};
}

void clear_account_alias(store::Transaction& tx, std::string_view account) {
  tx.run("DELETE FROM identity_aliases WHERE account = ?1", account);
}

}  // namespace slipway::identity
