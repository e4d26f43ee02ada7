// What users have beside their access keys: public keys for SSH and certificates to sign with,
// which they upload, and passwords for one service, which are made for them and not kept. Nothing
// here takes any of them as a proof: they are kept and shown. Errors and what these share with
// others: owners.h.
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
inline constexpr std::size_t service_credentials_max = 2;   // of one user for one service

// Says what a user was given beside access keys: an SSH key, a certificate, a password of a
// service.
struct UserUpload {
  enum class Kind : std::uint8_t { ssh_key = 0, signing_certificate = 1, service_credential = 2 };
  Kind kind = Kind::ssh_key;
  std::string id;    // never used again
  std::string body;  // as it was given; empty for a password
  std::string mark;  // a fingerprint, a digest, or the service that a password is for
  AccessKey::Status status = AccessKey::Status::active;
  Timestamp created{};
};

// already_exists of kind "duplicate_ssh_key" where the user has the key, "duplicate_certificate"
// where anybody of the account has the certificate; limit_exceeded.
Result<> add_upload(store::Transaction& tx, const User& user, const UserUpload& upload);
// In the order in which they came.
std::vector<UserUpload> uploads(store::Transaction& tx, const User& user, UserUpload::Kind kind);

// Those of the whole account, in the order of their users. `after` is "user/id", where the user is
// its name in lower case.
struct UploadOfUser {
  std::string user;
  UserUpload upload;
};
Page<UploadOfUser> all_uploads(store::Transaction& tx, std::string_view account,
                               UserUpload::Kind kind, const PageRequest& page);

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
