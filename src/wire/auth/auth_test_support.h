// A fake key source and a request that owns its bytes: what the tests of this folder share.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "wire/auth/sigv4.h"

namespace slipway::wire::testing {

inline constexpr std::string_view example_key_id = "AKIDEXAMPLE";
inline constexpr std::string_view example_secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

class FakeKeys final : public KeySource {
 public:
  Result<KeyMaterial> find(std::string_view access_key_id,
                           std::string_view session_token) override {
    last_token = session_token;
    const auto found = secrets.find(std::string(access_key_id));
    if (found == secrets.end())
      return fail(ErrorCode::unauthenticated, "no such key", "unknown_key");
    if (session_token == "over") return fail(ErrorCode::unauthenticated, "over", "expired_token");
    return KeyMaterial{found->second};
  }

  std::map<std::string, std::string> secrets = {
      {std::string(example_key_id), std::string(example_secret)}};
  std::string last_token;
};

struct OwnedRequest {
  std::string method = "GET";
  std::string path = "/";
  std::string query;
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<std::string> body = "";

  void add(std::string_view name, std::string_view value) { headers.emplace_back(name, value); }
  void add_all(const std::vector<std::pair<std::string, std::string>>& more) {
    headers.insert(headers.end(), more.begin(), more.end());
  }
  std::string& header(std::string_view name) {
    for (auto& [key, value] : headers)
      if (key == name) return value;
    return headers.emplace_back(name, "").second;
  }
  // Valid until the next call or change.
  SignedRequest view() const {
    views.assign(headers.begin(), headers.end());
    return {method, path, query, views,
            body ? std::optional<std::string_view>(*body) : std::nullopt};
  }

  mutable std::vector<HeaderPair> views;
};

inline Timestamp at(std::string_view basic_iso8601) {
  return parse_iso8601_basic(basic_iso8601).value();
}

}  // namespace slipway::wire::testing
