// Showing that a claim holds: the second half of sigv4.h.
#include "wire/auth/sigv4.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "wire/auth/auth_error.h"
#include "wire/auth/canonical.h"

namespace slipway::wire {
namespace {

constexpr std::string_view algorithm_v4 = "AWS4-HMAC-SHA256";
constexpr std::string_view empty_hash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::size_t canonical_bytes_usual = 1024;       // reserved; longer ones grow
constexpr std::size_t canonical_bytes_shown = 16 * 1024;  // in an error's details
constexpr std::size_t argument_bytes_shown = 200;

std::string scope_text(const CredentialScope& scope) {
  std::string text;
  text.reserve(scope.date.size() + scope.region.size() + scope.service.size() + 16);
  text.append(scope.date).append(1, '/').append(scope.region).append(1, '/');
  text.append(scope.service).append("/aws4_request");
  return text;
}

std::string text_to_sign(std::string_view date, std::string_view scope,
                         std::string_view canonical) {
  std::string text;
  text.reserve(algorithm_v4.size() + date.size() + scope.size() + 70);
  text.append(algorithm_v4).append(1, '\n').append(date).append(1, '\n').append(scope);
  text.append(1, '\n').append(view_of(hex_of(sha256_of(canonical))));
  return text;
}

// ---- Time --------------------------------------------------------------------------------------

std::unexpected<Error> too_old(const Authorization& claim, Timestamp now, AuthDialect dialect) {
  const Timestamp oldest = now - signature_skew_max;
  std::string message = fmt::format("Signature expired: {} is now earlier than {} ({} - 15 min.)",
                                    claim.date, to_iso8601_basic(oldest), to_iso8601_basic(now));
  return refuse(AuthProblem::skewed, dialect, std::move(message));
}

std::unexpected<Error> too_early(const Authorization& claim, Timestamp now, AuthDialect dialect) {
  const Timestamp newest = now + signature_skew_max;
  return refuse(AuthProblem::skewed, dialect,
                fmt::format("Signature not yet current: {} is still later than {} ({} + 15 min.)",
                            claim.date, to_iso8601_basic(newest), to_iso8601_basic(now)));
}

std::unexpected<Error> skewed_s3(const Authorization& claim, Timestamp now) {
  return refuse(AuthProblem::skewed, AuthDialect::s3, {},
                {{"RequestTime", std::string(claim.date)},
                 {"ServerTime", to_iso8601(now)},
                 {"MaxAllowedSkewMilliseconds",
                  std::to_string(std::chrono::milliseconds(signature_skew_max).count())}});
}

Result<> check_presigned_time(const Authorization& claim, Timestamp now, AuthDialect dialect) {
  const bool s3 = dialect == AuthDialect::s3;
  if (claim.time > now + signature_skew_max) {
    if (!s3) return too_early(claim, now, dialect);
    return refuse(AuthProblem::presign_over, dialect, "Request is not yet valid");
  }
  const Timestamp end = claim.time + claim.expires;
  if (now <= end) return {};
  if (!s3)
    return refuse(AuthProblem::presign_over, dialect,
                  fmt::format("Signature expired: {} is now earlier than {}", to_iso8601_basic(end),
                              to_iso8601_basic(now)));
  return refuse(AuthProblem::presign_over, dialect, {},
                {{"X-Amz-Expires", std::to_string(claim.expires.count())},
                 {"Expires", to_iso8601(end)},
                 {"ServerTime", to_iso8601(now)}});
}

Result<> check_time(const Authorization& claim, Timestamp now, AuthDialect dialect) {
  if (claim.form == AuthForm::v4_presigned) return check_presigned_time(claim, now, dialect);
  const bool early = claim.time > now + signature_skew_max;
  const bool late = claim.time < now - signature_skew_max;
  if (!early && !late) return {};
  if (dialect == AuthDialect::s3) return skewed_s3(claim, now);
  return early ? too_early(claim, now, dialect) : too_old(claim, now, dialect);
}

// ---- Scope -------------------------------------------------------------------------------------

constexpr std::string_view terminator = "aws4_request";
constexpr std::size_t date_digits = 8;

std::string_view day_of(const Authorization& claim) { return claim.date.substr(0, date_digits); }

bool is_day(std::string_view text) {
  return text.size() == date_digits &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// S3 names the first thing that is wrong.
Result<> check_s3_scope(const Authorization& claim, const SignedFor& wanted) {
  const CredentialScope& scope = claim.scope;
  std::string what;
  if (scope.service != wanted.service)
    what = fmt::format("incorrect service \"{}\". This endpoint belongs to \"{}\".", scope.service,
                       wanted.service);
  else if (scope.terminator != terminator)
    what = fmt::format("incorrect terminal \"{}\". This endpoint uses \"{}\".", scope.terminator,
                       terminator);
  else if (!is_day(scope.date))
    what = fmt::format(
        "incorrect date format \"{}\". This date in the credential must be in the format "
        "\"yyyyMMdd\".",
        scope.date);
  const bool presigned = claim.form == AuthForm::v4_presigned;
  if (!what.empty())
    return malformed(wanted.dialect, claim.form,
                     presigned ? std::string(credential_parameter) + what : what);
  if (scope.date == day_of(claim)) return {};
  return malformed(
      wanted.dialect, claim.form,
      fmt::format(
          "Invalid credential date \"{}\". This date is not the same as X-Amz-Date: \"{}\".",
          scope.date, day_of(claim)));
}

// The others name everything that is wrong, one sentence each; the blanks at their ends are AWS's.
// Any region is taken: it is the region that the caller means.
Result<> check_scope(const Authorization& claim, const SignedFor& wanted) {
  if (wanted.dialect == AuthDialect::s3) return check_s3_scope(claim, wanted);
  const CredentialScope& scope = claim.scope;
  std::string wrong;
  if (scope.service != wanted.service)
    wrong += fmt::format("Credential should be scoped to correct service: '{}'. ", wanted.service);
  if (scope.terminator != terminator)
    wrong += fmt::format("Credential should be scoped with a valid terminator: '{}', not '{}'. ",
                         terminator, scope.terminator);
  if (scope.date != day_of(claim))
    wrong += fmt::format(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        "'{}' != '{}', from '{}'.",
        scope.date, day_of(claim), claim.date);
  if (wrong.empty()) return {};
  return refuse(AuthProblem::mismatch, wanted.dialect, std::move(wrong));
}

// ---- Headers -----------------------------------------------------------------------------------

bool is_signed(std::string_view signed_headers, std::string_view header) {
  bool found = false;
  for_each_part(signed_headers, ';', [&](std::string_view name) {
    return !(found = equal_ignoring_case(name, header));
  });
  return found;
}

// A presigned URL was signed before its body was known: clients that send it with the hash all the
// same announce nothing that it covers. How the body travels is not theirs to choose.
bool passes_unsigned(std::string_view name, std::string_view value, AuthForm form) {
  return form == AuthForm::v4_presigned && equal_ignoring_case(name, "x-amz-content-sha256") &&
         payload_mode(value).value_or(PayloadMode::hashed) <= PayloadMode::unsigned_payload;
}

// S3 takes no x-amz-* header on trust. Elsewhere the one that chooses what is done must be signed;
// a session token may be added after signing, and is bound to its key by itself.
Result<> check_headers_signed(const SignedRequest& request, const Authorization& claim,
                              AuthDialect dialect) {
  const bool s3 = dialect == AuthDialect::s3;
  std::string unsigned_names;
  for (const auto& [name, value] : request.headers) {
    const bool matters =
        s3 ? starts_with_ignoring_case(name, "x-amz-") : equal_ignoring_case(name, "x-amz-target");
    if (!matters || is_signed(claim.signed_headers, name)) continue;
    if (s3 && passes_unsigned(name, value, claim.form)) continue;
    unsigned_names.append(unsigned_names.empty() ? "" : ", ").append(to_lower(name));
  }
  if (unsigned_names.empty()) return {};
  if (!s3)
    return refuse(
        AuthProblem::headers_unsigned, dialect,
        fmt::format("'{}' must be a 'SignedHeader' in the AWS Authorization.", unsigned_names));
  return refuse(AuthProblem::headers_unsigned, dialect, {}, {{"HeadersNotSigned", unsigned_names}});
}

bool is_hex_hash(std::string_view text) {
  return text.size() == empty_hash.size() && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

// Checks what is announced of the body; only S3 asks for it.
Result<> check_payload(const Authorization& claim, AuthDialect dialect) {
  const std::string_view announced = claim.content_sha256;
  if (is_hex_hash(announced) || dialect != AuthDialect::s3) return {};
  if (claim.payload != PayloadMode::hashed) return {};
  if (announced.empty()) return refuse(AuthProblem::hash_missing, dialect);
  if (announced.starts_with("STREAMING-AWS4-ECDSA-P256-SHA256-"))
    return refuse(AuthProblem::unsupported, dialect);
  return refuse(AuthProblem::hash_unreadable, dialect, {},
                {{"ArgumentName", "x-amz-content-sha256"},
                 {"ArgumentValue", std::string(announced.substr(0, argument_bytes_shown))}});
}

// ---- Body and signature ------------------------------------------------------------------------

// The last line of the canonical request, and whether the body was shown to fit it.
struct PayloadLine {
  std::string text;
  enum class Body : std::uint8_t { covered, to_be_compared } body = Body::covered;
};

Result<PayloadLine> payload_line(const SignedRequest& request, const Authorization& claim,
                                 AuthDialect dialect) {
  if (claim.payload != PayloadMode::hashed) return PayloadLine{std::string(claim.content_sha256)};
  if (!request.body) {
    if (!claim.content_sha256.empty())
      return PayloadLine{std::string(claim.content_sha256), PayloadLine::Body::to_be_compared};
    return fail(ErrorCode::internal,
                "The body's hash was not announced, so the body must be read before its signature "
                "can be verified.");
  }
  std::string computed(request.body->empty() ? empty_hash
                                             : view_of(hex_of(sha256_of(*request.body))));
  if (claim.content_sha256.empty()) return PayloadLine{std::move(computed)};
  if (equal_ignoring_case(computed, claim.content_sha256))
    return PayloadLine{std::string(claim.content_sha256)};
  return refuse(AuthProblem::body_mismatch, dialect, {},
                {{"ClientComputedContentSHA256", std::string(claim.content_sha256)},
                 {"S3ComputedContentSHA256", std::move(computed)}});
}

}  // namespace

std::string spaced_hex(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, canonical_bytes_shown))
    out += fmt::format("{}{:02x}", out.empty() ? "" : " ", static_cast<unsigned char>(c));
  return out;
}

namespace {

std::unexpected<Error> mismatch(const Authorization& claim, const std::string& canonical,
                                const std::string& to_sign, AuthDialect dialect) {
  if (dialect != AuthDialect::s3) return refuse(AuthProblem::mismatch, dialect);
  return refuse(AuthProblem::mismatch, dialect, {},
                {{"AWSAccessKeyId", std::string(claim.scope.access_key_id)},
                 {"StringToSign", to_sign},
                 {"SignatureProvided", std::string(claim.signature)},
                 {"StringToSignBytes", spaced_hex(to_sign)},
                 {"CanonicalRequest", canonical.substr(0, canonical_bytes_shown)},
                 {"CanonicalRequestBytes", spaced_hex(canonical)}});
}

bool streams_signed_chunks(PayloadMode mode) {
  return mode == PayloadMode::chunks_signed || mode == PayloadMode::chunks_signed_trailer;
}

Verified verified(const Authorization& claim, PayloadLine line, const HmacKey& key) {
  Verified out{.access_key_id = std::string(claim.scope.access_key_id),
               .region = std::string(claim.scope.region),
               .service = std::string(claim.scope.service),
               .payload = claim.payload};
  if (line.body == PayloadLine::Body::to_be_compared) out.content_sha256 = to_lower(line.text);
  if (!streams_signed_chunks(claim.payload)) return out;
  out.signing_key = key;
  out.date = claim.date;
  out.scope = scope_text(claim.scope);
  out.signature = claim.signature;
  return out;
}

}  // namespace

const HmacKey& SigningKeyCache::get(const CredentialScope& scope, std::string_view secret) {
  if (entries_.empty()) entries_.resize(entries_max);
  name_.clear();
  for (const std::string_view part :
       {scope.access_key_id, scope.date, scope.region, scope.service, secret})
    name_.append(part).append(1, '\0');
  Entry& entry = entries_[std::hash<std::string>{}(name_) % entries_max];
  if (entry.name != name_) {
    entry.key = signing_key(scope, secret);
    entry.name = name_;
  }
  return entry.key;
}

HmacKey signing_key(const CredentialScope& scope, std::string_view secret) {
  std::string start = "AWS4";
  start += secret;
  const auto step = [](const Sha256Digest& key, std::string_view message) {
    return HmacKey(view_of(key)).sign(message);
  };
  const Sha256Digest dated = HmacKey(start).sign(scope.date);
  const Sha256Digest regional = step(dated, scope.region);
  return HmacKey(view_of(step(step(regional, scope.service), "aws4_request")));
}

std::string canonical_request(const SignedRequest& request, const Authorization& claim,
                              std::string_view payload_hash) {
  std::string text;
  text.reserve(canonical_bytes_usual);
  append_canonical_request(text, request, path_rule(claim.scope.service), claim.signed_headers,
                           payload_hash);
  return text;
}

std::string string_to_sign(const Authorization& claim, std::string_view canonical) {
  return text_to_sign(claim.date, scope_text(claim.scope), canonical);
}

Result<KeyMaterial> check_claim(const SignedRequest& request, const Authorization& claim,
                                const SignedFor& wanted, KeySource& keys, Timestamp now) {
  // S3 looks at the scope before the time, the others after it.
  const AuthDialect dialect = wanted.dialect;
  if (dialect == AuthDialect::s3) TRY_DO(check_scope(claim, wanted));
  TRY_DO(check_time(claim, now, dialect));
  if (dialect != AuthDialect::s3) TRY_DO(check_scope(claim, wanted));
  TRY_DO(check_headers_signed(request, claim, dialect));
  TRY_DO(check_payload(claim, dialect));
  auto material = keys.find(claim.scope.access_key_id, claim.session_token);
  if (!material) return refuse_key(material.error(), dialect, claim.scope.access_key_id);
  return material;
}

Result<Verified> verify(const SignedRequest& request, const Authorization& claim,
                        const SignedFor& wanted, KeySource& keys, SigningKeyCache& cache,
                        Timestamp now) {
  TRY(const KeyMaterial material, check_claim(request, claim, wanted, keys, now));
  TRY(PayloadLine line, payload_line(request, claim, wanted.dialect));

  const HmacKey& key = cache.get(claim.scope, material.secret);
  const std::string canonical = canonical_request(request, claim, line.text);
  const std::string to_sign = string_to_sign(claim, canonical);
  if (!equal_in_constant_time(view_of(hex_of(key.sign(to_sign))), claim.signature))
    return mismatch(claim, canonical, to_sign, wanted.dialect);
  return verified(claim, std::move(line), key);
}

Result<Verified> verify(const SignedRequest& request, const SignedFor& wanted, KeySource& keys,
                        SigningKeyCache& cache, Timestamp now) {
  TRY(const Authorization claim, parse_authorization(request, wanted.dialect));
  return verify(request, claim, wanted, keys, cache, now);
}

}  // namespace slipway::wire
