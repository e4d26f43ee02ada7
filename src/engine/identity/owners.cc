#include "engine/identity/owners.h"

#include <fmt/format.h>

#include "engine/identity/rows.h"

namespace slipway::identity {
namespace {

struct KindFacts {
  std::string_view name;
  std::string_view table;
  std::string_view missing;  // the kind of error
  std::size_t inline_bytes_max = 0;
  std::string_view attachments_quota = {};
};

constexpr KindFacts facts[] = {
    {"role", "identity_roles", "no_role", role_inline_bytes_max, "PoliciesPerRole"},
    {"policy", "identity_policies", "no_policy"},
    {"user", "identity_users", "no_user", user_inline_bytes_max, "PoliciesPerUser"},
    {"group", "identity_groups", "no_group", group_inline_bytes_max, "PoliciesPerGroup"},
    {"instance-profile", "identity_instance_profiles", "no_profile"},
    {"oidc-provider", "identity_providers", "no_provider"},
    {"server-certificate", "identity_server_certificates", "no_server_certificate"},
    {"saml-provider", "identity_saml_providers", "no_provider"},
    {"mfa", "identity_mfa_devices", "no_mfa_device"},
};

const KindFacts& facts_of(Owner::Kind kind) { return facts[static_cast<std::size_t>(kind)]; }

std::string sentence_of_missing(Owner owner) {
  using Kind = Owner::Kind;
  switch (owner.kind) {
    case Kind::policy: return fmt::format("Policy {} was not found.", owner.name);
    case Kind::instance_profile:
      return fmt::format("Instance Profile {} cannot be found.", owner.name);
    case Kind::provider:
      return fmt::format("OpenIDConnect Provider not found for arn {}", arn_of(owner, "/"));
    case Kind::server_certificate:
      return fmt::format("The Server Certificate with name {} cannot be found.", owner.name);
    case Kind::saml_provider:
      return fmt::format("Manifest not found for arn {}", arn_of(owner, "/"));
    case Kind::mfa_device:
      return fmt::format("MFA Device with serial number {} does not exist.", arn_of(owner, "/"));
    case Kind::role:
    case Kind::user:
    case Kind::group: break;
  }
  return fmt::format("The {} with name {} cannot be found.", name_of(owner.kind), owner.name);
}

std::int64_t count_rows(store::Transaction& tx, std::string_view table, Owner owner) {
  return first_number(
      tx.query(fmt::format("SELECT count(*) FROM {} WHERE account = ?1 AND owner = ?2", table),
               owner.account, owner_key(owner)));
}

Result<> check_inline_size(store::Transaction& tx, Owner owner, std::string_view policy_name,
                           std::string_view document) {
  auto rows = tx.query(
      "SELECT document FROM identity_inline_policies "
      "WHERE account = ?1 AND owner = ?2 AND name <> ?3",
      owner.account, owner_key(owner), policy_name);
  std::size_t bytes = counted_bytes(document);
  while (rows.next()) bytes += counted_bytes(rows.text(0));
  const KindFacts& kind = facts_of(owner.kind);
  if (bytes <= kind.inline_bytes_max) return {};
  return fail(ErrorCode::limit_exceeded,
              fmt::format("Maximum policy size of {} bytes exceeded for {} {}",
                          kind.inline_bytes_max, kind.name, owner.name));
}

// Tags of what is no party do not decide about its own requests: only parties are read anew.
void touch_party(store::Transaction& tx, Owner owner) {
  using Kind = Owner::Kind;
  if (owner.kind == Kind::role || owner.kind == Kind::user || owner.kind == Kind::group)
    touch(tx, owner);
}

}  // namespace

std::string_view name_of(Owner::Kind kind) { return facts_of(kind).name; }

std::string arn_of(Owner owner, std::string_view path) {
  return fmt::format("arn:aws:iam::{}:{}{}{}", owner.account, name_of(owner.kind), path,
                     owner.name);
}

std::size_t counted_bytes(std::string_view document) {
  std::size_t bytes = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < document.size(); ++i) {
    const char c = document[i];
    const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (in_text || !blank) ++bytes;
    if (in_text && c == '\\' && i + 1 < document.size()) {
      ++bytes;
      ++i;
    } else if (c == '"') {
      in_text = !in_text;
    }
  }
  return bytes;
}

