// The client's side of sigv4.h.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "base/text.h"
#include "wire/auth/canonical.h"
#include "wire/auth/sigv4.h"

namespace slipway::wire {
namespace {

// Proxies and HTTP libraries change these on the way.
constexpr std::array<std::string_view, 15> never_signed = {
    "authorization", "cache-control",     "connection", "expect",     "from",
    "keep-alive",    "max-forwards",      "pragma",     "referer",    "te",
    "trailer",       "transfer-encoding", "upgrade",    "user-agent", "x-amzn-trace-id"};

std::string signed_names(std::span<const HeaderPair> headers) {
  std::vector<std::string> names;
  for (const auto& [name, value] : headers) {
    std::string lower = to_lower(name);
    if (std::ranges::find(never_signed, lower) == never_signed.end())
      names.push_back(std::move(lower));
  }
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  std::string joined;
  for (const std::string& name : names) joined.append(joined.empty() ? "" : ";").append(name);
  return joined;
}

std::string payload_of(const SignedRequest& request) {
  return request.body ? sha256_hex(*request.body) : std::string("UNSIGNED-PAYLOAD");
}

std::string signature_of(const SignedRequest& request, const Authorization& claim,
                         std::string_view payload, std::string_view secret) {
  const std::string canonical = canonical_request(request, claim, payload);
  const Sha256Digest digest =
      signing_key(claim.scope, secret).sign(string_to_sign(claim, canonical));
  return std::string(view_of(hex_of(digest)));
}

std::string credential_of(const CredentialScope& scope) {
  return fmt::format("{}/{}/{}/{}/aws4_request", scope.access_key_id, scope.date, scope.region,
                     scope.service);
}

Authorization claim_of(const Credentials& credentials, const SigningTarget& target,
                       std::string_view date) {
  return {.scope = {credentials.access_key_id, date.substr(0, 8), target.region, target.service},
          .date = date};
}

}  // namespace

std::vector<std::pair<std::string, std::string>> sign(const SignedRequest& request,
                                                      const Credentials& credentials,
                                                      const SigningTarget& target, Timestamp now) {
  const std::string date = to_iso8601_basic(now);
  const std::string payload = payload_of(request);
  std::vector<std::pair<std::string, std::string>> added = {{"X-Amz-Date", date}};
  if (!credentials.session_token.empty())
    added.emplace_back("X-Amz-Security-Token", credentials.session_token);
  if (path_rule(target.service) == PathRule::as_it_stands || !request.body)
    added.emplace_back("X-Amz-Content-Sha256", payload);

  std::vector<HeaderPair> headers(request.headers.begin(), request.headers.end());
  headers.insert(headers.end(), added.begin(), added.end());
  SignedRequest whole = request;
  whole.headers = headers;

  const std::string names = signed_names(headers);
  Authorization claim = claim_of(credentials, target, date);
  claim.signed_headers = names;
  const std::string signature = signature_of(whole, claim, payload, credentials.secret_access_key);
  added.emplace_back("Authorization",
                     fmt::format("AWS4-HMAC-SHA256 Credential={}, SignedHeaders={}, Signature={}",
                                 credential_of(claim.scope), names, signature));
  return added;
}

std::string presign(const SignedRequest& request, const Credentials& credentials,
                    const SigningTarget& target, Timestamp now, std::chrono::seconds expires) {
  const std::string date = to_iso8601_basic(now);
  Authorization claim = claim_of(credentials, target, date);
  claim.signed_headers = "host";
  std::string query(request.query);
  if (!query.empty()) query += '&';
  query += fmt::format(
      "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date={}&X-Amz-Expires={}"
      "&X-Amz-SignedHeaders=host",
      percent_encode(credential_of(claim.scope)), date, expires.count());
  if (!credentials.session_token.empty())
    query += "&X-Amz-Security-Token=" + percent_encode(credentials.session_token);

  SignedRequest whole = request;
  whole.query = query;
  const bool s3 = path_rule(target.service) == PathRule::as_it_stands;
  const std::string payload = s3 ? "UNSIGNED-PAYLOAD" : sha256_hex(request.body.value_or(""));
  return query +
         "&X-Amz-Signature=" + signature_of(whole, claim, payload, credentials.secret_access_key);
}

}  // namespace slipway::wire
