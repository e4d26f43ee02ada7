#include "engine/identity/tables.h"

#include "engine/tags/tags.h"

namespace slipway::identity {
namespace {

// What is kept and decides nothing: account.h.
constexpr std::string_view kept = R"(
  CREATE TABLE identity_instance_profiles (
    account TEXT NOT NULL, name_key TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL,
    id TEXT NOT NULL, role_key TEXT NOT NULL, created INTEGER NOT NULL,
    PRIMARY KEY (account, name_key)) WITHOUT ROWID;
  CREATE INDEX identity_instance_profiles_by_role
    ON identity_instance_profiles (account, role_key, name_key) WHERE role_key <> '';
  CREATE TABLE identity_providers (
    account TEXT NOT NULL, name_key TEXT NOT NULL, url TEXT NOT NULL, clients TEXT NOT NULL,
    thumbprints TEXT NOT NULL, created INTEGER NOT NULL,
    PRIMARY KEY (account, name_key)) WITHOUT ROWID;
  CREATE TABLE identity_aliases (
    account TEXT PRIMARY KEY, alias TEXT NOT NULL UNIQUE) WITHOUT ROWID;
)";

// Passwords: passwords.h.
constexpr std::string_view passwords = R"(
  CREATE TABLE identity_password_rules (
    account TEXT PRIMARY KEY, length_min INTEGER NOT NULL, symbols INTEGER NOT NULL,
    numbers INTEGER NOT NULL, uppercase INTEGER NOT NULL, lowercase INTEGER NOT NULL,
    users_may_change INTEGER NOT NULL, hard_expiry INTEGER, age_days_max INTEGER,
    reuse_prevention INTEGER) WITHOUT ROWID;
  CREATE TABLE identity_passwords (
    account TEXT NOT NULL, user_key TEXT NOT NULL, hash TEXT NOT NULL, former TEXT NOT NULL,
    reset_required INTEGER NOT NULL, created INTEGER NOT NULL, changed INTEGER NOT NULL,
    PRIMARY KEY (account, user_key)) WITHOUT ROWID;
)";

// What users and accounts upload: user_uploads.h, account_uploads.h.
constexpr std::string_view uploads = R"(
  CREATE TABLE identity_user_uploads (
    account TEXT NOT NULL, user_key TEXT NOT NULL, kind INTEGER NOT NULL, id TEXT NOT NULL,
    body TEXT NOT NULL, mark TEXT NOT NULL, active INTEGER NOT NULL, created INTEGER NOT NULL,
    PRIMARY KEY (account, user_key, kind, id)) WITHOUT ROWID;
  CREATE INDEX identity_user_uploads_by_mark ON identity_user_uploads (account, kind, mark);
  CREATE TABLE identity_server_certificates (
    account TEXT NOT NULL, name_key TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL,
    id TEXT NOT NULL, body TEXT NOT NULL, chain TEXT NOT NULL, expires INTEGER NOT NULL,
    created INTEGER NOT NULL, PRIMARY KEY (account, name_key));
  CREATE TABLE identity_saml_providers (
    account TEXT NOT NULL, name_key TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL,
    ends INTEGER NOT NULL, created INTEGER NOT NULL, metadata TEXT NOT NULL,
    PRIMARY KEY (account, name_key));
)";

// Second factors (mfa.h); when keys and roles were used last (last_used.h).
constexpr std::string_view factors_and_uses = R"(
  CREATE TABLE identity_mfa_devices (
    account TEXT NOT NULL, name_key TEXT NOT NULL, name TEXT NOT NULL, seed TEXT NOT NULL,
    user_key TEXT NOT NULL, created INTEGER NOT NULL, enabled INTEGER NOT NULL,
    drift INTEGER NOT NULL, last_step INTEGER NOT NULL, failures INTEGER NOT NULL,
    failed INTEGER NOT NULL, PRIMARY KEY (account, name_key)) WITHOUT ROWID;
  CREATE INDEX identity_mfa_devices_by_user
    ON identity_mfa_devices (account, user_key, name_key);
  CREATE TABLE identity_uses (
    account TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, service TEXT NOT NULL,
    region TEXT NOT NULL, PRIMARY KEY (account, id)) WITHOUT ROWID;
  CREATE TABLE identity_credential_reports (
    account TEXT PRIMARY KEY, made INTEGER NOT NULL, content TEXT NOT NULL);
)";

// Whose boundary a policy is, so that nobody looks at each role and user for it.
constexpr std::string_view boundaries = R"(
  CREATE INDEX identity_roles_by_boundary
    ON identity_roles (account, permissions_boundary) WHERE permissions_boundary IS NOT NULL;
  CREATE INDEX identity_users_by_boundary
    ON identity_users (account, permissions_boundary) WHERE permissions_boundary IS NOT NULL;
)";

