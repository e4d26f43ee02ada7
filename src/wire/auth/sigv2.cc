#include "wire/auth/sigv2.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <vector>

#include "base/encoding.h"
#include "base/text.h"
#include "wire/auth/auth_error.h"
#include "wire/auth/canonical.h"
#include "wire/auth/hmac.h"
#include "wire/auth/sigv4.h"

namespace slipway::wire {
namespace {

// The query parameters that are part of what is signed.
constexpr std::array<std::string_view, 31> sub_resources = {"accelerate",
                                                            "acl",
                                                            "analytics",
                                                            "cors",
                                                            "defaultObjectAcl",
                                                            "delete",
                                                            "encryption",
                                                            "inventory",
                                                            "legal-hold",
                                                            "lifecycle",
                                                            "location",
                                                            "logging",
                                                            "metrics",
                                                            "notification",
                                                            "object-lock",
                                                            "partNumber",
                                                            "policy",
                                                            "replication",
                                                            "requestPayment",
                                                            "response-cache-control",
                                                            "response-content-disposition",
                                                            "response-content-encoding",
                                                            "response-content-language",
                                                            "response-content-type",
                                                            "response-expires",
                                                            "restore",
                                                            "retention",
                                                            "select",
                                                            "select-type",
                                                            "storageClass",
                                                            "tagging"};
constexpr std::array<std::string_view, 10> more_sub_resources = {
    "torrent",           "uploadId",         "uploads", "versionId",
    "versioning",        "versions",         "website", "intelligent-tiering",
    "publicAccessBlock", "ownershipControls"};

using Parameters = std::vector<std::pair<std::string, std::string>>;

std::string decode(std::string_view text) { return percent_decode(text, PlusSign::space); }

// Signed decoded, as they were before they were put into the URL.
void append_sub_resources(std::string& out, std::string_view query) {
  Parameters found;
  for_each_part(query, '&', [&](std::string_view part) {
    const std::size_t equals = part.find('=');
    // Names are read decoded, so that one which is written otherwise is covered all the same.
    if (std::string name = decode(part.substr(0, equals)); covers_v2(name))
      found.emplace_back(std::move(name), equals == std::string_view::npos
                                              ? ""
                                              : "=" + decode(part.substr(equals + 1)));
    return true;
  });
  std::ranges::sort(found);
  for (char separator = '?'; const auto& [name, value] : found) {
    out.append(1, std::exchange(separator, '&')).append(name).append(value == "=" ? "" : value);
  }
}

// x-amz-* from the headers and, presigned, from the query; those of one name joined.
void append_amz_lines(std::string& out, const SignedRequest& request) {
  std::map<std::string, std::string> lines;
  const auto add = [&](std::string_view name, std::string value) {
    const auto [line, is_new] = lines.try_emplace(to_lower(name), value);
    if (!is_new) line->second += "," + value;
  };
  for (const auto& [name, value] : request.headers)
    if (starts_with_ignoring_case(name, "x-amz-")) add(name, std::string(trimmed(value)));
  for_each_part(request.query, '&', [&](std::string_view part) {
    const std::size_t equals = part.find('=');
    if (equals != std::string_view::npos && starts_with_ignoring_case(part, "x-amz-"))
      add(part.substr(0, equals), decode(part.substr(equals + 1)));
    return true;
  });
  for (const auto& [name, value] : lines) out += fmt::format("{}:{}\n", name, value);
}

}  // namespace

std::string hmac_sha1_base64(std::string_view secret, std::string_view text) {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned int bytes = 0;
  HMAC(EVP_sha1(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       reinterpret_cast<unsigned char*>(digest.data()), &bytes);
  digest.resize(bytes);
  return to_base64(digest);
}

namespace {

struct Claim {
  std::string access_key_id;
  std::string signature;
  std::string date_or_expires;
  std::string session_token;
};

Result<Claim> read_header(const SignedRequest& request, Timestamp now) {
  const std::string_view text = find_header(request.headers, "authorization").substr(4);
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0)
    return refuse(AuthProblem::hash_unreadable, AuthDialect::s3,
                  "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature");
  const std::string_view amz_date = find_header(request.headers, "x-amz-date");
  const std::string_view date = find_header(request.headers, "date");
  const auto time = parse_http_date(amz_date.empty() ? date : amz_date);
  if (!time)
    return refuse(AuthProblem::missing, AuthDialect::s3,
                  "AWS authentication requires a valid Date or x-amz-date header");
  if (*time > now + signature_skew_max || *time < now - signature_skew_max)
    return refuse(AuthProblem::skewed, AuthDialect::s3);
  return Claim{.access_key_id = std::string(trimmed(text.substr(0, colon))),
               .signature = std::string(text.substr(colon + 1)),
               .date_or_expires = std::string(amz_date.empty() ? date : ""),
               .session_token = std::string(find_header(request.headers, "x-amz-security-token"))};
}

std::string query_text(const SignedRequest& request, std::string_view name) {
  return decode(find_query(request.query, name).value_or(""));
}

// Of a header that a presigned URL may have in its query instead.
std::string signed_value(const SignedRequest& request, std::string_view header) {
  const std::string_view sent = find_header(request.headers, header);
  if (!sent.empty() || auth_form(request) != AuthForm::v2_presigned) return std::string(sent);
  return query_text(request, header);
}

// "/bucket" names what "/bucket/" does, and clients sign either.
bool names_bucket_alone(const SignedRequest& request, VirtualBucket bucket) {
  return bucket.name.empty() && request.path.size() > 1 && request.path.rfind('/') == 0;
}

// The token's name in the query is in lower case by custom only.
std::string query_token(const SignedRequest& request) {
  std::string token;
  for_each_part(request.query, '&', [&](std::string_view part) {
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos ||
        !equal_ignoring_case(part.substr(0, equals), "x-amz-security-token"))
      return true;
    token = decode(part.substr(equals + 1));
    return false;
  });
  return token;
}

Result<Claim> read_presigned(const SignedRequest& request, Timestamp now) {
  Claim claim{.access_key_id = query_text(request, "AWSAccessKeyId"),
              .signature = query_text(request, "Signature"),
              .date_or_expires = query_text(request, "Expires"),
              .session_token = query_token(request)};
  if (claim.access_key_id.empty() || claim.signature.empty() || claim.date_or_expires.empty())
    return refuse(AuthProblem::missing, AuthDialect::s3,
                  "Query-string authentication requires the Signature, Expires and AWSAccessKeyId "
                  "parameters");
  const std::string& text = claim.date_or_expires;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size())
    return refuse(
        AuthProblem::missing, AuthDialect::s3,
        fmt::format("Invalid date (should be seconds since epoch): {}", text.substr(0, 100)));
  const std::int64_t now_seconds =
      std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  if (seconds < now_seconds)
    return refuse(AuthProblem::presign_over, AuthDialect::s3, {},
                  {{"Expires", to_iso8601(Timestamp(std::chrono::seconds(seconds)))},
                   {"ServerTime", to_iso8601(now)}});
  return claim;
}

}  // namespace

