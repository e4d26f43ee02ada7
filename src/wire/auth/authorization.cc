// Reading what a request claims about its signature: the first half of sigv4.h.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/encoding.h"
#include "base/text.h"
#include "wire/auth/auth_error.h"
#include "wire/auth/canonical.h"
#include "wire/auth/sigv4.h"

namespace slipway::wire {
namespace {

constexpr std::string_view algorithm_v4 = "AWS4-HMAC-SHA256";
constexpr std::string_view algorithm_v4a = "AWS4-ECDSA-P256-SHA256";
constexpr std::size_t quoted_bytes_max = 200;  // of a client's text in a message

std::string quoted(std::string_view text) { return std::string(text.substr(0, quoted_bytes_max)); }

// The last part between slashes, taken off `text`.
std::string_view take_last(std::string_view& text) {
  const std::size_t slash = text.rfind('/');
  if (slash == std::string_view::npos) return {};
  const std::string_view last = text.substr(slash + 1);
  text = text.substr(0, slash);
  return last;
}

// A region becomes part of names, of labels and of lines that others read: it is a word, whoever
// made it up.
bool is_region(std::string_view text) {
  constexpr std::string_view marks = "-_.";
  return !marks.contains(text.front()) && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.contains(c);
  });
}

}  // namespace

std::optional<CredentialScope> parse_scope(std::string_view credential) {
  CredentialScope scope;
  scope.terminator = take_last(credential);
  scope.service = take_last(credential);
  scope.region = take_last(credential);
  scope.date = take_last(credential);
  scope.access_key_id = credential;
  const auto fits = [](std::string_view part) {
    return !part.empty() && part.size() <= scope_part_bytes_max;
  };
  const bool whole = fits(scope.terminator) && fits(scope.service) && fits(scope.region) &&
                     is_region(scope.region) && fits(scope.date) && !scope.access_key_id.empty() &&
                     scope.access_key_id.size() <= access_key_id_bytes_max;
  return whole ? std::optional(scope) : std::nullopt;
}

