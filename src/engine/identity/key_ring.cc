#include "engine/identity/key_ring.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <system_error>

#include "engine/identity/private_file.h"

namespace slipway::identity {
namespace {

constexpr std::size_t key_id_tail_characters = 16;
constexpr std::size_t secret_characters = 40;
constexpr std::string_view root_prefix = "AKIA";
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

Result<KeyPair> open_credentials(const std::filesystem::path& file, Random& random) {
  auto text = read_private_file(file);
  if (!text && text.error().code == ErrorCode::not_found) {
    const Result<> made =
        create_private_file(file, credentials_text(make_key_pair(root_prefix, random)));
    if (!made && made.error().code != ErrorCode::already_exists)
      return std::unexpected(made.error());
    text = read_private_file(file);
  }
  if (!text) return std::unexpected(text.error());
  return parse_credentials(*text, file);
}

Result<SealingKey> open_sealing_key(const std::filesystem::path& file, Random& random) {
  auto bytes = read_private_file(file);
  if (!bytes && bytes.error().code == ErrorCode::not_found) {
    std::string fresh(sizeof(SealingKey), '\0');
    random.fill(std::as_writable_bytes(std::span(fresh)));
    const Result<> made = create_private_file(file, fresh);
    if (!made && made.error().code != ErrorCode::already_exists)
      return std::unexpected(made.error());
    bytes = read_private_file(file);
  }
  if (!bytes) return std::unexpected(bytes.error());
  SealingKey key;
  if (bytes->size() != key.size())
    return fail(
        ErrorCode::corrupted,
        fmt::format("{} is not a sealing key of {} bytes; move it away to have a new one made "
                    "(temporary credentials end by that).",
                    file.string(), key.size()));
  std::memcpy(key.data(), bytes->data(), key.size());
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

// ---- The record that a session token seals ------------------------------------------------------

void append_text(std::string& out, std::string_view text) {
  out += static_cast<char>(text.size() >> 8);
  out += static_cast<char>(text.size() & 255);
  out += text;
}

// Takes a text that append_text wrote off `record`; empty once the record is too short.
std::string take_text(std::string_view& record) {
  if (record.size() < 2) return {};
  const std::size_t length = static_cast<std::size_t>(static_cast<unsigned char>(record[0])) * 256 +
                             static_cast<unsigned char>(record[1]);
  const std::string text(record.substr(2, length));
  record.remove_prefix(std::min(record.size(), 2 + length));
  return text;
}

std::string session_record(const std::string& secret, const Principal& principal,
                           Timestamp expires) {
  std::string record(1, static_cast<char>(principal.kind));
  for (const std::string& text : {secret, principal.account, principal.name, principal.id,
                                  std::to_string(expires.time_since_epoch().count())})
    append_text(record, text);
  return record;
}

// `record` was authenticated, so it has the form that session_record gave it.
Key read_record(std::string_view access_key_id, std::string_view record) {
  Key key{
      .access_key_id = std::string(access_key_id), .secret = {}, .principal = {}, .expires = {}};
  key.principal.kind = static_cast<Principal::Kind>(record.front());
  record.remove_prefix(1);
  key.secret = take_text(record);
  key.principal.account = take_text(record);
  key.principal.name = take_text(record);
  key.principal.id = take_text(record);
  key.expires = Timestamp(std::chrono::microseconds(std::stoll(take_text(record))));
  return key;
}

std::unexpected<Error> unknown_key() {
  return fail(ErrorCode::unauthenticated, "There is no such access key.", "unknown_key");
}

Result<> check_expiry(const Key& key, Timestamp now) {
  if (!key.expires || now < *key.expires) return {};
  return fail(ErrorCode::unauthenticated, "The session is over; ask for new credentials.",
              "expired_token");
}

}  // namespace

Result<std::unique_ptr<KeyRing>> KeyRing::open(const std::filesystem::path& data, Principal root,
                                               Random& random) {
  TRY_DO(make_folder(data));
  TRY(KeyPair keys, open_credentials(data / credentials_file, random));
  TRY(const SealingKey sealing_key, open_sealing_key(data / session_key_file, random));
  Key key{.access_key_id = std::move(keys.access_key_id),
          .secret = std::move(keys.secret),
          .principal = std::move(root),
          .expires = std::nullopt};
  return std::unique_ptr<KeyRing>(new KeyRing(std::move(key), sealing_key));
}

Result<Session> KeyRing::issue(const Principal& principal, Timestamp expires,
                               Random& random) const {
  KeyPair keys = make_key_pair(session_prefix, random);
  TRY(std::string token, seal(sealing_key_, keys.access_key_id,
                              session_record(keys.secret, principal, expires), random));
  if (token.size() > session_token_bytes_max)
    return fail(ErrorCode::limit_exceeded,
                fmt::format("A session token of {} bytes would pass the limit of {}; shorten the "
                            "session's name.",
                            token.size(), session_token_bytes_max));
  return Session{.keys = std::move(keys), .token = std::move(token), .expires = expires};
}

Result<Key> KeyRing::find(std::string_view access_key_id, std::string_view session_token,
                          Timestamp now) const {
  if (session_token.empty()) {
    if (access_key_id == root_.access_key_id) return root_;
    return unknown_key();
  }
  TRY(const std::string record, unseal(sealing_key_, access_key_id, session_token));
  Key key = read_record(access_key_id, record);
  TRY_DO(check_expiry(key, now));
  return key;
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

Result<const Key*> KeyReader::find(std::string_view access_key_id, std::string_view session_token) {
  if (session_token.empty() && access_key_id == ring_.root().access_key_id) return &ring_.root();
  if (remembered_.empty()) remembered_.resize(remembered_max);
  Remembered& place = remembered_[std::hash<std::string_view>{}(access_key_id) % remembered_max];
  const bool known = !session_token.empty() && place.token == session_token &&
                     place.key.access_key_id == access_key_id;
  if (!known) {
    TRY(place.key, ring_.find(access_key_id, session_token, clock_.now()));
    place.token = session_token;
  }
  TRY_DO(check_expiry(place.key, clock_.now()));
  return &place.key;
}

}  // namespace slipway::identity
