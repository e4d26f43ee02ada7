#include "engine/identity/key_material.h"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <chrono>
#include <ctime>
#include <memory>
#include <optional>

#include "base/encoding.h"

namespace slipway::identity {
namespace {

constexpr int rsa_bits_min = 2'048;
constexpr std::string_view ssh_rsa = "ssh-rsa";
constexpr std::size_t length_bytes = 4;  // before each text of an SSH key
constexpr std::size_t chain_max = 32;

template <auto free>
struct Free {
  template <typename T>
  void operator()(T* pointer) const {
    free(pointer);
  }
};
using Bio = std::unique_ptr<BIO, Free<::BIO_free_all>>;
using Number = std::unique_ptr<BIGNUM, Free<::BN_free>>;
using PublicKey = std::unique_ptr<EVP_PKEY, Free<::EVP_PKEY_free>>;
using X509Pointer = std::unique_ptr<X509, Free<::X509_free>>;

std::unexpected<Error> bad_key() {
  return fail(ErrorCode::invalid_argument, "The specified public key is invalid.",
              "bad_public_key");
}
std::unexpected<Error> malformed(std::string sentence) {
  return fail(ErrorCode::invalid_argument, std::move(sentence), "malformed_certificate");
}

Bio reader_of(std::string_view text) {
  return Bio(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Nobody is asked for a passphrase: a key that wants one is not read.
int no_passphrase(char*, int, int, void*) { return 0; }

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

// ---- SSH's form: texts behind their lengths -----------------------------------------------------

std::optional<std::string_view> take_text(std::string_view& rest) {
  if (rest.size() < length_bytes) return std::nullopt;
  std::size_t size = 0;
  for (std::size_t i = 0; i < length_bytes; ++i)
    size = size * 256 + static_cast<unsigned char>(rest[i]);
  if (rest.size() - length_bytes < size) return std::nullopt;
  const std::string_view text = rest.substr(length_bytes, size);
  rest.remove_prefix(length_bytes + size);
  return text;
}

void add_text(std::string& out, std::string_view text) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out += static_cast<char>((text.size() >> static_cast<unsigned>(shift)) & 255U);
  out += text;
}

// A number without a sign: a zero byte stands before a first bit that is set.
void add_number(std::string& out, const BIGNUM& number) {
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(&number)), '\0');
  ::BN_bn2bin(&number, reinterpret_cast<unsigned char*>(bytes.data()));
  if (!bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 128U) != 0)
    bytes.insert(bytes.begin(), '\0');
  add_text(out, bytes);
}

Number number_of_bytes(std::string_view bytes) {
  return Number(::BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                            static_cast<int>(bytes.size()), nullptr));
}

struct RsaNumbers {
  Number exponent;
  Number modulus;
};

Result<RsaNumbers> numbers_in(std::string_view blob) {
  const auto type = take_text(blob);
  const auto exponent = take_text(blob);
  const auto modulus = take_text(blob);
  if (!type || *type != ssh_rsa || !exponent || !modulus || !blob.empty()) return bad_key();
  RsaNumbers out{number_of_bytes(*exponent), number_of_bytes(*modulus)};
  const bool good = out.exponent && out.modulus && BN_is_odd(out.exponent.get()) &&
                    BN_num_bits(out.modulus.get()) >= rsa_bits_min;
  if (!good) return bad_key();
  return out;
}

Result<SshKey> read_ssh_text(std::string_view text) {
  text.remove_prefix(ssh_rsa.size());
  text = trimmed(text);
  const auto blob = from_base64(text.substr(0, text.find_first_of(" \t\r\n")));
  if (!blob) return bad_key();
  TRY_DO(numbers_in(*blob));
  return SshKey{SshKey::Form::ssh, *blob};
}

Result<SshKey> read_pem_text(std::string_view text) {
  const Bio reader = reader_of(text);
  const PublicKey key(::PEM_read_bio_PUBKEY(reader.get(), nullptr, no_passphrase, nullptr));
  if (!key || ::EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return bad_key();
  BIGNUM* exponent = nullptr;
  BIGNUM* modulus = nullptr;
  ::EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_RSA_E, &exponent);
  ::EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_RSA_N, &modulus);
  const RsaNumbers numbers{Number(exponent), Number(modulus)};
  if (!numbers.exponent || !numbers.modulus) return bad_key();
  SshKey out{.form = SshKey::Form::pem, .blob = {}};
  add_text(out.blob, ssh_rsa);
  add_number(out.blob, *numbers.exponent);
  add_number(out.blob, *numbers.modulus);
  TRY_DO(numbers_in(out.blob));
  return out;
}