// ---- For the other files of this engine
// ----------------------------------------------------------

std::unexpected<Error> missing(Owner owner) {
  return fail(ErrorCode::not_found, sentence_of_missing(owner),
              std::string(facts_of(owner.kind).missing));
}

Result<> require(store::Transaction& tx, Owner owner) {
  auto rows = tx.query(fmt::format("SELECT 1 FROM {} WHERE account = ?1 AND name_key = ?2",
                                   facts_of(owner.kind).table),
                       owner.account, key_of(owner.name));
  if (rows.next()) return {};
  return missing(owner);
}

void touch(store::Transaction& tx, Owner owner) {
  tx.run("INSERT OR IGNORE INTO identity_touched (account, owner) VALUES (?1, ?2)", owner.account,
         owner_key(owner));
}

void touch_policy(store::Transaction& tx, std::string_view account, std::string_view full_name) {
  tx.run("INSERT OR IGNORE INTO identity_touched (account, owner) VALUES (?1, ?2)", account,
         fmt::format("{}{}", policy_prefix, full_name));
}

tags::TaggedThing tagged(Owner owner) { return {std::string(owner.account), {}, owner_key(owner)}; }

Result<> require_no_policies(store::Transaction& tx, Owner owner) {
  if (count_rows(tx, "identity_attachments", owner) > 0)
    return fail(ErrorCode::in_use, "Cannot delete entity, must detach all policies first.",
                "has_attachments");
  if (count_rows(tx, "identity_inline_policies", owner) > 0)
    return fail(ErrorCode::in_use, "Cannot delete entity, must delete policies first.",
                "has_policies");
  return {};
}

Result<> require_room(store::Transaction& tx, std::string_view account, const Quota& quota) {
  const std::int64_t there = first_number(
      tx.query(fmt::format("SELECT count(*) FROM {} WHERE account = ?1", quota.table), account));
  if (there < static_cast<std::int64_t>(quota.most)) return {};
  return fail(ErrorCode::limit_exceeded,
              fmt::format("Cannot exceed quota for {}: {}", quota.name, quota.most));
}

// ---- Tags ---------------------------------------------------------------------------------------

namespace {

// Keys of users' and roles' tags are the same in any case; those of everything else are not.
tags::Rules rules_of(Owner::Kind kind) {
  const bool is_party = kind == Owner::Kind::role || kind == Owner::Kind::user;
  return {.tags_max = identity_tags_max,
          .key_case = is_party ? tags::Rules::Case::ignored : tags::Rules::Case::counts};
}

}  // namespace

Result<> put_tags(store::Transaction& tx, Owner owner, std::span<const Tag> tags) {
  TRY_DO(require(tx, owner));
  touch_party(tx, owner);
  if (tags::put(tx, tagged(owner), tags, rules_of(owner.kind))) return {};
  return fail(ErrorCode::limit_exceeded, "The number of tags has reached the maximum limit.");
}

Result<> delete_tags(store::Transaction& tx, Owner owner, std::span<const std::string> keys) {
  TRY_DO(require(tx, owner));
  tags::erase(tx, tagged(owner), keys, rules_of(owner.kind));
  touch_party(tx, owner);
  return {};
}

Result<Page<Tag>> list_tags(store::Transaction& tx, Owner owner, const PageRequest& page) {
  TRY_DO(require(tx, owner));
  Page<Tag> out{.items = tags::list(tx, tagged(owner), page.after, page.items_max + 1)};
  out.more = out.items.size() > page.items_max;
  if (out.more) out.items.pop_back();
  return out;
}

// ---- Policies on an owner -----------------------------------------------------------------------

