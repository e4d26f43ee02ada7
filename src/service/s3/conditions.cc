#include "service/s3/conditions.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/encoding.h"

namespace slipway::s3 {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Whether `list` ("*", or ETags between commas) names the ETag.
bool names_etag(std::string_view list, std::string_view etag) {
  if (trimmed(list) == "*") return true;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (unquoted(trimmed(list.substr(0, comma))) == etag) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

std::unexpected<Error> failed(std::string_view condition) {
  return std::unexpected(Error{ErrorCode::precondition_failed,
                               "At least one of the pre-conditions you specified did not hold",
                               "PreconditionFailed",
                               {{"Condition", std::string(condition)}}});
}

std::unexpected<Error> not_modified(const objects::Object& object) {
  return std::unexpected(Error{
      ErrorCode::precondition_failed,
      "Not Modified",
      "NotModified",
      {},
      {{"ETag", etag_header(object.etag)}, {"Last-Modified", to_http_date(object.modified)}}});
}

std::chrono::seconds whole_seconds(Timestamp time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch());
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::unexpected<Error> outside(std::string_view range, std::uint64_t size) {
  return std::unexpected(
      Error{ErrorCode::invalid_argument,
            "The requested range is not satisfiable",
            "InvalidRange",
            {{"ActualObjectSize", std::to_string(size)}, {"RangeRequested", std::string(range)}}});
}

std::unexpected<Error> not_taken(std::string_view header, std::string_view why) {
  auto error = header_not_implemented(header);
  error.error().details.emplace_back("additionalMessage", why);
  return error;
}

}  // namespace

std::unexpected<Error> header_not_implemented(std::string_view header) {
  return std::unexpected(
      Error{ErrorCode::not_implemented,
            "A header you provided implies functionality that is not implemented",
            "NotImplemented",
            {{"Header", std::string(header)}}});
}

Result<> check_conditions(const ReadConditions& conditions, const objects::Object& object,
                          Unmodified unmodified) {
  const bool same = unmodified == Unmodified::not_modified;
  const auto modified = whole_seconds(object.modified);
  if (conditions.match) {
    if (!names_etag(*conditions.match, object.etag)) return failed("If-Match");
  } else if (conditions.unmodified_since &&
             modified > whole_seconds(*conditions.unmodified_since)) {
    return failed("If-Unmodified-Since");
  }
  if (conditions.none_match) {
    if (!names_etag(*conditions.none_match, object.etag)) return {};
    if (same) return not_modified(object);
    return failed("If-None-Match");
  }
  if (conditions.modified_since && *conditions.modified_since <= conditions.now &&
      modified <= whole_seconds(*conditions.modified_since)) {
    if (same) return not_modified(object);
    return failed("If-Modified-Since");
  }
  return {};
}

Result<std::optional<objects::ByteRange>> parse_range(std::string_view range, std::uint64_t size) {
  const std::string_view whole = range;
  if (!range.starts_with("bytes=")) return std::nullopt;
  range.remove_prefix(6);
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos || range.contains(',')) return std::nullopt;
  const auto first = number(range.substr(0, dash));
  const auto last = number(range.substr(dash + 1));
  if (dash == 0) {  // the last so many bytes
    if (!last) return std::nullopt;
    if (*last == 0) return outside(whole, size);
    if (size == 0) return std::nullopt;  // all that there is, as S3 has it
    const std::uint64_t length = std::min(*last, size);
    return objects::ByteRange{size - length, length};
  }
  if (!first || (!last && dash + 1 != range.size())) return std::nullopt;
  if (last && *last < *first) return std::nullopt;
  if (*first >= size) return outside(whole, size);
  const std::uint64_t end = last ? std::min(*last, size - 1) : size - 1;
  return objects::ByteRange{*first, end - *first + 1};
}

Result<objects::ByteRange> parse_copy_range(std::string_view range, std::uint64_t size) {
  const Argument argument{"x-amz-copy-source-range", std::string(range)};
  const std::size_t dash = range.find('-');
  if (!range.starts_with("bytes=") || dash == std::string_view::npos)
    return invalid_argument(
        "The x-amz-copy-source-range value must be of the form bytes=first-last where first and "
        "last are the zero-based offsets of the first and last bytes to copy",
        argument);
  const auto first = number(range.substr(6, dash - 6));
  const auto last = number(range.substr(dash + 1));
  if (!first || !last || *last < *first)
    return invalid_argument(
        "The x-amz-copy-source-range value must be of the form bytes=first-last where first and "
        "last are the zero-based offsets of the first and last bytes to copy",
        argument);
  if (*first >= size)
    return refuse("InvalidRequest",
                  "The specified copy range is invalid for the source object size");
  if (*last >= size)
    return invalid_argument(
        fmt::format("Range specified is not valid for source object of size: {}", size), argument);
  return objects::ByteRange{*first, *last - *first + 1};
}

namespace {

// Each '%' stands before two hexadecimal digits.
bool is_percent_encoded(std::string_view text) {
  const auto is_digit = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1))
    if (at + 2 >= text.size() || !is_digit(text[at + 1]) || !is_digit(text[at + 2])) return false;
  return true;
}

}  // namespace

Result<objects::ObjectName> parse_copy_source(std::string_view source) {
  const Argument argument{"x-amz-copy-source", std::string(source)};
  if (!is_percent_encoded(source))
    return invalid_argument("Invalid copy source encoding", argument);
  // Without a slash that stands as one, the whole was encoded, its version with it.
  const std::string decoded = percent_decode(source, PlusSign::space);
  if (!source.substr(std::min<std::size_t>(source.size(), 1)).contains('/')) source = decoded;
  std::optional<std::string> version;
  const std::size_t query = source.find("?versionId=");
  if (query != std::string_view::npos) {
    version = percent_decode(source.substr(query + 11), PlusSign::space);
    source = source.substr(0, query);
  }
  std::string name = source.data() == decoded.data() ? std::string(source)
                                                     : percent_decode(source, PlusSign::space);
  if (name.starts_with('/')) name.erase(0, 1);
  const std::size_t slash = name.find('/');
  if (slash == std::string::npos && !name.empty())
    return invalid_argument(
        "Copy Source must mention the source bucket and key: "
        "sourcebucket/sourcekey",
        argument);
  if (slash == std::string::npos || slash == 0 || slash + 1 == name.size())
    return invalid_argument("Invalid copy source object key",
                            {"x-amz-copy-source", "x-amz-copy-source"});
  if (!is_bucket_name(std::string_view(name).substr(0, slash)))
    return invalid_argument("Invalid copy source bucket name", argument);
  if (version && version->empty())
    return invalid_argument("Version id cannot be the empty string", argument);
  return objects::ObjectName{name.substr(0, slash), name.substr(slash + 1), std::move(version)};
}

Result<objects::WriteCondition> write_condition(std::optional<std::string_view> if_match,
                                                std::optional<std::string_view> if_none_match) {
  objects::WriteCondition condition;
  if (if_match && if_none_match)
    return not_taken("If-Match,If-None-Match",
                     "Multiple conditional request headers present in the request");
  if (if_none_match && *if_none_match != "*")
    return not_taken("If-None-Match",
                     "We don't accept the provided value of If-None-Match header for this API");
  if (if_match == "*")
    return not_taken("If-Match",
                     "We don't accept the provided value of If-Match header for this API");
  if (if_none_match) condition.presence = objects::WriteCondition::Presence::must_be_absent;
  if (if_match) condition.etag = std::string(unquoted(*if_match));
  return condition;
}

}  // namespace slipway::s3
