// The public keys of an issuer, as it publishes them (JWKS, RFC 7517), and the check of signatures
// with them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/federation/web_token.h"

struct evp_pkey_st;

namespace slipway::federation {

// AWS takes 100 keys of each kind.
inline constexpr std::size_t keys_max = 200;
inline constexpr int rsa_bits_min = 2'048;
inline constexpr int rsa_bits_max = 8'192;

// Holds the keys of one issuer and checks signatures with them. Immutable; any thread may check.
class KeySet {
 public:
  // Takes the keys that sign with an algorithm of ours and passes over the others, which a set may
  // hold for somebody else. corrupted: it is no set, or has too many keys.
  static Result<KeySet> parse(std::string_view jwks);

  enum class Outcome : std::uint8_t {
    holds,
    does_not_hold,  // the signature, its algorithm, or a key that is not of the algorithm
    unknown_key,    // the token names a key that is not here
  };
  // The key is the one that the token names; the only one where it names none.
  Outcome check(const WebToken& token) const;

  std::size_t size() const { return keys_.size(); }

 private:
  struct Key {
    std::string id;
    std::string algorithm;  // empty: the key says none
    std::string kind;       // "RSA", or the curve: "P-256"
    std::shared_ptr<evp_pkey_st> key;
  };
  const Key* key_of(const WebToken& token) const;

  std::vector<Key> keys_;
};

}  // namespace slipway::federation
