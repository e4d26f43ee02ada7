#include "service/sns/signer.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/encoding.h"
#include "base/log.h"
#include "engine/identity/private_file.h"

namespace slipway::sns {
namespace {

constexpr unsigned key_bits = 2048;
constexpr long certificate_seconds = 10L * 365 * 24 * 3600;
constexpr std::string_view file_name = "sns-signing.pem";

struct Free {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

Owned<X509> make_certificate(EVP_PKEY* key) {
  Owned<X509> out(X509_new());
  X509_set_version(out.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(out.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(out.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(out.get()), certificate_seconds);
  X509_set_pubkey(out.get(), key);
  X509_NAME* const name = X509_get_subject_name(out.get());
  const auto* const common = reinterpret_cast<const unsigned char*>("sns.slipway.local");
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0);
  X509_set_issuer_name(out.get(), name);
  X509_sign(out.get(), key, EVP_sha256());
  return out;
}

// Certificate and key, as the file holds them.
std::string make_file() {
  const Owned<EVP_PKEY> key(EVP_RSA_gen(key_bits));
  if (!key) return {};
  const Owned<X509> certificate = make_certificate(key.get());
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate.get());
  PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio.get());
}

}  // namespace

Result<std::unique_ptr<Signer>> Signer::open(const std::filesystem::path& folder) {
  std::unique_ptr<Signer> signer(new Signer(folder / file_name));
  std::error_code error;
  if (!std::filesystem::exists(signer->file_, error)) return signer;
  TRY(const std::string text, identity::keep_private_file(signer->file_, make_file));
  TRY_DO(signer->read(text));
  return signer;
}

Signer::~Signer() { EVP_PKEY_free(key_); }

Result<> Signer::read(const std::string& text) {
  const Owned<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  const Owned<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (!certificate || !key)
    return fail(ErrorCode::corrupted,
                fmt::format("'{}' holds no certificate and key; remove it, and a new one is made",
                            file_.string()));
  const Owned<BIO> shown(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(shown.get(), certificate.get());
  key_ = key.release();
  const std::scoped_lock lock(mutex_);
  certificate_ = text_of(shown.get());
  return {};
}

// A key that cannot be kept signs all the same: its certificate is served as long as this server
// runs, which is when subscribers ask for it.
EVP_PKEY* Signer::key() {
  const std::scoped_lock lock(making_);
  if (key_ != nullptr) return key_;
  auto kept = identity::keep_private_file(file_, make_file);
  if (!kept)
    log_error("sns", "the key that signs notifications is not kept, the next start makes another",
              {{"file", file_.string()}, {"why", kept.error().message}});
  if (auto done = read(kept ? *kept : make_file()); !done)
    log_error("sns", "no key for signatures", {{"why", done.error().message}});
  return key_;
}

std::string Signer::certificate() const {
  const std::scoped_lock lock(mutex_);
  return certificate_;
}

std::string Signer::sign(std::string_view text, SignatureVersion version) {
  EVP_PKEY* const key = this->key();
  if (key == nullptr) return {};
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  const EVP_MD* const digest = version == SignatureVersion::sha1 ? EVP_sha1() : EVP_sha256();
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::string out(static_cast<std::size_t>(EVP_PKEY_get_size(key)), '\0');
  std::size_t size = out.size();
  EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key);
  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, bytes,
                 text.size());
  out.resize(size);
  return to_base64(out);
}

}  // namespace slipway::sns