// Tags went to where all tags are. Those of one owner were ordered by key.
constexpr std::string_view tags_of_all = R"(
  INSERT INTO tag(account, region, resource, key, value, place)
    SELECT account, '', owner, key, value,
      row_number() OVER (PARTITION BY account, owner ORDER BY key) FROM identity_tags;
  DROP TABLE identity_tags;
)";

constexpr store::Migration all_migrations[] = {tags::table,
                                               {"identity", 1, R"(
  CREATE TABLE identity_roles (
    account TEXT NOT NULL, name_key TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL,
    id TEXT NOT NULL, description TEXT NOT NULL, trust_policy TEXT NOT NULL,
    session_seconds INTEGER NOT NULL, permissions_boundary TEXT, created INTEGER NOT NULL,
    PRIMARY KEY (account, name_key)) WITHOUT ROWID;
  CREATE TABLE identity_inline_policies (
    account TEXT NOT NULL, role_key TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (account, role_key, name)) WITHOUT ROWID;
  CREATE TABLE identity_attachments (
    account TEXT NOT NULL, role_key TEXT NOT NULL, policy TEXT NOT NULL,
    PRIMARY KEY (account, role_key, policy)) WITHOUT ROWID;
  CREATE INDEX identity_attachments_by_policy ON identity_attachments (account, policy);
  CREATE TABLE identity_policies (
    account TEXT NOT NULL, name_key TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL,
    id TEXT NOT NULL, description TEXT NOT NULL, document TEXT NOT NULL, created INTEGER NOT NULL,
    PRIMARY KEY (account, name_key)) WITHOUT ROWID;
  CREATE TABLE identity_tags (
    account TEXT NOT NULL, owner TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (account, owner, key)) WITHOUT ROWID;
)"},
                                               // Users and groups; versions of policies; what a
                                               // change touched and the directory has not read yet.
                                               {"identity", 2, R"(
  ALTER TABLE identity_inline_policies RENAME COLUMN role_key TO owner;
  UPDATE identity_inline_policies SET owner = 'role/' || owner;
  ALTER TABLE identity_attachments RENAME COLUMN role_key TO owner;
  UPDATE identity_attachments SET owner = 'role/' || owner;
  ALTER TABLE identity_roles ADD COLUMN trust_ids TEXT NOT NULL DEFAULT '';
  CREATE TABLE identity_policy_versions (
    account TEXT NOT NULL, name_key TEXT NOT NULL, number INTEGER NOT NULL,
    document TEXT NOT NULL, created INTEGER NOT NULL,
    PRIMARY KEY (account, name_key, number)) WITHOUT ROWID;
  INSERT INTO identity_policy_versions
    SELECT account, name_key, 1, document, created FROM identity_policies;
  ALTER TABLE identity_policies DROP COLUMN document;
  ALTER TABLE identity_policies ADD COLUMN default_version INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE identity_policies ADD COLUMN newest_version INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE identity_policies ADD COLUMN updated INTEGER NOT NULL DEFAULT 0;
  UPDATE identity_policies SET updated = created;
  CREATE TABLE identity_users (
    account TEXT NOT NULL, name_key TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL,
    id TEXT NOT NULL, permissions_boundary TEXT, created INTEGER NOT NULL,
    PRIMARY KEY (account, name_key)) WITHOUT ROWID;
  CREATE TABLE identity_access_keys (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, user_key TEXT NOT NULL, secret TEXT NOT NULL,
    active INTEGER NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX identity_access_keys_by_user ON identity_access_keys (account, user_key);
  CREATE TABLE identity_groups (
    account TEXT NOT NULL, name_key TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL,
    id TEXT NOT NULL, created INTEGER NOT NULL,
    PRIMARY KEY (account, name_key)) WITHOUT ROWID;
  CREATE TABLE identity_members (
    account TEXT NOT NULL, group_key TEXT NOT NULL, user_key TEXT NOT NULL,
    PRIMARY KEY (account, group_key, user_key)) WITHOUT ROWID;
  CREATE INDEX identity_members_by_user ON identity_members (account, user_key, group_key);
  CREATE TABLE identity_touched (
    account TEXT NOT NULL, owner TEXT NOT NULL,
    PRIMARY KEY (account, owner)) WITHOUT ROWID;
)"},
                                               {"identity", 3, kept},
                                               {"identity", 4, passwords},
                                               {"identity", 5, uploads},
                                               {"identity", 6, factors_and_uses},
                                               {"identity", 7, boundaries},
                                               {"identity", 8, tags_of_all}};

}  // namespace

std::span<const store::Migration> migrations() { return all_migrations; }

}  // namespace slipway::identity