Result<> put_inline_policy(store::Transaction& tx, Owner owner, std::string_view policy_name,
                           std::string_view document) {
  TRY_DO(require(tx, owner));
  TRY_DO(check_inline_size(tx, owner, policy_name, document));
  tx.run(
      "INSERT OR REPLACE INTO identity_inline_policies (account, owner, name, document) "
      "VALUES (?1, ?2, ?3, ?4)",
      owner.account, owner_key(owner), policy_name, document);
  touch(tx, owner);
  return {};
}

Result<std::string> find_inline_policy(store::Transaction& tx, Owner owner,
                                       std::string_view policy_name) {
  TRY_DO(require(tx, owner));
  auto rows = tx.query(
      "SELECT document FROM identity_inline_policies "
      "WHERE account = ?1 AND owner = ?2 AND name = ?3",
      owner.account, owner_key(owner), policy_name);
  if (rows.next()) return std::string(rows.text(0));
  return fail(
      ErrorCode::not_found,
      fmt::format("The {} policy with name {} cannot be found.", name_of(owner.kind), policy_name),
      "no_inline_policy");
}

Result<Page<std::string>> list_inline_policies(store::Transaction& tx, Owner owner,
                                               const PageRequest& page) {
  TRY_DO(require(tx, owner));
  auto rows = tx.query(
      "SELECT name FROM identity_inline_policies WHERE account = ?1 AND owner = ?2 AND name > ?3 "
      "ORDER BY name LIMIT ?4",
      owner.account, owner_key(owner), page.after, page.items_max + 1);
  return page_of<std::string>(rows, page, first_text);
}

Result<> delete_inline_policy(store::Transaction& tx, Owner owner, std::string_view policy_name) {
  TRY_DO(find_inline_policy(tx, owner, policy_name));
  tx.run("DELETE FROM identity_inline_policies WHERE account = ?1 AND owner = ?2 AND name = ?3",
         owner.account, owner_key(owner), policy_name);
  touch(tx, owner);
  return {};
}

Result<> attach_policy(store::Transaction& tx, Owner owner, std::string_view policy) {
  TRY_DO(require(tx, owner));
  tx.run("INSERT OR IGNORE INTO identity_attachments (account, owner, policy) VALUES (?1, ?2, ?3)",
         owner.account, owner_key(owner), policy);
  touch(tx, owner);
  if (count_rows(tx, "identity_attachments", owner) <= std::int64_t{attached_policies_max})
    return {};
  return fail(ErrorCode::limit_exceeded,
              fmt::format("Cannot exceed quota for {}: {}", facts_of(owner.kind).attachments_quota,
                          attached_policies_max));
}

Result<> detach_policy(store::Transaction& tx, Owner owner, std::string_view policy) {
  TRY_DO(require(tx, owner));
  const std::int64_t removed =
      tx.run("DELETE FROM identity_attachments WHERE account = ?1 AND owner = ?2 AND policy = ?3",
             owner.account, owner_key(owner), policy);
  touch(tx, owner);
  if (removed > 0) return {};
  return fail(ErrorCode::not_found, fmt::format("Policy {} was not found.", policy),
              "no_attachment");
}

Result<Page<std::string>> list_attached_policies(store::Transaction& tx, Owner owner,
                                                 const PageRequest& page) {
  TRY_DO(require(tx, owner));
  auto rows = tx.query(
      "SELECT policy FROM identity_attachments WHERE account = ?1 AND owner = ?2 AND policy > ?3 "
      "ORDER BY policy LIMIT ?4",
      owner.account, owner_key(owner), page.after, page.items_max + 1);
  return page_of<std::string>(rows, page, first_text);
}

Result<> put_boundary(store::Transaction& tx, Owner owner, std::optional<std::string_view> policy) {
  TRY_DO(require(tx, owner));
  tx.run(fmt::format("UPDATE {} SET permissions_boundary = ?3 WHERE account = ?1 AND name_key = ?2",
                     facts_of(owner.kind).table),
         owner.account, key_of(owner.name), policy);
  touch(tx, owner);
  return {};
}

}  // namespace slipway::identity
