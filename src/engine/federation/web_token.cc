#include "engine/federation/web_token.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/encoding.h"
#include "base/text.h"

namespace slipway::federation {
namespace {

namespace json = boost::json;

constexpr double seconds_max = 1e15;  // whole numbers up to here are exact as doubles

std::unexpected<Error> no_token(std::string_view why) {
  return fail(ErrorCode::invalid_argument, fmt::format("The token is no JWT: {}.", why));
}

Result<json::object> read_object(std::string_view part) {
  TRY(const std::string text, from_base64url(part));
  std::error_code error;
  const json::value value = json::parse({text.data(), text.size()}, error);
  if (error || !value.is_object()) return no_token("a part of it is no JSON object");
  return value.as_object();
}

std::optional<std::string> scalar(const json::value& value) {
  switch (value.kind()) {
    case json::kind::string: return std::string(value.get_string());
    case json::kind::bool_: return value.get_bool() ? "true" : "false";
    case json::kind::int64: return fmt::to_string(value.get_int64());
    case json::kind::uint64: return fmt::to_string(value.get_uint64());
    case json::kind::double_: return fmt::to_string(value.get_double());
    default: return std::nullopt;
  }
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* const found = object.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
}

}  // namespace

Result<std::string> from_base64url(std::string_view text) {
  std::string plain(text);
  for (char& c : plain) {
    if (c == '+' || c == '/' || c == '=') return no_token("it is not base64url");
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  return from_base64(plain);
}

Result<WebToken> WebToken::parse(std::string_view text) {
  if (text.size() > token_bytes_max) return no_token("it is too long");
  const std::size_t first = text.find('.');
  const std::size_t last = text.rfind('.');
  if (first == text.npos || first == last || text.find('.', first + 1) != last)
    return no_token("it has not three parts");
  TRY(const json::object header, read_object(text.substr(0, first)));
  WebToken token;
  TRY(token.claims_, read_object(text.substr(first + 1, last - first - 1)));
  TRY(token.signature_, from_base64url(text.substr(last + 1)));
  token.algorithm_ = text_of(header, "alg");
  token.key_id_ = text_of(header, "kid");
  token.signed_text_ = text.substr(0, last);
  if (token.algorithm_.empty()) return no_token("it names no algorithm");
  // What a header marks as critical must be understood; nothing of it is (RFC 7515, 4.1.11).
  if (header.contains("crit")) return no_token("it asks for an extension");
  return token;
}

std::optional<std::string> WebToken::text(std::string_view claim) const {
  const json::value* const found = claims_.if_contains(claim);
  if (found == nullptr || !found->is_string()) return std::nullopt;
  return std::string(found->get_string());
}

std::vector<std::string> WebToken::texts(std::string_view claim) const {
  const json::value* const found = claims_.if_contains(claim);
  if (found == nullptr) return {};
  if (found->is_string()) return {std::string(found->get_string())};
  std::vector<std::string> out;
  if (found->is_array())
    for (const json::value& each : found->get_array())
      if (each.is_string()) out.emplace_back(each.get_string());
  return out;
}

std::optional<std::int64_t> WebToken::seconds(std::string_view claim) const {
  const json::value* const found = claims_.if_contains(claim);
  if (found == nullptr || !found->is_number()) return std::nullopt;
  const auto value = found->to_number<double>();
  if (!(std::abs(value) < seconds_max)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::vector<WebToken::Claim> WebToken::claims() const {
  std::vector<Claim> out;
  for (const auto& [name, value] : claims_) {
    Claim claim{.name = std::string(name), .values = {}, .is_list = value.is_array()};
    if (!claim.is_list) {
      if (auto text = scalar(value)) claim.values.push_back(*std::move(text));
    } else {
      for (const json::value& each : value.get_array())
        if (auto text = scalar(each)) claim.values.push_back(*std::move(text));
    }
    if (!claim.values.empty()) out.push_back(std::move(claim));
  }
  return out;
}

}  // namespace slipway::federation
