// What a request asks for in encryption. Slipway answers AES256, the default of every bucket, and
// keeps data as safe as its disk is; what claims more than that, a key of KMS or of the client's
// own, is refused by name. `aws:kms` without a key is taken, and the answer says AES256.
#pragma once

#include <optional>
#include <string_view>

#include "service/s3/door.h"

namespace slipway::s3 {

// The headers of one key that the client keeps (SSE-C).
struct CustomerKey {
  std::optional<std::string_view> algorithm = {};
  std::optional<std::string_view> key = {};
  std::optional<std::string_view> key_md5 = {};

  bool given() const { return algorithm || key || key_md5; }
};

// Says what the headers of a request ask for.
struct WantedEncryption {
  std::optional<std::string_view> algorithm = {};  // x-amz-server-side-encryption
  std::optional<std::string_view> kms_key = {};
  std::optional<std::string_view> kms_context = {};
  CustomerKey customer = {};
};

// For what is written: InvalidArgument and its like where the headers contradict themselves, as on
// AWS, and NotImplemented for what Slipway does not do.
Result<> check_encryption(const WantedEncryption& wanted);
// For what is read, an object or the source of a copy: none is encrypted with a client's key.
Result<> check_reading_key(const CustomerKey& key);
// For the default of a bucket.
Result<> check_default_encryption(api::ServerSideEncryptionByDefault wanted);

template <typename In>
CustomerKey customer_key(const In& in) {
  return {in.SSECustomerAlgorithm(), in.SSECustomerKey(), in.SSECustomerKeyMD5()};
}

template <typename In>
CustomerKey source_customer_key(const In& in) {
  return {in.CopySourceSSECustomerAlgorithm(), in.CopySourceSSECustomerKey(),
          in.CopySourceSSECustomerKeyMD5()};
}

template <typename In>
WantedEncryption wanted_encryption(const In& in) {
  return {in.ServerSideEncryption(), in.SSEKMSKeyId(), in.SSEKMSEncryptionContext(),
          customer_key(in)};
}

}  // namespace slipway::s3
