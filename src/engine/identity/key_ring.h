// Who may sign: the root key pair, the access keys of users, and the temporary credentials made
// from these.
//
// Temporary credentials are self-contained: the session token is the sealed (AES-256-GCM) record of
// the session, secret included, under a key that only this server has. So they survive a restart,
// cost no write and no table that grows, and every thread can check one without asking another.
// The price is that one session cannot be revoked before it ends; it ends early with its user or
// role (directory.h), and removing <data>/session.key and restarting ends them all.
//
// A session's life is a duration: it ends on the server's time line (base/clock.h), so a clock that
// is set back revives none, and one that is set forward ends none early. What a client is told, and
// what a signature's date and a presigned URL's end are compared with, is civil time, as AWS has
// it: these two are agreed with other machines. The price: while a machine is off, a session ages
// by off_time_max at most; those of 36 hours may outlive that by as long as it was off beyond.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/disk.h"
#include "base/random.h"
#include "base/result.h"
#include "engine/identity/principal.h"
#include "engine/identity/session_seal.h"

namespace slipway::identity {

inline constexpr std::string_view credentials_file = "credentials";
inline constexpr std::string_view session_key_file = "session.key";
inline constexpr std::size_t session_token_bytes_max = 8'192;

// An access key and its secret, as a client is given them.
struct KeyPair {
  std::string access_key_id;
  std::string secret;
};

class Directory;
struct DirectorySnapshot;

// A key as a request is checked against: what to sign with and whom it speaks for.
struct Key {
  std::string access_key_id;
  std::string secret;
  Principal principal;
  std::optional<ServerTime> expires;  // temporary credentials only
};

// Temporary credentials, as handed out once.
struct Session {
  KeyPair keys;
  std::string token;
  Timestamp expires{};  // as the client is told
};

// When a life that begins now ends: AWS tells it in whole seconds.
inline Moment expiry(const Moment& now, std::chrono::seconds life) {
  return now - (now.civil - std::chrono::floor<std::chrono::seconds>(now.civil)) + life;
}

// Finds the secret and the owner of an access key. Immutable once open: any number of threads use
// it without a lock.
class KeyRing {
 public:
  // Reads the root key pair and the sealing key under `data`, or makes them, each whole, durable
  // and readable by its owner only. Refuses files that others can read, or that are damaged;
  // unavailable where the disk does not keep them.
  // `directory` knows the users and roles, and outlives the ring; without one there are no users,
  // and sessions live on without their role.
  static Result<std::unique_ptr<KeyRing>> open(const std::filesystem::path& data, Principal root,
                                               Random& random, const Directory* directory = nullptr,
                                               Disk& disk = kernel_disk());

  const Key& root() const { return *root_; }

  // Temporary credentials that speak for `principal` and its session's terms until `expires`.
  // limit_exceeded where these do not fit into a token.
  Result<Session> issue(const Principal& principal, Moment expires, Random& random) const;

  // A key for another purpose, which only this server can make.
  std::string derived_key(std::string_view purpose) const;

  // Looks up what a request was signed with; `session_token` is empty for a long-term key.
  // unauthenticated, of kind
  //   "unknown_key"    no such key, or an inactive one, or a temporary key without its token, or
  //                    its user or role is no more
  //   "invalid_token"  the token is not one of ours
  //   "expired_token"  the session is over
  Result<std::shared_ptr<const Key>> find(std::string_view access_key_id,
                                          std::string_view session_token, ServerTime now) const;

  // The parts of find(), for who remembers sessions: what a token says by itself, and the rest,
  // which can change from one moment to the next.
  Result<Key> open_token(std::string_view access_key_id, std::string_view session_token) const;
  Result<> check(Key& session, const DirectorySnapshot* parties, ServerTime now) const;

  const Directory* directory() const { return directory_; }

 private:
  KeyRing(Key root, SealingKey sealing_key, const Directory* directory);

  const std::shared_ptr<const Key> root_;
  const SealingKey sealing_key_;
  const Directory* const directory_;
};

// A long-term key pair for a user.
KeyPair make_user_key(Random& random);

// The root key pair of a server's data directory, for a client on the same machine. not_found where
// the server was never started there; permission_denied where it belongs to someone else.
Result<KeyPair> read_credentials(const std::filesystem::path& data);

// One thread's way into the ring: remembers the sessions it opened last and the directory as it
// last was, so that a request costs a look-up and waits for nobody.
class KeyReader {
 public:
  static constexpr std::size_t remembered_max = 64;

  // Both outlive this object.
  KeyReader(const KeyRing& ring, const Clock& clock);

  // As KeyRing::find. The pointer is valid until the next call.
  Result<const Key*> find(std::string_view access_key_id, std::string_view session_token);

 private:
  struct Remembered {
    std::string token;
    Key key;
    std::uint64_t generation = 0;  // of the directory that knew its user or role
  };

  Result<const Key*> find_long_term(std::string_view access_key_id);
  void look_again();

  const KeyRing& ring_;
  const Clock& clock_;
  std::shared_ptr<const DirectorySnapshot> parties_;  // null where the ring has no directory
  std::shared_ptr<const Key> last_;
  std::vector<Remembered> remembered_;
};

}  // namespace slipway::identity
