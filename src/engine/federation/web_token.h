// A token of OpenID Connect (a signed JWT), read and not yet believed.
#pragma once

#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::federation {

inline constexpr std::size_t token_bytes_max = 20'000;

// A JSON Web Token (RFC 7519) as it came: read, and not believed before KeySet::check() says that
// its signature holds.
class WebToken {
 public:
  // invalid_argument for what is no JWT: three parts of base64url, the first two JSON objects, the
  // first with the name of an algorithm.
  static Result<WebToken> parse(std::string_view text);

  // As the token says; whether there is such an algorithm is for whoever checks the signature.
  const std::string& algorithm() const { return algorithm_; }
  const std::string& key_id() const { return key_id_; }  // empty: it names none
  const std::string& signed_text() const { return signed_text_; }
  const std::string& signature() const { return signature_; }

  // A claim that is a text; nullopt for others and absent ones.
  std::optional<std::string> text(std::string_view claim) const;
  // The texts of a claim that is one or a list of them.
  std::vector<std::string> texts(std::string_view claim) const;
  // Seconds since 1970.
  std::optional<std::int64_t> seconds(std::string_view claim) const;

  // A claim that can be compared with a text: a scalar, or those of a list.
  struct Claim {
    std::string name;
    std::vector<std::string> values;
    bool is_list = false;
  };
  std::vector<Claim> claims() const;
  const boost::json::object& document() const { return claims_; }

 private:
  std::string algorithm_;
  std::string key_id_;
  std::string signed_text_;
  std::string signature_;
  boost::json::object claims_;
};

// RFC 4648 section 5 without padding: what JOSE writes bytes in.
Result<std::string> from_base64url(std::string_view text);

}  // namespace slipway::federation