namespace {

// In S3's words, which are those of version 2.
std::unexpected<Error> no_valid_date() {
  return refuse(AuthProblem::missing, AuthDialect::s3,
                "AWS authentication requires a valid Date or x-amz-date header");
}

std::unexpected<Error> unreadable_scope(AuthDialect dialect, AuthForm form,
                                        std::string_view credential) {
  if (dialect != AuthDialect::s3)
    return malformed(dialect, form,
                     fmt::format("Credential must have exactly 5 slash-delimited elements, e.g. "
                                 "keyid/date/region/service/term, got '{}'",
                                 quoted(credential)));
  return malformed(dialect, form,
                   fmt::format("{}the Credential is mal-formed; expecting "
                               "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
                               form == AuthForm::v4_presigned ? credential_parameter : ""));
}

// Where more than five parts end in another word than a credential's, S3 looks for no key that
// holds slashes.
bool is_no_credential(AuthDialect dialect, std::string_view credential) {
  return dialect == AuthDialect::s3 && std::ranges::count(credential, '/') > 4 &&
         !credential.ends_with("/aws4_request");
}

struct PayloadWord {
  std::string_view word;
  PayloadMode mode;
};
constexpr PayloadWord payload_words[] = {
    {"UNSIGNED-PAYLOAD", PayloadMode::unsigned_payload},
    {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", PayloadMode::chunks_signed},
    {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", PayloadMode::chunks_signed_trailer},
    {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", PayloadMode::chunks_trailer},
};

bool holds_name(std::string_view signed_headers, std::string_view name) {
  bool found = false;
  for_each_part(signed_headers, ';',
                [&](std::string_view part) { return !(found = part == name); });
  return found;
}

bool is_hash(std::string_view text) {
  constexpr std::size_t hash_digits = 64;
  return text.size() == hash_digits && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

// Checks what both forms must satisfy once their parts are read.
Result<> check_parts(Authorization& claim, const SignedRequest& request, AuthDialect dialect) {
  // A body that the signature does not cover is S3's alone: elsewhere AWS takes the hash of the
  // body whatever is announced.
  if (dialect != AuthDialect::s3 && !is_hash(claim.content_sha256)) claim.content_sha256 = {};
  if (std::ranges::count(claim.signed_headers, ';') >= std::ptrdiff_t{signed_headers_max} ||
      std::ranges::count(request.query, '&') >= std::ptrdiff_t{query_parameters_max})
    return malformed(dialect, claim.form, "too many signed headers or query parameters.");
  auto time = parse_iso8601_basic(claim.date);
  if (!time && dialect == AuthDialect::s3)
    return claim.form == AuthForm::v4_header
               ? no_valid_date()
               : malformed(dialect, claim.form,
                           "X-Amz-Date must be in the ISO8601 Long Format "
                           "\"yyyyMMdd'T'HHmmss'Z'\"");
  if (!time)
    return malformed(dialect, claim.form,
                     fmt::format("Date must be in ISO-8601 'basic format'. Got '{}'. See "
                                 "http://en.wikipedia.org/wiki/ISO_8601",
                                 quoted(claim.date)));
  claim.time = *time;
  if (!holds_name(claim.signed_headers, "host"))
    return refuse(AuthProblem::headers_unsigned, dialect,
                  "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  claim.payload = payload_mode(claim.content_sha256).value_or(PayloadMode::hashed);
  return {};
}

// ---- The header form ---------------------------------------------------------------------------

struct HeaderParts {
  std::string_view credential;
  std::string_view signed_headers;
  std::string_view signature;
};

// Whether the piece "Name=value" was one of ours, and the first of its name.
bool take_piece(HeaderParts& parts, std::string_view piece) {
  const std::size_t equals = piece.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = piece.substr(0, equals);
  std::string_view* place = name == "Credential"      ? &parts.credential
                            : name == "SignedHeaders" ? &parts.signed_headers
                            : name == "Signature"     ? &parts.signature
                                                      : nullptr;
  if (place == nullptr || !place->empty()) return false;
  *place = piece.substr(equals + 1);
  return true;
}

// S3 counts the components before it reads them, and names the first thing that is wrong.
Result<HeaderParts> parse_s3_parts(std::string_view text) {
  const auto broken = [](std::string what) {
    return malformed(AuthDialect::s3, AuthForm::v4_header, std::move(what));
  };
  HeaderParts parts;
  std::size_t count = 0;
  std::string_view formless;
  for_each_part(text, ',', [&](std::string_view piece) {
    ++count;
    piece = trimmed(piece);
    if (!piece.contains('=') && formless.empty()) formless = piece;
    take_piece(parts, piece);
    return true;
  });
  if (count != 3)
    return broken(
        "the authorization header requires three components: Credential, SignedHeaders, and "
        "Signature.");
  if (!formless.empty())
    return broken(
        fmt::format("the authorization component \"{}\" is malformed.", quoted(formless)));
  for (const auto& [name, value] :
       {std::pair("Credential", parts.credential), std::pair("SignedHeaders", parts.signed_headers),
        std::pair("Signature", parts.signature)})
    if (value.empty()) return broken(fmt::format("missing {}.", name));
  return parts;
}

// Behind a sentence about a header that lacks something: which header it was, without showing it.
std::string which_header(std::string_view authorization, AuthDialect dialect) {
  if (dialect == AuthDialect::s3) return {};
  const auto digest = sha256(authorization);
  return " (Hashed with SHA-256 and encoded with Base64) Authorization=" +
         to_base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

Result<HeaderParts> parse_header_parts(std::string_view header, AuthDialect dialect) {
  const std::string_view text = header.substr(algorithm_v4.size());
  if (dialect == AuthDialect::s3) return parse_s3_parts(text);
  HeaderParts parts;
  bool readable = true;
  for_each_part(text, ',', [&](std::string_view piece) {
    return readable = take_piece(parts, trimmed(piece));
  });
  if (!readable)
    return malformed(dialect, AuthForm::v4_header,
                     "Authorization header holds something that is not Credential, SignedHeaders "
                     "or Signature, or holds one of them twice.");
  std::string missing;
  for (const auto& [name, value] :
       {std::pair("Credential", parts.credential), std::pair("Signature", parts.signature),
        std::pair("SignedHeaders", parts.signed_headers)})
    if (value.empty())
      missing += fmt::format("Authorization header requires '{}' parameter. ", name);
  if (!missing.empty())
    return malformed(dialect, AuthForm::v4_header,
                     missing.substr(0, missing.size() - 1) + which_header(header, dialect));
  return parts;
}

// X-Amz-Date, or what Date says in either of its forms.
Result<> read_header_date(Authorization& claim, const SignedRequest& request, AuthDialect dialect) {
  claim.date = find_header(request.headers, "x-amz-date");
  if (!claim.date.empty()) return {};
  const std::string_view date = find_header(request.headers, "date");
  if (date.empty() && dialect == AuthDialect::s3) return no_valid_date();
  if (date.empty())
    return malformed(dialect, claim.form,
                     "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' "
                     "header." +
                         which_header(find_header(request.headers, "authorization"), dialect));
  const auto time = parse_http_date(date);
  claim.date = time ? std::string_view(*claim.decoded.emplace_back(
                          std::make_unique<std::string>(to_iso8601_basic(*time))))
                    : date;
  return {};
}

Result<Authorization> parse_header(const SignedRequest& request, AuthDialect dialect) {
  const std::string_view text = find_header(request.headers, "authorization");
  if (text.starts_with(algorithm_v4a)) return refuse(AuthProblem::unsupported, dialect);
  TRY(const HeaderParts parts, parse_header_parts(text, dialect));
  const auto scope = parse_scope(parts.credential);
  if (!scope || is_no_credential(dialect, parts.credential))
    return unreadable_scope(dialect, AuthForm::v4_header, parts.credential);
  Authorization claim{.form = AuthForm::v4_header,
                      .scope = *scope,
                      .signed_headers = parts.signed_headers,
                      .signature = parts.signature,
                      .session_token = find_header(request.headers, "x-amz-security-token"),
                      .content_sha256 = find_header(request.headers, "x-amz-content-sha256")};
  TRY_DO(read_header_date(claim, request, dialect));
  TRY_DO(check_parts(claim, request, dialect));
  return claim;
}

// ---- The presigned form ------------------------------------------------------------------------

// A query parameter, decoded where it needs it. Empty where absent.
std::string_view query_text(Authorization& claim, const SignedRequest& request,
                            std::string_view name) {
  const std::string_view raw = find_query(request.query, name).value_or("");
  if (raw.find_first_of("%+") == std::string_view::npos) return raw;
  return *claim.decoded.emplace_back(
      std::make_unique<std::string>(percent_decode(raw, PlusSign::space)));
}

Result<std::chrono::seconds> parse_expires(std::string_view text, AuthDialect dialect) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size())
    return malformed(dialect, AuthForm::v4_presigned, "X-Amz-Expires should be a number");
  if (seconds < 0)
    return malformed(dialect, AuthForm::v4_presigned, "X-Amz-Expires must be non-negative");
  if (seconds > presign_expiry_max.count())
    return malformed(dialect, AuthForm::v4_presigned,
                     "X-Amz-Expires must be less than a week (in seconds); that is, the given "
                     "X-Amz-Expires must be less than 604800 seconds");
  return std::chrono::seconds(seconds);
}

constexpr std::string_view presigned_incomplete =
    "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
    "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";

Result<> read_presigned_scope(Authorization& claim, const SignedRequest& request,
                              AuthDialect dialect) {
  const std::string_view credential = query_text(claim, request, "X-Amz-Credential");
  if (credential.empty()) return malformed(dialect, claim.form, std::string(presigned_incomplete));
  const auto scope = parse_scope(credential);
  if (!scope || is_no_credential(dialect, credential))
    return unreadable_scope(dialect, claim.form, credential);
  claim.scope = *scope;
  return {};
}

// S3 asks for X-Amz-Expires; elsewhere a URL without it lives as long as a signature may be old.
Result<> read_expires(Authorization& claim, const SignedRequest& request, AuthDialect dialect) {
  const auto text = find_query(request.query, "X-Amz-Expires");
  if (!text && dialect == AuthDialect::s3)
    return malformed(dialect, claim.form, std::string(presigned_incomplete));
  claim.expires = signature_skew_max;
  if (!text) return {};
  TRY(claim.expires, parse_expires(*text, dialect));
  return {};
}

// The announced hash: in a header, in the query, or what the service takes it to be.
std::string_view presigned_payload(Authorization& claim, const SignedRequest& request) {
  const std::string_view header = find_header(request.headers, "x-amz-content-sha256");
  const bool covered = holds_name(claim.signed_headers, "x-amz-content-sha256");
  const bool s3 = path_rule(claim.scope.service) == PathRule::as_it_stands;
  if (!header.empty() && (covered || !s3)) return header;
  const std::string_view query = query_text(claim, request, "X-Amz-Content-Sha256");
  if (!query.empty()) return query;
  return s3 ? payload_words[0].word : std::string_view{};
}

Result<Authorization> parse_presigned(const SignedRequest& request, AuthDialect dialect) {
  Authorization claim{.form = AuthForm::v4_presigned};
  const std::string_view algorithm = query_text(claim, request, "X-Amz-Algorithm");
  if (algorithm == algorithm_v4a) return refuse(AuthProblem::unsupported, dialect);
  if (algorithm != algorithm_v4)
    return malformed(dialect, claim.form,
                     "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and "
                     "AWS4-ECDSA-P256-SHA256\"");
  TRY_DO(read_presigned_scope(claim, request, dialect));
  TRY_DO(read_expires(claim, request, dialect));
  claim.signed_headers = query_text(claim, request, "X-Amz-SignedHeaders");
  claim.signature = query_text(claim, request, "X-Amz-Signature");
  claim.date = query_text(claim, request, "X-Amz-Date");
  if (claim.signed_headers.empty() || claim.signature.empty() || claim.date.empty())
    return malformed(dialect, claim.form, std::string(presigned_incomplete));
  // A token in a header that is signed comes before the one in the query.
  const std::string_view token = find_header(request.headers, "x-amz-security-token");
  claim.session_token = query_text(claim, request, "X-Amz-Security-Token");
  if (claim.session_token.empty() || holds_name(claim.signed_headers, "x-amz-security-token"))
    claim.session_token = token;
  claim.content_sha256 = presigned_payload(claim, request);
  TRY_DO(check_parts(claim, request, dialect));
  return claim;
}

// ---- Signed once
// ---------------------------------------------------------------------------------

bool is_presigned_v4(std::string_view query) {
  return !query.empty() &&
         (find_query(query, "X-Amz-Signature") || find_query(query, "X-Amz-Algorithm"));
}

// One that lacks a parameter is one all the same, and is told so.
bool is_presigned_v2(std::string_view query) {
  if (query.empty()) return false;
  const auto has = [&](std::string_view name) { return find_query(query, name) ? 1 : 0; };
  return has("AWSAccessKeyId") + has("Signature") + has("Expires") > 1;
}

bool is_presigned(std::string_view query) {
  return is_presigned_v4(query) || is_presigned_v2(query);
}

// The headers whose first value decides who asks for what: a second one would be signed with it and
// read by nobody.
constexpr std::string_view deciding_headers[] = {"authorization",        "date",
                                                 "x-amz-date",           "x-amz-target",
                                                 "x-amz-security-token", "x-amz-content-sha256"};

// A bit for each length that one of them has: what most headers are told by.
constexpr std::uint64_t deciding_lengths = [] {
  std::uint64_t lengths = 0;
  for (const std::string_view name : deciding_headers) lengths |= std::uint64_t{1} << name.size();
  return lengths;
}();

Result<> check_no_repeats(const SignedRequest& request, AuthDialect dialect) {
  unsigned seen = 0;
  for (const auto& [name, value] : request.headers) {
    if (name.size() >= 64 || (deciding_lengths >> name.size() & 1) == 0) continue;
    for (unsigned bit = 1; const std::string_view deciding : deciding_headers) {
      if (equal_ignoring_case(name, deciding)) {
        if ((seen & bit) != 0)
          return refuse(
              AuthProblem::ambiguous, dialect,
              fmt::format("The header '{}' stands in the request more than once.", deciding));
        seen |= bit;
      }
      bit <<= 1;
    }
  }
  return {};
}

}  // namespace

std::optional<PayloadMode> payload_mode(std::string_view announced) {
  const auto found = std::ranges::find(payload_words, announced, &PayloadWord::word);
  return found == std::end(payload_words) ? std::nullopt : std::optional(found->mode);
}

AuthForm auth_form(const SignedRequest& request) {
  const std::string_view header = find_header(request.headers, "authorization");
  if (header.starts_with("AWS4-")) return AuthForm::v4_header;
  if (header.starts_with("AWS ")) return AuthForm::v2_header;
  if (is_presigned_v4(request.query)) return AuthForm::v4_presigned;
  return is_presigned_v2(request.query) ? AuthForm::v2_presigned : AuthForm::none;
}

Result<> check_signed_once(const SignedRequest& request, AuthDialect dialect) {
  TRY_DO(check_no_repeats(request, dialect));
  const std::string_view header = find_header(request.headers, "authorization");
  if (header.empty() || !is_presigned(request.query)) return {};
  return refuse(AuthProblem::ambiguous, dialect, {},
                {{"ArgumentName", "Authorization"}, {"ArgumentValue", quoted(header)}});
}

namespace {

std::unexpected<Error> unknown_type(std::string_view header, AuthDialect dialect) {
  const std::size_t type_end = header.find(' ');
  const bool has_type = type_end != std::string_view::npos;
  return refuse(
      AuthProblem::unknown_type, dialect,
      has_type ? ""
               : "Authorization header is invalid -- one and only one ' ' (space) "
                 "required",
      {{"ArgumentName", "Authorization"}, {"ArgumentValue", quoted(header.substr(0, type_end))}});
}

}  // namespace

Result<Authorization> parse_authorization(const SignedRequest& request, AuthDialect dialect) {
  TRY_DO(check_signed_once(request, dialect));
  switch (auth_form(request)) {
    case AuthForm::v4_header: {
      const std::string_view header = find_header(request.headers, "authorization");
      if (!header.starts_with(algorithm_v4) && !header.starts_with(algorithm_v4a))
        return unknown_type(header, dialect);
      return parse_header(request, dialect);
    }
    case AuthForm::v4_presigned: return parse_presigned(request, dialect);
    case AuthForm::v2_header:
    case AuthForm::v2_presigned:
      return refuse(AuthProblem::unsupported, dialect,
                    "Signature version 2 is taken by S3 alone; sign with AWS4-HMAC-SHA256.");
    case AuthForm::none: break;
  }
  const std::string_view header = find_header(request.headers, "authorization");
  if (!header.empty() && dialect == AuthDialect::s3) return unknown_type(header, dialect);
  return refuse(AuthProblem::missing, dialect);
}

}  // namespace slipway::wire
