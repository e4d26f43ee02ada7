#include "engine/federation/key_set.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>

namespace slipway::federation {
namespace {

namespace json = boost::json;

constexpr std::size_t exponent_bytes_max = 8;

// The closed list: what is not in it is no signature.
struct Algorithm {
  std::string_view name;
  std::string_view kind;  // of the key that signs with it
  const EVP_MD* (*digest)();
  std::size_t number_bytes;  // of r and of s; 0 for RSA
};
constexpr Algorithm algorithms[] = {
    {"RS256", "RSA", EVP_sha256, 0},    {"RS384", "RSA", EVP_sha384, 0},
    {"RS512", "RSA", EVP_sha512, 0},    {"ES256", "P-256", EVP_sha256, 32},
    {"ES384", "P-384", EVP_sha384, 48}, {"ES512", "P-521", EVP_sha512, 66},
};

template <typename T, void (*release)(T*)>
struct Release {
  void operator()(T* it) const { release(it); }
};
template <typename T, void (*release)(T*)>
using Owned = std::unique_ptr<T, Release<T, release>>;
using Number = Owned<BIGNUM, BN_free>;
using Context = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using KeyPointer = std::shared_ptr<EVP_PKEY>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string text_of(const json::object& key, std::string_view name) {
  const json::value* const found = key.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
}

KeyPointer make_key(const char* type, OSSL_PARAM* parameters) {
  const Context context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* made = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
    return nullptr;
  return {made, EVP_PKEY_free};
}

KeyPointer rsa_key(const json::object& key) {
  const auto modulus = from_base64url(text_of(key, "n"));
  const auto exponent = from_base64url(text_of(key, "e"));
  if (!modulus || !exponent || modulus->size() > rsa_bits_max / 8 + 1 ||
      exponent->size() > exponent_bytes_max)
    return nullptr;
  const Number n(BN_bin2bn(bytes_of(*modulus), static_cast<int>(modulus->size()), nullptr));
  const Number e(BN_bin2bn(bytes_of(*exponent), static_cast<int>(exponent->size()), nullptr));
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder || BN_num_bits(n.get()) < rsa_bits_min || !BN_is_odd(e.get()) ||
      BN_is_one(e.get()) ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return nullptr;
  const Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  return parameters ? make_key("RSA", parameters.get()) : nullptr;
}

// Null for a point that is not on the curve, too.
KeyPointer elliptic_key(const json::object& key, const Algorithm& algorithm) {
  const auto x = from_base64url(text_of(key, "x"));
  const auto y = from_base64url(text_of(key, "y"));
  if (!x || !y || x->size() != algorithm.number_bytes || y->size() != algorithm.number_bytes)
    return nullptr;
  std::string curve(algorithm.kind);
  std::string point = "\x04" + *x + *y;
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  KeyPointer made = make_key("EC", parameters);
  if (!made) return nullptr;
  const Context context(EVP_PKEY_CTX_new(made.get(), nullptr));
  return context && EVP_PKEY_public_check(context.get()) == 1 ? made : nullptr;
}

const Algorithm* algorithm_of(std::string_view name) {
  const auto* found = std::ranges::find(algorithms, name, &Algorithm::name);
  return found == std::end(algorithms) ? nullptr : found;
}

// JOSE writes r and s one after the other, OpenSSL reads them as ASN.1.
std::string to_asn1(std::string_view signature) {
  const auto half = static_cast<int>(signature.size() / 2);
  const Owned<ECDSA_SIG, ECDSA_SIG_free> pair(ECDSA_SIG_new());
  BIGNUM* const r = BN_bin2bn(bytes_of(signature), half, nullptr);
  BIGNUM* const s = BN_bin2bn(bytes_of(signature) + half, half, nullptr);
  if (!pair || ECDSA_SIG_set0(pair.get(), r, s) != 1) return {};
  unsigned char* bytes = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &bytes);
  if (size <= 0) return {};
  std::string out(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return out;
}

bool is_signed_by(const WebToken& token, const Algorithm& algorithm, EVP_PKEY* key) {
  std::string signature = token.signature();
  if (algorithm.number_bytes != 0) {
    if (signature.size() != 2 * algorithm.number_bytes) return false;
    signature = to_asn1(signature);
  }
  const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  return context &&
         EVP_DigestVerifyInit(context.get(), nullptr, algorithm.digest(), nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                          bytes_of(token.signed_text()), token.signed_text().size()) == 1;
}

}  // namespace

Result<KeySet> KeySet::parse(std::string_view jwks) {
  std::error_code error;
  const json::value document = json::parse({jwks.data(), jwks.size()}, error);
  const json::value* const list =
      error || !document.is_object() ? nullptr : document.get_object().if_contains("keys");
  if (list == nullptr || !list->is_array())
    return fail(ErrorCode::corrupted, "The issuer's keys are no JSON Web Key Set.");
  if (list->get_array().size() > keys_max)
    return fail(ErrorCode::corrupted, "The issuer publishes too many keys.");
  KeySet set;
  for (const json::value& each : list->get_array()) {
    if (!each.is_object()) continue;
    const json::object& described = each.get_object();
    const std::string use = text_of(described, "use");
    if (!use.empty() && use != "sig") continue;
    const std::string type = text_of(described, "kty");
    const std::string kind = type == "EC" ? text_of(described, "crv") : type;
    const auto* const algorithm = std::ranges::find(algorithms, kind, &Algorithm::kind);
    if (algorithm == std::end(algorithms)) continue;
    KeyPointer key = kind == "RSA" ? rsa_key(described) : elliptic_key(described, *algorithm);
    if (key)
      set.keys_.push_back(
          {text_of(described, "kid"), text_of(described, "alg"), kind, std::move(key)});
  }
  return set;
}

const KeySet::Key* KeySet::key_of(const WebToken& token) const {
  if (token.key_id().empty()) return keys_.size() == 1 ? &keys_.front() : nullptr;
  const auto found = std::ranges::find(keys_, token.key_id(), &Key::id);
  return found == keys_.end() ? nullptr : &*found;
}

KeySet::Outcome KeySet::check(const WebToken& token) const {
  const Algorithm* const algorithm = algorithm_of(token.algorithm());
  if (algorithm == nullptr) return Outcome::does_not_hold;
  const Key* const key = key_of(token);
  if (key == nullptr) return Outcome::unknown_key;
  const bool fits =
      key->kind == algorithm->kind && (key->algorithm.empty() || key->algorithm == algorithm->name);
  return fits && is_signed_by(token, *algorithm, key->key.get()) ? Outcome::holds
                                                                 : Outcome::does_not_hold;
}

}  // namespace slipway::federation
