#include "engine/identity/user_uploads.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/identity/rows.h"

namespace slipway::identity {
namespace {

using Kind = UserUpload::Kind;

struct KindFacts {
  std::size_t most;
  std::string_view quota;
  std::string_view word;  // in sentences
};
constexpr KindFacts facts[] = {
    {ssh_keys_max, "SSHPublicKeysPerUser", "Public Key"},
    {signing_certificates_max, "CertificatesPerUser", "Certificate"},
    {service_credentials_max, "ServiceSpecificCredentialsPerUser", "credential"},
};
const KindFacts& facts_of(Kind kind) { return facts[static_cast<std::size_t>(kind)]; }

std::unexpected<Error> no_upload(UploadName name) {
  if (name.kind == Kind::service_credential)
    return fail(ErrorCode::not_found, fmt::format("No such credential {} exists", name.id),
                "no_upload");
  return fail(ErrorCode::not_found,
              fmt::format("The {} with id {} cannot be found.", facts_of(name.kind).word, name.id),
              "no_upload");
}

UserUpload upload_of(const store::Rows& rows) {
  return {.kind = static_cast<Kind>(rows.integer(0)),
          .id = std::string(rows.text(1)),
          .body = std::string(rows.text(2)),
          .mark = std::string(rows.text(3)),
          .status = static_cast<AccessKey::Status>(rows.integer(4)),
          .created = time_of(rows.integer(5))};
}

bool anybody_has(store::Transaction& tx, const User& user, const UserUpload& upload) {
  return tx
      .query("SELECT 1 FROM identity_user_uploads WHERE account = ?1 AND kind = ?2 AND mark = ?3",
             user.account, upload.kind, upload.mark)
      .next();
}

Result<> check_new(store::Transaction& tx, const User& user, const UserUpload& upload) {
  auto there = uploads(tx, user, upload.kind);
  if (upload.kind == Kind::service_credential)
    std::erase_if(there, [&](const UserUpload& each) { return each.mark != upload.mark; });
  const bool has_it = std::ranges::find(there, upload.mark, &UserUpload::mark) != there.end();
  if (upload.kind == Kind::ssh_key && has_it)
    return fail(ErrorCode::already_exists,
                "The SSH public key is already associated with the specified IAM user.",
                "duplicate_ssh_key");
  if (upload.kind == Kind::signing_certificate && anybody_has(tx, user, upload))
    return fail(ErrorCode::already_exists,
                "The same certificate is associated with an IAM user in the account.",
                "duplicate_certificate");
  const KindFacts& kind = facts_of(upload.kind);
  if (there.size() < kind.most) return {};
  return fail(ErrorCode::limit_exceeded,
              fmt::format("Cannot exceed quota for {}: {}", kind.quota, kind.most));
}

}  // namespace

Result<> add_upload(store::Transaction& tx, const User& user, const UserUpload& upload) {
  TRY_DO(check_new(tx, user, upload));
  tx.run(
      "INSERT INTO identity_user_uploads (account, user_key, kind, id, body, mark, active, "
      "created) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
      user.account, key_of(user.name), upload.kind, upload.id, upload.body, upload.mark,
      upload.status, number_of(upload.created));
  return {};
}

std::vector<UserUpload> uploads(store::Transaction& tx, const User& user, Kind kind) {
  auto rows = tx.query(
      "SELECT kind, id, body, mark, active, created FROM identity_user_uploads "
      "WHERE account = ?1 AND user_key = ?2 AND kind = ?3 ORDER BY created, id",
      user.account, key_of(user.name), kind);
  std::vector<UserUpload> out;
  while (rows.next()) out.push_back(upload_of(rows));
  return out;
}

Page<UploadOfUser> all_uploads(store::Transaction& tx, std::string_view account, Kind kind,
                               const PageRequest& page) {
  const std::string_view after = page.after;
  const std::size_t slash = after.find('/');
  const std::string_view id = slash == after.npos ? std::string_view() : after.substr(slash + 1);
  auto rows = tx.query(
      "SELECT kind, id, body, mark, active, created, user_key FROM identity_user_uploads "
      "WHERE account = ?1 AND (user_key, id) > (?2, ?3) AND kind = ?4 "
      "ORDER BY user_key, id LIMIT ?5",
      account, after.substr(0, slash), id, kind, page.items_max + 1);
  return page_of<UploadOfUser>(rows, page, [](const store::Rows& row) {
    return UploadOfUser{std::string(row.text(6)), upload_of(row)};
  });
}

Result<UserUpload> find_upload(store::Transaction& tx, const User& user, UploadName name) {
  auto rows = tx.query(
      "SELECT kind, id, body, mark, active, created FROM identity_user_uploads "
      "WHERE account = ?1 AND user_key = ?2 AND kind = ?3 AND id = ?4",
      user.account, key_of(user.name), name.kind, name.id);
  if (rows.next()) return upload_of(rows);
  return no_upload(name);
}

Result<> set_upload_status(store::Transaction& tx, const User& user, UploadName name,
                           AccessKey::Status status) {
  const std::int64_t changed = tx.run(
      "UPDATE identity_user_uploads SET active = ?5 "
      "WHERE account = ?1 AND user_key = ?2 AND kind = ?3 AND id = ?4",
      user.account, key_of(user.name), name.kind, name.id, status);
  return changed > 0 ? Result<>{} : no_upload(name);
}

Result<> delete_upload(store::Transaction& tx, const User& user, UploadName name) {
  const std::int64_t removed = tx.run(
      "DELETE FROM identity_user_uploads "
      "WHERE account = ?1 AND user_key = ?2 AND kind = ?3 AND id = ?4",
      user.account, key_of(user.name), name.kind, name.id);
  return removed > 0 ? Result<>{} : no_upload(name);
}

}  // namespace slipway::identity
