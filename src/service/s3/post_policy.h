// The policy that a browser's form carries: until when it holds, and what each field may say.
// docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html; the words of refusals
// are those that S3 was seen to use.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace slipway::s3 {

// A form as its policy sees it: the key with its ${filename} filled in.
struct FormView {
  std::string_view bucket;
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
};

// Says how many bytes the file of a form may have.
struct SizeRange {
  std::uint64_t min = 0;
  std::uint64_t max = ~0ULL;
};

// Checks a form against its policy, base64 as sent, at `now`. Returns how large the file may be.
//   InvalidPolicyDocument  the policy is none
//   AccessDenied           it is over, a condition fails, or a field stands in none
Result<SizeRange> check_post_policy(std::string_view policy, const FormView& form, Timestamp now);

}  // namespace slipway::s3
