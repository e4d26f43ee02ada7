#include "service/s3/attributes.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "service/s3/bucket_tags.h"

namespace slipway::s3 {
namespace {

constexpr std::size_t object_tags_max = 10;

// Those that a bucket of a region has: OUTPOSTS and EXPRESS_ONEZONE are of other kinds of bucket.
constexpr std::array<std::string_view, 8> storage_classes{
    "STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING",
    "GLACIER",  "DEEP_ARCHIVE",       "GLACIER_IR"};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<std::string_view> find_property(const objects::Pairs& properties,
                                              std::string_view name) {
  const auto found = std::ranges::find(properties, name, &objects::Pairs::value_type::first);
  if (found == properties.end()) return std::nullopt;
  return found->second;
}

std::optional<std::string> expiry_header(const objects::Pairs& properties) {
  if (const auto given = find_property(properties, property::expires)) return std::string(*given);
  const auto kept = find_property(properties, property::expires_at);
  if (!kept) return std::nullopt;
  std::int64_t seconds = 0;
  std::from_chars(kept->data(), kept->data() + kept->size(), seconds);
  return to_http_date(Timestamp(std::chrono::seconds(seconds)));
}

std::string without_aws_chunked(std::string_view content_encoding) {
  if (!content_encoding.contains("aws-chunked")) return std::string(content_encoding);
  std::string kept;
  while (!content_encoding.empty()) {
    const std::size_t comma = std::min(content_encoding.find(','), content_encoding.size());
    const std::string_view coding = trimmed(content_encoding.substr(0, comma));
    content_encoding.remove_prefix(std::min(comma + 1, content_encoding.size()));
    if (coding == "aws-chunked" || coding.empty()) continue;
    if (!kept.empty()) kept += ',';
    kept += coding;
  }
  return kept;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

// Whether each '%' has its two digits.
bool is_percent_encoded(std::string_view text) {
  for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1))
    if (!from_hex(text.substr(at + 1, 2)) || at + 2 >= text.size()) return false;
  return true;
}

Result<objects::Pairs> parse_tagging(std::string_view text) {
  objects::Pairs tags;
  const std::string whole(text);
  const auto unreadable = [&] {
    return invalid_argument(
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters "
        "without tag name duplicates.",
        {"x-amz-tagging", whole});
  };
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    if (value.contains('=') || equals == 0 || !is_percent_encoded(pair)) return unreadable();
    tags.emplace_back(percent_decode(pair.substr(0, equals), PlusSign::space),
                      percent_decode(value, PlusSign::space));
  }
  for (auto tag = tags.begin(); tag != tags.end(); ++tag)
    if (std::any_of(tags.begin(), tag, [&](const auto& t) { return t.first == tag->first; }))
      return unreadable();
  TRY_DO(check_tags(tags, Tagged::object));
  return tags;
}

namespace {

std::unexpected<Error> in_words(const tags::Violation& violation, Tagged tagged) {
  using Rule = tags::Violation::Rule;
  const auto& [key, value] = violation.tag;
  const auto bad_tag = [&](std::string_view message) {
    return Error{
        ErrorCode::invalid_argument, std::string(message), "InvalidTag", {{"TagKey", key}}};
  };
  switch (violation.rule) {
    case Rule::repeated_key:
      return std::unexpected(bad_tag("Cannot provide multiple Tags with the same key"));
    case Rule::bad_key: return std::unexpected(bad_tag("The TagKey you have provided is invalid"));
    case Rule::bad_value: {
      Error error = bad_tag("The TagValue you have provided is invalid");
      error.details.emplace_back("TagValue", value);
      return std::unexpected(std::move(error));
    }
    case Rule::reserved_key: break;
  }
  return std::unexpected(bad_tag(tagged == Tagged::bucket
                                     ? "System tags cannot be added/updated by requester"
                                     : "Your TagKey cannot be prefixed with aws:"));
}

}  // namespace

Result<> check_tags(const objects::Pairs& tags, Tagged tagged) {
  if (tagged == Tagged::object && tags.size() > object_tags_max)
    return refuse("BadRequest", "Object tags cannot be greater than 10");
  if (tagged == Tagged::bucket && tags.size() > bucket_tag_rules.tags_max)
    return refuse("BadRequest", "Bucket tag count cannot be greater than 50");
  if (const auto violation = tags::find_violation(tags, bucket_tag_rules))
    return in_words(*violation, tagged);
  return {};
}

Result<> check_redirect(std::optional<std::string_view> location) {
  const std::string_view where = location.value_or("");
  if (where.empty() || where.starts_with('/') || where.starts_with("http://") ||
      where.starts_with("https://"))
    return {};
  return std::unexpected(
      Error{ErrorCode::invalid_argument,
            "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
            "InvalidRedirectLocation"});
}

Result<> check_metadata(const objects::Pairs& properties) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : properties)
    if (name.starts_with(property::metadata))
      bytes += name.size() - property::metadata.size() + value.size();
  if (bytes <= metadata_bytes_max) return {};
  return std::unexpected(Error{
      ErrorCode::limit_exceeded,
      "Your metadata headers exceed the maximum allowed metadata size",
      "MetadataTooLarge",
      {{"Size", std::to_string(bytes)}, {"MaxSizeAllowed", std::to_string(metadata_bytes_max)}}});
}

Result<std::string> storage_class(std::optional<std::string_view> wanted) {
  if (!wanted) return std::string("STANDARD");
  if (std::ranges::find(storage_classes, *wanted) == storage_classes.end())
    return std::unexpected(Error{ErrorCode::invalid_argument,
                                 "The storage class you specified is not valid",
                                 "InvalidStorageClass",
                                 {{"StorageClassRequested", std::string(*wanted)}}});
  return std::string(*wanted);
}

}  // namespace slipway::s3
