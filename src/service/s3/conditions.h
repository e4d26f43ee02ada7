// Ranges and conditional headers of requests that read an object, and the source of a copy.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/objects/objects.h"
#include "service/s3/door.h"

namespace slipway::s3 {

// The four conditions; absent ones hold, and so does that nothing was modified since a time to
// come.
struct ReadConditions {
  Timestamp now;
  std::optional<std::string_view> match = {};
  std::optional<std::string_view> none_match = {};
  std::optional<Timestamp> modified_since = {};
  std::optional<Timestamp> unmodified_since = {};
};

// What a failed If-None-Match or If-Modified-Since means: an answer without a body, or a refusal.
enum class Unmodified : std::uint8_t { not_modified, precondition_failed };

// PreconditionFailed or NotModified (RFC 9110 section 13.2.2).
Result<> check_conditions(const ReadConditions& conditions, const objects::Object& object,
                          Unmodified unmodified);

// "bytes=..." over `size` bytes. nullopt where S3 ignores the header and answers the whole: another
// unit, several ranges, nonsense. InvalidRange where it lies outside.
Result<std::optional<objects::ByteRange>> parse_range(std::string_view range, std::uint64_t size);

// x-amz-copy-source-range: "bytes=first-last", both given, inside.
Result<objects::ByteRange> parse_copy_range(std::string_view range, std::uint64_t size);

// x-amz-copy-source: [/]bucket/key[?versionId=id], percent-encoded, or an access point's ARN form
// (refused).
Result<objects::ObjectName> parse_copy_source(std::string_view source);

// A condition that S3 has for directory buckets alone: what is not held must not be passed over.
std::unexpected<Error> header_not_implemented(std::string_view header);

// If-Match and If-None-Match of a request that writes.
Result<objects::WriteCondition> write_condition(std::optional<std::string_view> if_match,
                                                std::optional<std::string_view> if_none_match);

}  // namespace slipway::s3
