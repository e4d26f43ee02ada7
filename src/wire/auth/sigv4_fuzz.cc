// Any bytes as a request head: whatever they claim of their signature, nothing but a refusal.
#include <cstddef>
#include <cstdint>

#include "wire/auth/auth_test_support.h"
#include "wire/auth/sigv2.h"

namespace {

using namespace slipway::wire;

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<HeaderPair> headers;
  SignedRequest request{.method = "PUT", .path = take_line(text), .query = take_line(text)};
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) break;
    headers.emplace_back(line.substr(0, colon), line.substr(colon + 1));
  }
  request.headers = headers;
  request.body = text;

  testing::FakeKeys keys;
  SigningKeyCache cache;
  const slipway::Timestamp now = testing::at("20150830T123600Z");
  for (const SignedFor& wanted :
       {SignedFor{"s3", AuthDialect::s3}, SignedFor{"sagemaker", AuthDialect::json}})
    if (verify(request, wanted, keys, cache, now)) __builtin_trap();
  if (auth_form(request) == AuthForm::v2_header || auth_form(request) == AuthForm::v2_presigned)
    if (verify_v2(request, keys, now)) __builtin_trap();
  return 0;
}
