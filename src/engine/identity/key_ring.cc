#include "engine/identity/key_ring.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <system_error>

#include "engine/identity/directory.h"
#include "engine/identity/private_file.h"
#include "engine/identity/session_record.h"

namespace slipway::identity {
namespace {

constexpr std::size_t key_id_tail_characters = 16;
constexpr std::size_t secret_characters = 40;
constexpr std::string_view long_term_prefix = "AKIA";
constexpr std::string_view session_prefix = "ASIA";

KeyPair make_key_pair(std::string_view prefix, Random& random) {
  return {std::string(prefix) + make_token(random, key_id_tail_characters, alphabet_base32),
          make_token(random, secret_characters, alphabet_base62)};
}

// ---- The credentials file: what AWS's own clients read as a shared credentials file -------------

constexpr std::string_view id_label = "aws_access_key_id = ";
constexpr std::string_view secret_label = "aws_secret_access_key = ";

std::string credentials_text(const KeyPair& keys) {
  return fmt::format(
      "# The root access key of this Slipway server. Whoever reads it may do everything.\n"
      "[default]\n{}{}\n{}{}\n",
      id_label, keys.access_key_id, secret_label, keys.secret);
}

std::string value_of(std::string_view text, std::string_view label) {
  const std::size_t begin = text.find(label);
  if (begin == std::string_view::npos) return {};
  text.remove_prefix(begin + label.size());
  return std::string(text.substr(0, text.find('\n')));
}

Result<KeyPair> parse_credentials(std::string_view text, const std::filesystem::path& file) {
  KeyPair keys{value_of(text, id_label), value_of(text, secret_label)};
  if (!keys.access_key_id.empty() && !keys.secret.empty()) return keys;
  return fail(
      ErrorCode::corrupted,
      fmt::format("{} holds no access key; restore it, or move it away and start the server "
                  "to have a new one made.",
                  file.string()));
}

Result<KeyPair> open_credentials(const std::filesystem::path& file, Random& random, Disk& disk) {
  const auto make = [&] { return credentials_text(make_key_pair(long_term_prefix, random)); };
  TRY(const std::string text, keep_private_file(file, make, disk));
  return parse_credentials(text, file);
}

Result<SealingKey> open_sealing_key(const std::filesystem::path& file, Random& random, Disk& disk) {
  const auto make = [&] {
    std::string fresh(sizeof(SealingKey), '\0');
    random.fill(std::as_writable_bytes(std::span(fresh)));
    return fresh;
  };
  TRY(const std::string bytes, keep_private_file(file, make, disk));
  SealingKey key;
  if (bytes.size() != key.size())
    return fail(
        ErrorCode::corrupted,
        fmt::format("{} is not a sealing key of {} bytes; move it away to have a new one made "
                    "(temporary credentials end by that).",
                    file.string(), key.size()));
  std::memcpy(key.data(), bytes.data(), key.size());
  return key;
}

Result<> make_folder(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::create_directories(folder, error))
    fs::permissions(folder, fs::perms::owner_all, fs::perm_options::replace, error);
  if (!error) return {};
  return fail(ErrorCode::unavailable, fmt::format("Cannot make the data directory {}: {}.",
                                                  folder.string(), error.message()));
}

std::unexpected<Error> unknown_key() {
  return fail(ErrorCode::unauthenticated, "There is no such access key.", "unknown_key");
}

std::unexpected<Error> stray_token() {
  return fail(ErrorCode::unauthenticated, "The session token does not belong to this access key.",
              "invalid_token");
}

Result<> check_expiry(const Key& key, ServerTime now) {
  if (!key.expires || now < *key.expires) return {};
  return fail(ErrorCode::unauthenticated, "The session is over; ask for new credentials.",
              "expired_token");
}

}  // namespace

KeyRing::KeyRing(Key root, SealingKey sealing_key, const Directory* directory)
    : root_(std::make_shared<const Key>(std::move(root))),
      sealing_key_(sealing_key),
      directory_(directory) {}

Result<std::unique_ptr<KeyRing>> KeyRing::open(const std::filesystem::path& data, Principal root,
                                               Random& random, const Directory* directory,
                                               Disk& disk) {
  TRY_DO(make_folder(data));
  TRY(KeyPair keys, open_credentials(data / credentials_file, random, disk));
  TRY(const SealingKey sealing_key, open_sealing_key(data / session_key_file, random, disk));
  Key key{.access_key_id = std::move(keys.access_key_id),
          .secret = std::move(keys.secret),
          .principal = std::move(root),
          .expires = std::nullopt};
  return std::unique_ptr<KeyRing>(new KeyRing(std::move(key), sealing_key, directory));
}

