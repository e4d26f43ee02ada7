#include "service/s3/door.h"

#include <algorithm>
#include <charconv>

#include "base/encoding.h"
#include "engine/identity/access.h"
#include "net/socket.h"
#include "service/message_attributes.h"

namespace slipway::s3 {

namespace {

bool is_account_id(std::string_view text) {
  return text.size() == 12 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Result<objects::Bucket> bucket_of(const Call& call, store::Transaction& tx,
                                  const BucketClaim& claim) {
  if (!claim.expected_owner.empty() && !is_account_id(claim.expected_owner))
    return refuse("InvalidBucketOwnerAWSAccountID",
                  fmt::format("The value of the expected bucket owner parameter must be an AWS "
                              "Account ID... [{}]",
                              claim.expected_owner));
  TRY(objects::Bucket bucket, objects::find_bucket(tx, claim.bucket));
  const bool owner_expected =
      claim.expected_owner.empty() || claim.expected_owner == bucket.account;
  // Who is of no account is let in by the bucket's policy alone, or does not come here.
  const bool foreign = bucket.account != call.account() && !call.caller().principal.is_stranger();
  if (foreign || !owner_expected) return refuse("AccessDenied", "Access Denied");
  return bucket;
}

std::unexpected<Error> no_such_bucket(std::string_view bucket) {
  return fail(ErrorCode::not_found, fmt::format("there is no bucket '{}'", bucket),
              "no_such_bucket");
}

Result<> permit_reading(Call& call, store::Transaction& tx, const objects::ObjectName& name) {
  call.set_transaction(&tx);
  const Result<> may = call.permit(name.version ? "s3:GetObjectVersion" : "s3:GetObject",
                                   fmt::format("arn:aws:s3:::{}/{}", name.bucket, name.key));
  call.set_transaction(nullptr);
  return may;
}

objects::Cause cause_of(const Call& call) {
  const std::string_view peer = call.http() ? call.http()->head().peer : std::string_view();
  return {.who = call.caller().principal.id,
          .address = net::address_of(peer),
          .request = call.request_id(),
          .trace = service::trace_of(call)};
}

std::unexpected<Error> refuse_delete_marker(const Call& call, const objects::Object& marker) {
  return std::unexpected(
      Error{ErrorCode::conflict,
            "The specified method is not allowed against this resource.",
            "MethodNotAllowed",
            {{"Method", std::string(service::method_of(call))}, {"ResourceType", "DeleteMarker"}},
            {{"x-amz-delete-marker", "true"},
             {"x-amz-version-id", marker.version},
             {"Allow", "DELETE"},
             {"Last-Modified", to_http_date(marker.modified)}}});
}

Result<objects::Object> find_unmarked(const Call& call, store::Transaction& tx,
                                      const objects::ObjectName& name) {
  auto found = objects::find(tx, name);
  if (found && found->delete_marker) return refuse_delete_marker(call, *found);
  if (found || found.error().kind != "delete_marker") return found;
  TRY(const objects::Object marker,
      objects::find(tx, {name.bucket, name.key, found.error().details.at(0).second}));
  return refuse_delete_marker(call, marker);
}

std::string owner_id(std::string_view account) { return identity::canonical_user(account); }

std::string_view unquoted(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.starts_with('"')) etag.remove_prefix(1);
  if (etag.ends_with('"')) etag.remove_suffix(1);
  return etag;
}

std::string NameEncoding::operator()(std::string_view name) const {
  return url_ ? percent_encode(name, "/") : std::string(name);
}

std::unexpected<Error> invalid_argument(std::string message, const Argument& argument) {
  return std::unexpected(
      Error{ErrorCode::invalid_argument,
            std::move(message),
            "InvalidArgument",
            {{"ArgumentName", std::string(argument.name)}, {"ArgumentValue", argument.value}}});
}

// The decoded length where the body is in aws-chunked frames, which have a length of their own.
Result<> check_announced_size(const Call& call) {
  if (!call.http()) return {};  // the bytes are counted as they come
  std::uint64_t announced = call.http()->head().content_length.value_or(0);
  if (const auto decoded = service::header_of(call, "x-amz-decoded-content-length"))
    std::from_chars(decoded->data(), decoded->data() + decoded->size(), announced);
  if (announced <= body_bytes_max) return {};
  return std::unexpected(Error{ErrorCode::limit_exceeded,
                               "Your proposed upload exceeds the maximum allowed size",
                               "EntityTooLarge",
                               {{"ProposedSize", std::to_string(announced)},
                                {"MaxSizeAllowed", std::to_string(body_bytes_max)}}});
}

Result<> check_part_number(std::int32_t number) {
  if (number >= 1 && number <= static_cast<std::int32_t>(objects::part_number_max)) return {};
  return invalid_argument("Part number must be an integer between 1 and 10000, inclusive",
                          {"partNumber", std::to_string(number)});
}

Result<std::string> page_start(const service::PageTokens& tokens,
                               std::optional<std::string_view> token) {
  return tokens.position_or(token, [&] {
    return invalid_argument("The continuation token provided is incorrect",
                            {"continuation-token", std::string(*token)});
  });
}

Result<std::int32_t> page_size(std::optional<std::int32_t> wanted, std::string_view argument) {
  if (wanted.value_or(0) < 0)
    return invalid_argument(
        fmt::format("Argument {} must be an integer between 0 and 2147483647", argument),
        {argument, std::to_string(*wanted)});
  return std::min(wanted.value_or(page_entries_max), page_entries_max);
}

Result<> check_encoding(std::optional<std::string_view> encoding_type) {
  if (!encoding_type || *encoding_type == "url") return {};
  return invalid_argument("Invalid Encoding Method specified in Request",
                          {"encoding-type", std::string(*encoding_type)});
}

}  // namespace slipway::s3
