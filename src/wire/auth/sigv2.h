// AWS Signature Version 2 as S3 still takes it: the Authorization header and the presigned query
// (boto3 makes the latter for us-east-1 with an own endpoint unless told otherwise).
#pragma once

#include <string>

#include "wire/auth/signed_request.h"

namespace slipway::wire {

// Says whose request it is, once its signature was shown to hold.
struct VerifiedV2 {
  std::string access_key_id;
};

// This rule lets the host name a bucket ("bucket" for bucket.s3.localhost): the signature covers
// "/bucket/key" where the request line holds "/key". Empty for path style.
struct VirtualBucket {
  std::string_view name;
};

// Verifies either form (auth_form() says that it is one). S3's own codes and messages; the details
// carry StringToSign where the signature differs. The body is never covered but by Content-MD5,
// which the caller compares.
Result<VerifiedV2> verify_v2(const SignedRequest& request, KeySource& keys, Timestamp now,
                             VirtualBucket bucket = {});

// Whether the query parameter of that name is part of what is signed. All others are not, so they
// may not select an operation.
bool covers_v2(std::string_view parameter);

// "GET\n\n\n1141889120\n/bucket/key": `date_or_expires` is the fourth line.
std::string string_to_sign_v2(const SignedRequest& request, std::string_view date_or_expires,
                              VirtualBucket bucket = {});

}  // namespace slipway::wire
