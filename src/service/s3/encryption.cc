#include "service/s3/encryption.h"

#include <openssl/evp.h>

#include "base/encoding.h"
#include "service/s3/errors.h"

namespace slipway::s3 {
namespace {

constexpr std::string_view header = "x-amz-server-side-encryption";
constexpr std::string_view only_algorithm = "AES256";
constexpr std::size_t key_bytes = 32;

bool is_kms(std::string_view algorithm) {
  return algorithm == "aws:kms" || algorithm == "aws:kms:dsse";
}

std::unexpected<Error> no_kms(std::string_view algorithm) {
  return refuse("NotImplemented",
                fmt::format("Slipway has no keys of KMS ({}): nothing would be encrypted with one. "
                            "Leave the encryption out, or ask for AES256.",
                            algorithm));
}

// S3 names the header of another kind of encryption, with a value that nobody sent.
std::unexpected<Error> bad_customer_key(std::string message) {
  return invalid_argument(std::move(message), {header, "null"});
}

std::string md5_base64(std::string_view bytes) {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
             EVP_md5(), nullptr);
  digest.resize(size);
  return to_base64(digest);
}

// The headers of a client's key, in the order in which S3 looks at them.
Result<> check_customer_key(const CustomerKey& customer) {
  if (!customer.algorithm)
    return bad_customer_key(
        "Requests specifying Server Side Encryption with Customer provided keys must provide a "
        "valid encryption algorithm.");
  if (*customer.algorithm != only_algorithm) {
    auto error = refuse("InvalidEncryptionAlgorithmError",
                        "The Encryption request you specified is not valid. Supported value: "
                        "AES256.");
    error.error().details = {{"ArgumentName", std::string(header)},
                             {"ArgumentValue", std::string(*customer.algorithm)}};
    return error;
  }
  if (!customer.key)
    return bad_customer_key(
        "Requests specifying Server Side Encryption with Customer provided keys must provide an "
        "appropriate secret key.");
  const auto key = from_base64(*customer.key);
  if (key && customer.key_md5 && md5_base64(*key) != *customer.key_md5)
    return bad_customer_key(
        "The calculated MD5 hash of the key did not match the hash that was provided.");
  if (!key || key->size() != key_bytes)
    return bad_customer_key("The secret key was invalid for the specified algorithm.");
  return {};
}

}  // namespace

Result<> check_encryption(const WantedEncryption& wanted) {
  if (wanted.customer.given()) {
    if (wanted.algorithm)
      return invalid_argument(
          "Server Side Encryption with Customer provided key is incompatible with the encryption "
          "method specified",
          {header, std::string(*wanted.algorithm)});
    TRY_DO(check_customer_key(wanted.customer));
    return refuse("NotImplemented",
                  "Slipway does not encrypt with keys that customers provide (SSE-C).");
  }
  const std::string_view algorithm = wanted.algorithm.value_or(only_algorithm);
  // The SageMaker SDK asks for KMS by itself, with no key, in each upload of code.
  const bool names_key = wanted.kms_key || wanted.kms_context;
  if (algorithm == "aws:kms" && !names_key) return {};
  if (is_kms(algorithm)) return no_kms(algorithm);
  if (algorithm != only_algorithm)
    return invalid_argument("The encryption method specified is not supported",
                            {header, std::string(algorithm)});
  if (names_key)
    return invalid_argument(
        "Server Side Encryption with AWS KMS managed key requires HTTP header "
        "x-amz-server-side-encryption : aws:kms",
        {header, std::string(wanted.algorithm.value_or(""))});
  return {};
}

Result<> check_reading_key(const CustomerKey& key) {
  if (!key.given()) return {};
  TRY_DO(check_customer_key(key));
  return refuse("InvalidRequest", "The encryption parameters are not applicable to this object.");
}

Result<> check_default_encryption(api::ServerSideEncryptionByDefault wanted) {
  const std::string_view algorithm = wanted.SSEAlgorithm();
  if (is_kms(algorithm)) return no_kms(algorithm);
  if (algorithm != only_algorithm) return refuse("MalformedXML", std::string(malformed_xml));
  if (wanted.KMSMasterKeyID())
    return invalid_argument(
        "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or "
        "aws:kms:dsse",
        {"ApplyServerSideEncryptionByDefault", std::string(only_algorithm)});
  return {};
}

}  // namespace slipway::s3
