#include "engine/identity/session_seal.h"

#include <openssl/evp.h>

#include <memory>
#include <span>

#include "base/encoding.h"
#include "engine/identity/key_ring.h"

namespace slipway::identity {
namespace {

// Moves with the form of the record (session_record.h).
constexpr char version = 2;
constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;
constexpr std::size_t envelope_bytes = 1 + nonce_bytes + tag_bytes;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

enum class Direction : int { open = 0, seal = 1 };

// A context with key and nonce set and the version taken into the seal; null on failure.
Context begin(Direction direction, const SealingKey& key, std::string_view nonce) {
  Context context(EVP_CIPHER_CTX_new());
  int done = 0;
  const bool ready = context &&
                     EVP_CipherInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(),
                                       bytes_of(nonce), static_cast<int>(direction)) == 1 &&
                     EVP_CipherUpdate(context.get(), nullptr, &done,
                                      bytes_of(std::string_view(&version, 1)), 1) == 1;
  return ready ? std::move(context) : nullptr;
}

std::unexpected<Error> invalid_token() {
  return fail(ErrorCode::unauthenticated, "The session token is not one of this server's.",
              "invalid_token");
}

}  // namespace

Result<std::string> seal(const SealingKey& key, std::string_view record, Random& random) {
  std::string nonce(nonce_bytes, '\0');
  random.fill(std::as_writable_bytes(std::span(nonce)));
  std::string sealed(record.size(), '\0');
  std::string tag(tag_bytes, '\0');
  int done = 0;
  const Context context = begin(Direction::seal, key, nonce);
  const bool made =
      context &&
      EVP_CipherUpdate(context.get(), bytes_of(sealed), &done, bytes_of(record),
                       static_cast<int>(record.size())) == 1 &&
      EVP_CipherFinal_ex(context.get(), bytes_of(tag), &done) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes, tag.data()) == 1;
  if (!made) return fail(ErrorCode::internal, "OpenSSL refused to seal a session token.");
  return to_base64(std::string(1, version) + nonce + sealed + tag);
}

Result<std::string> unseal(const SealingKey& key, std::string_view token) {
  if (token.size() > session_token_bytes_max) return invalid_token();
  const auto decoded = from_base64(token);
  if (!decoded || decoded->size() < envelope_bytes || decoded->front() != version)
    return invalid_token();
  const std::string_view all = *decoded;
  const std::string_view nonce = all.substr(1, nonce_bytes);
  const std::string_view sealed = all.substr(1 + nonce_bytes, all.size() - envelope_bytes);
  std::string tag(all.substr(all.size() - tag_bytes));
  std::string record(sealed.size(), '\0');
  std::string rest(tag_bytes, '\0');
  int done = 0;
  const Context context = begin(Direction::open, key, nonce);
  const bool genuine =
      context &&
      EVP_CipherUpdate(context.get(), bytes_of(record), &done, bytes_of(sealed),
                       static_cast<int>(sealed.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, tag.data()) == 1 &&
      EVP_CipherFinal_ex(context.get(), bytes_of(rest), &done) == 1;
  return genuine ? Result<std::string>(std::move(record)) : invalid_token();
}

}  // namespace slipway::identity
