// What users upload beside their access keys: public keys for SSH and certificates to sign with.
// Nothing here takes either as a proof: they are kept and shown.
// Errors and what these share with others: owners.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/identity/users.h"
#include "store/store.h"

namespace slipway::identity {

inline constexpr std::size_t ssh_keys_max = 5;              // of one user
inline constexpr std::size_t signing_certificates_max = 2;  // of one user

struct UserUpload {
  enum class Kind : std::uint8_t { ssh_key = 0, signing_certificate = 1 };
  Kind kind = Kind::ssh_key;
  std::string id;    // never used again
  std::string body;  // as it was given
  std::string mark;  // by which two are the same: a fingerprint, a digest
  AccessKey::Status status = AccessKey::Status::active;
  Timestamp created{};
};

// already_exists of kind "duplicate_ssh_key" where the user has the key, "duplicate_certificate"
// where anybody of the account has the certificate; limit_exceeded.
Result<> add_upload(store::Transaction& tx, const User& user, const UserUpload& upload);
// In the order in which they came.
std::vector<UserUpload> uploads(store::Transaction& tx, const User& user, UserUpload::Kind kind);

// Which one a call is about.
struct UploadName {
  UserUpload::Kind kind = UserUpload::Kind::ssh_key;
  std::string_view id;
};
// not_found of kind "no_upload", and so are the two below.
Result<UserUpload> find_upload(store::Transaction& tx, const User& user, UploadName name);
Result<> set_upload_status(store::Transaction& tx, const User& user, UploadName name,
                           AccessKey::Status status);
Result<> delete_upload(store::Transaction& tx, const User& user, UploadName name);

}  // namespace slipway::identity