Result<Session> KeyRing::issue(const Principal& principal, Moment expires, Random& random) const {
  KeyPair keys = make_key_pair(session_prefix, random);
  SessionRecord record{.access_key_id = keys.access_key_id,
                       .secret = keys.secret,
                       .expires = expires.server,
                       .principal = principal};
  if (!record.principal.session) record.principal.session = std::make_shared<const SessionTerms>();
  TRY(std::string token, seal(sealing_key_, to_bytes(record), random));
  if (token.size() > session_token_bytes_max)
    return fail(ErrorCode::limit_exceeded, "Serialized token too large for session",
                "token_too_large");
  return Session{.keys = std::move(keys), .token = std::move(token), .expires = expires.civil};
}

Result<Key> KeyRing::open_token(std::string_view access_key_id,
                                std::string_view session_token) const {
  TRY(const std::string bytes, unseal(sealing_key_, session_token));
  TRY(SessionRecord record, session_record(bytes));
  // Another session's token makes a temporary key unknown; a long-term key has none at all.
  if (record.access_key_id != access_key_id)
    return access_key_id.starts_with(session_prefix) ? unknown_key() : stray_token();
  return Key{.access_key_id = std::move(record.access_key_id),
             .secret = std::move(record.secret),
             .principal = std::move(record.principal),
             .expires = record.expires};
}

Result<> KeyRing::check(Key& session, const DirectorySnapshot* parties, ServerTime now) const {
  TRY_DO(check_expiry(session, now));
  return parties != nullptr ? parties->refresh(session.principal) : Result<>{};
}

Result<std::shared_ptr<const Key>> KeyRing::find(std::string_view access_key_id,
                                                 std::string_view session_token,
                                                 ServerTime now) const {
  const auto parties = directory_ != nullptr ? directory_->snapshot() : nullptr;
  if (session_token.empty()) {
    if (access_key_id == root_->access_key_id) return root_;
    auto key = parties ? parties->keys.find(access_key_id) : nullptr;
    if (key) return key;
    return unknown_key();
  }
  TRY(Key key, open_token(access_key_id, session_token));
  TRY_DO(check(key, parties.get(), now));
  return std::make_shared<const Key>(std::move(key));
}

KeyPair make_user_key(Random& random) { return make_key_pair(long_term_prefix, random); }

std::string KeyRing::derived_key(std::string_view purpose) const {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned bytes = 0;
  ::HMAC(EVP_sha256(), sealing_key_.data(), static_cast<int>(sealing_key_.size()),
         reinterpret_cast<const unsigned char*>(purpose.data()), purpose.size(),
         reinterpret_cast<unsigned char*>(out.data()), &bytes);
  out.resize(bytes);
  return out;
}

Result<KeyPair> read_credentials(const std::filesystem::path& data) {
  const std::filesystem::path file = data / credentials_file;
  const auto text = read_private_file(file);
  if (!text && text.error().code == ErrorCode::not_found)
    return fail(ErrorCode::not_found,
                fmt::format("There are no credentials in {}: start a server with `slipway serve "
                            "--data {}` first.",
                            data.string(), data.string()));
  if (!text) return std::unexpected(text.error());
  return parse_credentials(*text, file);
}

KeyReader::KeyReader(const KeyRing& ring, const Clock& clock) : ring_(ring), clock_(clock) {
  if (ring_.directory() != nullptr) parties_ = ring_.directory()->snapshot();
}

void KeyReader::look_again() {
  if (parties_ && parties_->generation != ring_.directory()->generation())
    parties_ = ring_.directory()->snapshot();
}

Result<const Key*> KeyReader::find_long_term(std::string_view access_key_id) {
  if (access_key_id == ring_.root().access_key_id) return &ring_.root();
  if (parties_) last_ = parties_->keys.find(access_key_id);
  if (!parties_ || !last_) return unknown_key();
  return last_.get();
}

Result<const Key*> KeyReader::find(std::string_view access_key_id, std::string_view session_token) {
  look_again();
  if (session_token.empty()) return find_long_term(access_key_id);
  if (remembered_.empty()) remembered_.resize(remembered_max);
  Remembered& place = remembered_[std::hash<std::string_view>{}(access_key_id) % remembered_max];
  const std::uint64_t generation = parties_ ? parties_->generation : 1;
  const bool known = place.token == session_token && place.key.access_key_id == access_key_id;
  if (known && place.generation == generation) {
    TRY_DO(check_expiry(place.key, clock_.server_time()));
    return &place.key;
  }
  if (!known) {
    TRY(Key opened, ring_.open_token(access_key_id, session_token));
    place = {.token = std::string(session_token), .key = std::move(opened), .generation = 0};
  }
  place.generation = 0;
  TRY_DO(ring_.check(place.key, parties_.get(), clock_.server_time()));
  place.generation = generation;
  return &place.key;
}

}  // namespace slipway::identity
