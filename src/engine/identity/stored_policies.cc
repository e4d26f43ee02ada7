#include "engine/identity/stored_policies.h"

#include <fmt/format.h>

#include "engine/identity/rows.h"

namespace slipway::identity {
namespace {

constexpr Quota quota{"identity_policies", "PoliciesPerAccount", policies_max};

constexpr std::string_view select =
    "SELECT p.account, p.name, p.path, p.id, p.description, v.document, p.created, "
    "p.default_version, p.updated FROM identity_policies p JOIN identity_policy_versions v "
    "ON v.account = p.account AND v.name_key = p.name_key AND v.number = p.default_version ";

StoredPolicy policy_of(const store::Rows& rows) {
  return {.account = std::string(rows.text(0)),
          .name = std::string(rows.text(1)),
          .path = std::string(rows.text(2)),
          .id = std::string(rows.text(3)),
          .description = std::string(rows.text(4)),
          .document = std::string(rows.text(5)),
          .created = time_of(rows.integer(6)),
          .default_version = rows.integer(7),
          .updated = time_of(rows.integer(8))};
}

Owner owner_of(const StoredPolicy& policy) {
  return {Owner::Kind::policy, policy.account, policy.name};
}

std::string full_name(const StoredPolicy& policy) { return arn_of(owner_of(policy), policy.path); }

Result<> check_size(std::string_view document) {
  if (counted_bytes(document) <= stored_policy_bytes_max) return {};
  return fail(ErrorCode::limit_exceeded,
              fmt::format("Cannot exceed quota for PolicySize: {}", stored_policy_bytes_max));
}

std::unexpected<Error> no_version(const StoredPolicy& policy, std::int64_t number) {
  return fail(ErrorCode::not_found,
              fmt::format("Policy {} version v{} does not exist or is not attachable.",
                          full_name(policy), number),
              "no_version");
}

void insert_version(store::Transaction& tx, const StoredPolicy& policy,
                    const PolicyVersion& version) {
  tx.run(
      "INSERT INTO identity_policy_versions (account, name_key, number, document, created) "
      "VALUES (?1, ?2, ?3, ?4, ?5)",
      policy.account, key_of(policy.name), version.number, version.document,
      number_of(version.created));
}

std::int64_t count_versions(store::Transaction& tx, const StoredPolicy& policy) {
  return first_number(
      tx.query("SELECT count(*) FROM identity_policy_versions WHERE account = ?1 AND name_key = ?2",
               policy.account, key_of(policy.name)));
}

}  // namespace

Result<> create_policy(store::Transaction& tx, const StoredPolicy& policy,
                       std::span<const Tag> tags) {
  if (require(tx, owner_of(policy)))
    return fail(ErrorCode::already_exists,
                fmt::format("A policy called {} already exists. Duplicate names are not allowed.",
                            policy.name));
  TRY_DO(require_room(tx, policy.account, quota));
  TRY_DO(check_size(policy.document));
  tx.run(
      "INSERT INTO identity_policies (account, name_key, name, path, id, description, created, "
      "updated) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
      policy.account, key_of(policy.name), policy.name, policy.path, policy.id, policy.description,
      number_of(policy.created));
  insert_version(tx, policy, {1, policy.document, policy.created, true});
  touch_policy(tx, policy.account, full_name(policy));
  return put_tags(tx, owner_of(policy), tags);
}

Result<StoredPolicy> find_policy(store::Transaction& tx, std::string_view account,
                                 std::string_view name) {
  auto rows = tx.query(fmt::format("{}WHERE p.account = ?1 AND p.name_key = ?2", select), account,
                       key_of(name));
  if (rows.next()) return policy_of(rows);
  return fail(ErrorCode::not_found, fmt::format("Policy {} was not found.", name), "no_policy");
}

Result<StoredPolicy> find_policy_by_arn(store::Transaction& tx, std::string_view arn) {
  constexpr std::string_view prefix = "arn:aws:iam::";
  if (arn.starts_with(prefix)) {
    std::string_view rest = arn.substr(prefix.size());
    const std::string_view account = take_until(rest, ':');
    auto policy = find_policy(tx, account, arn.substr(arn.rfind('/') + 1));
    if (policy && full_name(*policy) == arn) return policy;
  }
  return fail(ErrorCode::not_found, fmt::format("Policy {} was not found.", arn), "no_policy");
}

Page<StoredPolicy> list_policies(store::Transaction& tx, std::string_view account,
                                 const PageRequest& page) {
  auto rows =
      tx.query(fmt::format("{}WHERE p.account = ?1 AND p.name_key > ?2 "
                           "AND substr(p.path, 1, length(?3)) = ?3 ORDER BY p.name_key LIMIT ?4",
                           select),
               account, key_of(page.after), page.path_prefix, page.items_max + 1);
  return page_of<StoredPolicy>(rows, page, policy_of);
}

Result<> delete_policy(store::Transaction& tx, const StoredPolicy& policy) {
  const std::string arn = full_name(policy);
  for (const PolicyUsage usage : {PolicyUsage::attached, PolicyUsage::boundary})
    if (count_users_of(tx, policy.account, arn, usage) > 0)
      return fail(ErrorCode::in_use, "Cannot delete a policy attached to entities.", "is_attached");
  if (count_versions(tx, policy) > 1)
    return fail(ErrorCode::in_use,
                "This policy has more than one version. Before you delete a policy, you must "
                "delete the policy's versions. The default version is deleted with the policy.",
                "has_versions");
  touch_policy(tx, policy.account, arn);
  tags::erase_all(tx, tagged(owner_of(policy)));
  for (const std::string_view table : {"identity_policy_versions", "identity_policies"})
    tx.run(fmt::format("DELETE FROM {} WHERE account = ?1 AND name_key = ?2", table),
           policy.account, key_of(policy.name));
  return {};
}

std::vector<PolicyVersion> policy_versions(store::Transaction& tx, const StoredPolicy& policy) {
  std::vector<PolicyVersion> versions;
  auto rows = tx.query(
      "SELECT number, document, created FROM identity_policy_versions "
      "WHERE account = ?1 AND name_key = ?2 ORDER BY number DESC",
      policy.account, key_of(policy.name));
  while (rows.next())
    versions.push_back({rows.integer(0), std::string(rows.text(1)), time_of(rows.integer(2)),
                        rows.integer(0) == policy.default_version});
  return versions;
}

Result<PolicyVersion> add_policy_version(store::Transaction& tx, const StoredPolicy& policy,
                                         std::string_view document, Timestamp now) {
  TRY_DO(check_size(document));
  if (count_versions(tx, policy) >= std::int64_t{policy_versions_max})
    return fail(ErrorCode::limit_exceeded,
                fmt::format("A managed policy can have up to {} versions. Before you create a new "
                            "version, you must delete an existing version.",
                            policy_versions_max));
  tx.run(
      "UPDATE identity_policies SET newest_version = newest_version + 1, updated = ?3 "
      "WHERE account = ?1 AND name_key = ?2",
      policy.account, key_of(policy.name), number_of(now));
  PolicyVersion version{
      .number = first_number(tx.query(
          "SELECT newest_version FROM identity_policies WHERE account = ?1 AND name_key = ?2",
          policy.account, key_of(policy.name))),
      .document = std::string(document),
      .created = now};
  insert_version(tx, policy, version);
  return version;
}

Result<> set_default_version(store::Transaction& tx, const StoredPolicy& policy,
                             std::int64_t number, Timestamp now) {
  const std::int64_t there =
      first_number(tx.query("SELECT count(*) FROM identity_policy_versions "
                            "WHERE account = ?1 AND name_key = ?2 AND number = ?3",
                            policy.account, key_of(policy.name), number));
  if (there == 0) return no_version(policy, number);
  tx.run(
      "UPDATE identity_policies SET default_version = ?3, updated = ?4 "
      "WHERE account = ?1 AND name_key = ?2",
      policy.account, key_of(policy.name), number, number_of(now));
  touch_policy(tx, policy.account, full_name(policy));
  return {};
}

Result<> delete_policy_version(store::Transaction& tx, const StoredPolicy& policy,
                               std::int64_t number) {
  if (number == policy.default_version)
    return fail(ErrorCode::in_use, "Cannot delete the default version of a policy.",
                "has_versions");
  const std::int64_t removed = tx.run(
      "DELETE FROM identity_policy_versions "
      "WHERE account = ?1 AND name_key = ?2 AND number = ?3",
      policy.account, key_of(policy.name), number);
  return removed > 0 ? Result<>{} : no_version(policy, number);
}

namespace {

constexpr std::string_view attached_owners =
    "SELECT owner FROM identity_attachments WHERE account = ?1 AND policy = ?2";
constexpr std::string_view bounded_owners =
    "SELECT 'role/' || name_key AS owner FROM identity_roles "
    "WHERE account = ?1 AND permissions_boundary = ?2 "
    "UNION ALL SELECT 'user/' || name_key FROM identity_users "
    "WHERE account = ?1 AND permissions_boundary = ?2";

std::string_view owners_query(PolicyUsage usage) {
  return usage == PolicyUsage::attached ? attached_owners : bounded_owners;
}

}  // namespace

std::int64_t count_users_of(store::Transaction& tx, std::string_view account,
                            std::string_view policy, PolicyUsage usage) {
  return first_number(
      tx.query(fmt::format("SELECT count(*) FROM ({})", owners_query(usage)), account, policy));
}

std::vector<std::string> users_of(store::Transaction& tx, std::string_view account,
                                  const UsersQuery& query) {
  // "role0" is the first text behind all that begin with "role/".
  const std::string from = query.kind.empty() ? "" : fmt::format("{}/", query.kind);
  const std::string to = query.kind.empty() ? "z" : fmt::format("{}0", query.kind);
  std::vector<std::string> owners;
  auto rows = tx.query(fmt::format("SELECT owner FROM ({}) WHERE owner > max(?3, ?4) AND "
                                   "owner < ?5 ORDER BY owner LIMIT ?6",
                                   owners_query(query.usage)),
                       account, query.policy, from, query.after, to, query.most);
  while (rows.next()) owners.emplace_back(rows.text(0));
  return owners;
}

}  // namespace slipway::identity
