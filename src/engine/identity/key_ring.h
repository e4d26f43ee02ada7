// Who may sign: the root key pair, and the temporary credentials made from it.
//
// Temporary credentials are self-contained: the session token is the sealed (AES-256-GCM) record of
// the session, secret included, under a key that only this server has. So they survive a restart,
// cost no write and no table that grows, and every thread can check one without asking another.
// The price is that one session cannot be revoked before it ends; removing <data>/session.key and
// restarting ends them all.
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
#include "base/random.h"
#include "base/result.h"
#include "engine/identity/session_seal.h"

namespace slipway::identity {

inline constexpr std::string_view credentials_file = "credentials";
inline constexpr std::string_view session_key_file = "session.key";
inline constexpr std::size_t session_token_bytes_max = 4096;

struct KeyPair {
  std::string access_key_id;
  std::string secret;
};

// Who a key speaks for.
struct Principal {
  enum class Kind : std::uint8_t { root, root_session, role_session };
  Kind kind = Kind::root;
  std::string account;  // twelve digits
  std::string name;     // what the door calls it: an ARN
  std::string id;       // the account for root, "AROA...:session" for a role's session
};

// A key as a request is checked against: what to sign with and whom it speaks for.
struct Key {
  std::string access_key_id;
  std::string secret;
  Principal principal;
  std::optional<Timestamp> expires;  // temporary credentials only
};

// Temporary credentials, as handed out once.
struct Session {
  KeyPair keys;
  std::string token;
  Timestamp expires{};
};

// Immutable once open: any number of threads use it without a lock.
class KeyRing {
 public:
  // Reads the root key pair and the sealing key under `data`, or makes them, each whole and
  // readable by its owner only. Refuses files that others can read, or that are damaged.
  static Result<std::unique_ptr<KeyRing>> open(const std::filesystem::path& data, Principal root,
                                               Random& random);

  const Key& root() const { return root_; }

  // Temporary credentials that speak for `principal` until `expires`.
  Result<Session> issue(const Principal& principal, Timestamp expires, Random& random) const;

  // Looks up what a request was signed with; `session_token` is empty for a long-term key.
  // unauthenticated, of kind
  //   "unknown_key"    no such key, or a temporary key without its token
  //   "invalid_token"  the token is not one of ours, or belongs to another key
  //   "expired_token"  the session is over
  Result<Key> find(std::string_view access_key_id, std::string_view session_token,
                   Timestamp now) const;

 private:
  KeyRing(Key root, SealingKey sealing_key) : root_(std::move(root)), sealing_key_(sealing_key) {}

  Key root_;
  SealingKey sealing_key_;
};

// The root key pair of a server's data directory, for a client on the same machine. not_found where
// the server was never started there; permission_denied where it belongs to someone else.
Result<KeyPair> read_credentials(const std::filesystem::path& data);

// One thread's way into the ring: remembers the sessions it opened last, so that a request with
// temporary credentials costs a look-up and not an unsealing.
class KeyReader {
 public:
  static constexpr std::size_t remembered_max = 64;

  // Both outlive this object.
  KeyReader(const KeyRing& ring, const Clock& clock) : ring_(ring), clock_(clock) {}

  // As KeyRing::find. The pointer is valid until the next call.
  Result<const Key*> find(std::string_view access_key_id, std::string_view session_token);

 private:
  struct Remembered {
    std::string token;
    Key key;
  };

  const KeyRing& ring_;
  const Clock& clock_;
  std::vector<Remembered> remembered_;
};

}  // namespace slipway::identity
