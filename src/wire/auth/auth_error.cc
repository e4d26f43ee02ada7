#include "wire/auth/auth_error.h"

#include <fmt/format.h>

#include <array>

namespace slipway::wire {
namespace {

// Codes: S3's own; that of the Query services; that of the JSON services.
struct Words {
  AuthProblem problem;
  ErrorCode code;
  std::string_view s3;
  std::string_view query;
  std::string_view json;
  std::string_view s3_message;
  std::string_view message;
};

constexpr std::string_view mismatch_message =
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details.";
constexpr std::string_view token_message = "The security token included in the request is invalid.";

// In the order of AuthProblem.
constexpr std::array<Words, 16> all_words{{
    {AuthProblem::missing, ErrorCode::unauthenticated, "AccessDenied", "MissingAuthenticationToken",
     "MissingAuthenticationTokenException", "Access Denied",
     "Request is missing Authentication Token"},
    {AuthProblem::incomplete, ErrorCode::invalid_argument, "AuthorizationHeaderMalformed",
     "IncompleteSignature", "IncompleteSignatureException",
     "The authorization header is malformed.", "The authorization is incomplete."},
    {AuthProblem::skewed, ErrorCode::unauthenticated, "RequestTimeTooSkewed",
     "SignatureDoesNotMatch", "InvalidSignatureException",
     "The difference between the request time and the current time is too large.",
     "Signature expired."},
    {AuthProblem::presign_over, ErrorCode::unauthenticated, "AccessDenied", "SignatureDoesNotMatch",
     "InvalidSignatureException", "Request has expired", "Signature expired."},
    {AuthProblem::unknown_key, ErrorCode::unauthenticated, "InvalidAccessKeyId",
     "InvalidClientTokenId", "UnrecognizedClientException",
     "The AWS Access Key Id you provided does not exist in our records.", token_message},
    {AuthProblem::invalid_token, ErrorCode::unauthenticated, "InvalidToken", "InvalidClientTokenId",
     "UnrecognizedClientException", "The provided token is malformed or otherwise invalid.",
     token_message},
    {AuthProblem::expired_token, ErrorCode::unauthenticated, "ExpiredToken", "ExpiredToken",
     "ExpiredTokenException", "The provided token has expired.",
     "The security token included in the request is expired"},
    {AuthProblem::headers_unsigned, ErrorCode::unauthenticated, "AccessDenied",
     "SignatureDoesNotMatch", "InvalidSignatureException",
     "There were headers present in the request which were not signed",
     "There were headers present in the request which were not signed"},
    {AuthProblem::mismatch, ErrorCode::unauthenticated, "SignatureDoesNotMatch",
     "SignatureDoesNotMatch", "InvalidSignatureException",
     "The request signature we calculated does not match the signature you provided. Check your "
     "key "
     "and signing method.",
     mismatch_message},
    {AuthProblem::body_mismatch, ErrorCode::invalid_argument, "XAmzContentSHA256Mismatch",
     "SignatureDoesNotMatch", "InvalidSignatureException",
     "The provided 'x-amz-content-sha256' header does not match what was computed.",
     mismatch_message},
    {AuthProblem::hash_missing, ErrorCode::invalid_argument, "InvalidRequest",
     "SignatureDoesNotMatch", "InvalidSignatureException",
     "Missing required header for this request: x-amz-content-sha256",
     "Missing required header for this request: x-amz-content-sha256"},
    {AuthProblem::hash_unreadable, ErrorCode::invalid_argument, "InvalidArgument",
     "SignatureDoesNotMatch", "InvalidSignatureException",
     "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
     "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
     "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER "
     "or "
     "a valid sha256 value.",
     mismatch_message},
    {AuthProblem::unsupported, ErrorCode::not_implemented, "NotImplemented", "NotImplemented",
     "NotImplementedException",
     "This server does not verify signatures of this algorithm (SigV4a); sign with "
     "AWS4-HMAC-SHA256.",
     "This server does not verify signatures of this algorithm (SigV4a); sign with "
     "AWS4-HMAC-SHA256."},
    {AuthProblem::ambiguous, ErrorCode::invalid_argument, "InvalidArgument", "IncompleteSignature",
     "IncompleteSignatureException",
     "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query "
     "string parameter or the Authorization header should be specified",
     "The request is signed more than once: give either one Authorization header or the "
     "query-string parameters."},
    {AuthProblem::foreign, ErrorCode::unauthenticated, "AccessDenied", "AccessDenied",
     "AccessDeniedException", "Access Denied", "The request comes from another site."},
    {AuthProblem::unknown_type, ErrorCode::invalid_argument, "InvalidArgument",
     "IncompleteSignature", "IncompleteSignatureException", "Unsupported Authorization Type",
     "Unsupported Authorization Type"},
}};

std::string_view code_of(const Words& words, AuthDialect dialect) {
  switch (dialect) {
    case AuthDialect::s3: return words.s3;
    case AuthDialect::query: return words.query;
    default: return words.json;
  }
}

int s3_status(std::string_view code) {
  for (const std::string_view forbidden :
       {"AccessDenied", "SignatureDoesNotMatch", "InvalidAccessKeyId", "RequestTimeTooSkewed"})
    if (code == forbidden) return 403;
  return code == "MissingContentLength" ? 411 : 400;
}

}  // namespace

int auth_status(const Error& error, AuthDialect dialect) {
  if (error.code == ErrorCode::not_implemented) return 501;
  if (error.code == ErrorCode::internal) return 500;
  switch (dialect) {
    case AuthDialect::s3: return s3_status(error.kind);
    case AuthDialect::query: return error.kind == "IncompleteSignature" ? 400 : 403;
    case AuthDialect::json: return error.kind == "AccessDeniedException" ? 403 : 400;
    case AuthDialect::rest_json: return 403;
  }
  return 403;
}

std::unexpected<Error> refuse(AuthProblem problem, AuthDialect dialect, std::string message,
                              std::vector<std::pair<std::string, std::string>> details) {
  const Words& words = all_words[static_cast<std::size_t>(problem)];
  if (message.empty()) message = dialect == AuthDialect::s3 ? words.s3_message : words.message;
  return std::unexpected(Error{.code = words.code,
                               .message = std::move(message),
                               .kind = std::string(code_of(words, dialect)),
                               .details = std::move(details)});
}

std::unexpected<Error> malformed(AuthDialect dialect, AuthForm form, std::string what) {
  if (dialect != AuthDialect::s3) return refuse(AuthProblem::incomplete, dialect, std::move(what));
  if (form == AuthForm::v4_header)
    return refuse(AuthProblem::incomplete, dialect,
                  fmt::format("The authorization header is malformed; {}", what));
  auto error = refuse(AuthProblem::incomplete, dialect, std::move(what));
  error.error().kind = "AuthorizationQueryParametersError";
  return error;
}

std::unexpected<Error> refuse_key(const Error& error, AuthDialect dialect,
                                  std::string_view access_key_id) {
  if (error.kind == "unknown_key")
    return dialect == AuthDialect::s3 ? refuse(AuthProblem::unknown_key, dialect, {},
                                               {{"AWSAccessKeyId", std::string(access_key_id)}})
                                      : refuse(AuthProblem::unknown_key, dialect);
  if (error.kind == "invalid_token") return refuse(AuthProblem::invalid_token, dialect);
  if (error.kind == "expired_token") return refuse(AuthProblem::expired_token, dialect);
  return std::unexpected(error);
}

}  // namespace slipway::wire
