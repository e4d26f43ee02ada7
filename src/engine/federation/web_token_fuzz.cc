// Tokens and key sets as strangers may write them: nothing that is read is more than what was sent,
// and no signature holds that nobody made. The first line is a token, the rest a key set.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/federation/key_set.h"

namespace slipway::federation {
namespace {

void check(bool holds) {
  if (!holds) __builtin_trap();
}

void try_token(std::string_view text, std::string_view jwks) {
  const auto token = WebToken::parse(text);
  if (!token) return check(!token.error().message.empty());
  check(text.starts_with(token->signed_text()) && !token->algorithm().empty());
  for (const WebToken::Claim& claim : token->claims()) {
    check(!claim.values.empty() && (claim.is_list || claim.values.size() == 1));
    const auto whole = token->text(claim.name);
    check(!whole || claim.values.front() == *whole);
    (void)token->seconds(claim.name);
  }
  const auto keys = KeySet::parse(jwks);
  if (!keys) return;
  check(keys->size() <= keys_max);
  const auto outcome = keys->check(*token);
  if (token->signature().empty()) check(outcome != KeySet::Outcome::holds);
  if (!token->algorithm().starts_with("RS") && !token->algorithm().starts_with("ES"))
    check(outcome == KeySet::Outcome::does_not_hold);
}

}  // namespace
}  // namespace slipway::federation

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::string_view first = all.substr(0, all.find('\n'));
  slipway::federation::try_token(first, all.substr(std::min(size, first.size() + 1)));
  return 0;
}
