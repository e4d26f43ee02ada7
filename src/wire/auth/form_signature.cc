#include "wire/auth/form_signature.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "wire/auth/auth_error.h"
#include "wire/auth/canonical.h"

namespace slipway::wire {
namespace {

constexpr std::string_view algorithm_v4 = "AWS4-HMAC-SHA256";
constexpr std::string_view credential_field = "X-Amz-Credential";
// In the order in which S3 names the first that is missing.
constexpr std::string_view fields_v4[] = {"X-Amz-Algorithm", credential_field, "X-Amz-Date",
                                          "X-Amz-Signature", "Policy"};
constexpr std::string_view fields_v2[] = {"AWSAccessKeyId", "Signature", "Policy"};
constexpr std::size_t argument_bytes_shown = 200;

std::unexpected<Error> bad_field(std::string_view name, std::string_view value,
                                 std::string message) {
  return std::unexpected(
      Error{ErrorCode::invalid_argument,
            std::move(message),
            "InvalidArgument",
            {{"ArgumentName", std::string(name)},
             {"ArgumentValue", std::string(value.substr(0, argument_bytes_shown))}}});
}

std::unexpected<Error> missing(std::string_view name) {
  return bad_field(name, "",
                   fmt::format("Bucket POST must contain a field named '{}'.  If it is specified, "
                               "please check the order of the fields.",
                               name));
}

bool has(FormFields fields, std::string_view name) {
  return std::ranges::any_of(
      fields, [&](const HeaderPair& field) { return equal_ignoring_case(field.first, name); });
}

// A policy alone signs nothing.
bool has_any(FormFields fields, std::span<const std::string_view> names) {
  return std::ranges::any_of(
      names, [&](std::string_view name) { return name != "Policy" && has(fields, name); });
}

Result<> check_all(FormFields fields, std::span<const std::string_view> names) {
  for (const std::string_view name : names)
    if (!has(fields, name)) return missing(name);
  return {};
}

std::unexpected<Error> mismatch(FormFields fields, std::string_view access_key_id,
                                std::string_view signature) {
  const std::string_view policy = find_header(fields, "policy");
  return refuse(AuthProblem::mismatch, AuthDialect::s3, {},
                {{"AWSAccessKeyId", std::string(access_key_id)},
                 {"StringToSign", std::string(policy)},
                 {"SignatureProvided", std::string(signature)},
                 {"StringToSignBytes", spaced_hex(policy)}});
}

Result<CredentialScope> scope_of(FormFields fields) {
  const std::string_view credential = find_header(fields, credential_field);
  const auto wrong = [&](std::string what) {
    return bad_field(credential_field, credential, std::move(what));
  };
  const auto scope = parse_scope(credential);
  if (!scope)
    return wrong(
        "the Credential is mal-formed; expecting "
        "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
  if (scope->service != "s3")
    return wrong(
        fmt::format("incorrect service \"{}\". This endpoint belongs to \"s3\".", scope->service));
  if (scope->terminator != "aws4_request")
    return wrong(fmt::format("incorrect terminal \"{}\". This endpoint uses \"aws4_request\".",
                             scope->terminator));
  return *scope;
}

Result<VerifiedForm> verify_v4_form(FormFields fields, KeySource& keys) {
  if (const auto named = find_header(fields, fields_v4[0]); named != algorithm_v4)
    return bad_field(fields_v4[0], named, "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
  const std::string_view date = find_header(fields, "x-amz-date");
  const auto time = parse_iso8601_basic(date);
  if (!time)
    return bad_field("X-Amz-Date", date, "X-Amz-Date must be formated via ISO8601 Long format");
  TRY(const CredentialScope scope, scope_of(fields));
  const auto material = keys.find(scope.access_key_id, find_header(fields, "x-amz-security-token"));
  if (!material) return refuse_key(material.error(), AuthDialect::s3, scope.access_key_id);
  const Sha256Digest digest =
      signing_key(scope, material->secret).sign(find_header(fields, "policy"));
  const std::string_view given = find_header(fields, "x-amz-signature");
  if (!equal_in_constant_time(view_of(hex_of(digest)), given))
    return mismatch(fields, scope.access_key_id, given);
  return VerifiedForm{std::string(scope.access_key_id), std::string(scope.region), *time};
}

Result<VerifiedForm> verify_v2_form(FormFields fields, KeySource& keys) {
  const std::string_view id = find_header(fields, "AWSAccessKeyId");
  const auto material = keys.find(id, find_header(fields, "x-amz-security-token"));
  if (!material) return refuse_key(material.error(), AuthDialect::s3, id);
  const std::string_view given = find_header(fields, "signature");
  const std::string computed = hmac_sha1_base64(material->secret, find_header(fields, "policy"));
  if (!equal_in_constant_time(computed, given)) return mismatch(fields, id, given);
  return VerifiedForm{std::string(id), std::nullopt, std::nullopt};
}

}  // namespace

Result<FormSignature> form_signature(FormFields fields) {
  if (find_header(fields, "key").empty()) return missing("key");
  if (has_any(fields, fields_v4)) {
    TRY_DO(check_all(fields, fields_v4));
    return FormSignature::v4;
  }
  if (!has_any(fields, fields_v2)) return FormSignature::none;
  TRY_DO(check_all(fields, fields_v2));
  return FormSignature::v2;
}

Result<VerifiedForm> verify_form(FormFields fields, FormSignature signature, KeySource& keys) {
  return signature == FormSignature::v4 ? verify_v4_form(fields, keys)
                                        : verify_v2_form(fields, keys);
}

}  // namespace slipway::wire