bool covers_v2(std::string_view parameter) {
  return std::ranges::find(sub_resources, parameter) != sub_resources.end() ||
         std::ranges::find(more_sub_resources, parameter) != more_sub_resources.end();
}

std::string string_to_sign_v2(const SignedRequest& request, std::string_view date_or_expires,
                              VirtualBucket bucket) {
  std::string text =
      fmt::format("{}\n{}\n{}\n{}\n", request.method, signed_value(request, "content-md5"),
                  signed_value(request, "content-type"), date_or_expires);
  append_amz_lines(text, request);
  if (!bucket.name.empty()) text.append(1, '/').append(bucket.name);
  text.append(request.path.empty() ? "/" : request.path);
  append_sub_resources(text, request.query);
  return text;
}

Result<VerifiedV2> verify_v2(const SignedRequest& request, KeySource& keys, Timestamp now,
                             VirtualBucket bucket) {
  TRY_DO(check_signed_once(request, AuthDialect::s3));
  const bool in_header = auth_form(request) == AuthForm::v2_header;
  TRY(const Claim claim, in_header ? read_header(request, now) : read_presigned(request, now));
  const auto material = keys.find(claim.access_key_id, claim.session_token);
  if (!material) return refuse_key(material.error(), AuthDialect::s3, claim.access_key_id);
  const auto is_signed = [&](const std::string& text) {
    return equal_in_constant_time(hmac_sha1_base64(material->secret, text), claim.signature);
  };
  const std::string to_sign = string_to_sign_v2(request, claim.date_or_expires, bucket);
  if (is_signed(to_sign)) return VerifiedV2{claim.access_key_id};
  if (names_bucket_alone(request, bucket)) {
    SignedRequest closed = request;
    const std::string path = fmt::format("{}/", request.path);
    closed.path = path;
    if (is_signed(string_to_sign_v2(closed, claim.date_or_expires, bucket)))
      return VerifiedV2{claim.access_key_id};
  }
  return refuse(AuthProblem::mismatch, AuthDialect::s3, {},
                {{"AWSAccessKeyId", claim.access_key_id},
                 {"StringToSign", to_sign},
                 {"SignatureProvided", claim.signature},
                 {"StringToSignBytes", spaced_hex(to_sign)}});
}

}  // namespace slipway::wire