std::string pem_of(std::string_view blob) {
  const auto numbers = numbers_in(blob);
  if (!numbers) return {};
  using Build = std::unique_ptr<OSSL_PARAM_BLD, Free<::OSSL_PARAM_BLD_free>>;
  using Params = std::unique_ptr<OSSL_PARAM, Free<::OSSL_PARAM_free>>;
  using Context = std::unique_ptr<EVP_PKEY_CTX, Free<::EVP_PKEY_CTX_free>>;
  const Build build(::OSSL_PARAM_BLD_new());
  ::OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, numbers->modulus.get());
  ::OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, numbers->exponent.get());
  const Params params(::OSSL_PARAM_BLD_to_param(build.get()));
  const Context context(::EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* made = nullptr;
  if (!params || !context || ::EVP_PKEY_fromdata_init(context.get()) != 1 ||
      ::EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return {};
  const PublicKey key(made);
  const Bio out(::BIO_new(::BIO_s_mem()));
  if (::PEM_write_bio_PUBKEY(out.get(), key.get()) != 1) return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

// ---- Certificates -------------------------------------------------------------------------------

// Certificates are kept and shown as they came, and OpenSSL passes over what else stands beside
// them: whoever uploads his key with them by mistake would have it shown.
Result<> refuse_private_keys(std::string_view pem) {
  if (!pem.contains("PRIVATE KEY-----")) return {};
  return malformed("Unable to parse certificate. It holds a private key.");
}

X509Pointer next_certificate(BIO& reader) {
  return X509Pointer(::PEM_read_bio_X509(&reader, nullptr, no_passphrase, nullptr));
}

Result<X509Pointer> certificate_in(std::string_view pem) {
  TRY_DO(refuse_private_keys(pem));
  const Bio reader = reader_of(pem);
  X509Pointer certificate = next_certificate(*reader);
  if (certificate) return certificate;
  return malformed("Unable to parse certificate. Please ensure the certificate is in PEM format.");
}

std::optional<Timestamp> time_in(const ASN1_TIME* time) {
  std::tm parts{};
  if (::ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return std::chrono::floor<std::chrono::microseconds>(
      std::chrono::system_clock::from_time_t(::timegm(&parts)));
}

}  // namespace

Result<SshKey> read_ssh_key(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with("ssh-rsa ")) return read_ssh_text(text);
  if (text.starts_with("-----BEGIN PUBLIC KEY-----")) return read_pem_text(text);
  if (text.starts_with("ssh-") || text.starts_with("ecdsa-")) return bad_key();
  return fail(ErrorCode::invalid_argument, "The public key encoding is not recognized.",
              "unknown_key_form");
}

std::string fingerprint_of(const SshKey& key) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  ::EVP_Digest(key.blob.data(), key.blob.size(), digest.data(), &size, ::EVP_md5(), nullptr);
  std::string out;
  for (unsigned i = 0; i < size; ++i) out += fmt::format("{}{:02x}", i == 0 ? "" : ":", digest[i]);
  return out;
}

std::string to_text(const SshKey& key, SshKey::Form form) {
  if (form == SshKey::Form::pem) return pem_of(key.blob);
  return fmt::format("{} {}", ssh_rsa, to_base64(key.blob));
}

Result<Certificate> read_certificate(std::string_view pem) {
  TRY(const X509Pointer certificate, certificate_in(pem));
  const auto begins = time_in(::X509_get0_notBefore(certificate.get()));
  const auto ends = time_in(::X509_get0_notAfter(certificate.get()));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (!begins || !ends ||
      ::X509_digest(certificate.get(), ::EVP_sha256(), digest.data(), &size) != 1)
    return malformed("Unable to parse certificate: it has no times that can be read.");
  return Certificate{
      .digest = to_hex({reinterpret_cast<const char*>(digest.data()), std::size_t{size}}),
      .begins = *begins,
      .ends = *ends};
}

Result<> check_private_key(std::string_view certificate, std::string_view key) {
  TRY(const X509Pointer parsed, certificate_in(certificate));
  if (key.contains("ENCRYPTED")) return malformed("Unable to parse key; the body is encrypted.");
  const Bio reader = reader_of(key);
  const PublicKey private_key(
      ::PEM_read_bio_PrivateKey(reader.get(), nullptr, no_passphrase, nullptr));
  if (!private_key) return malformed("Invalid Private Key.");
  if (::X509_check_private_key(parsed.get(), private_key.get()) == 1) return {};
  return fail(ErrorCode::invalid_argument,
              "The public key certificate and the private key do not match.", "key_pair_mismatch");
}

Result<> check_chain(std::string_view certificate, std::string_view chain) {
  TRY_DO(refuse_private_keys(chain));
  TRY(X509Pointer last, certificate_in(certificate));
  const Bio reader = reader_of(chain);
  for (std::size_t i = 0; i < chain_max; ++i) {
    ::ERR_clear_error();
    X509Pointer issuer = next_certificate(*reader);
    // Behind the last one there is text at most; what begins as one more and is none is no end.
    const bool at_end = ERR_GET_REASON(::ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (!issuer && i > 0 && at_end) return {};
    if (!issuer) break;
    EVP_PKEY* const key = ::X509_get0_pubkey(issuer.get());
    const bool signed_by = ::X509_check_issued(issuer.get(), last.get()) == X509_V_OK &&
                           key != nullptr && ::X509_verify(last.get(), key) == 1;
    if (!signed_by)
      return malformed(fmt::format(
          "Unable to validate certificate chain. The certificate chain must start with the "
          "immediate signing certificate, followed by any intermediaries in order. The index "
          "within the chain of the invalid certificate is: {}",
          i));
    last = std::move(issuer);
  }
  return malformed(
      "Unable to parse certificate chain. Please ensure the certificates are in PEM format.");
}

}  // namespace slipway::identity
