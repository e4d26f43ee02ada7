#include "service/s3/checksums.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::s3 {
namespace {

constexpr std::string_view checksum_prefix = "x-amz-checksum-";
// What follows it besides the names of algorithms.
constexpr std::string_view no_algorithms[] = {"algorithm", "mode", "type"};

bool names_no_algorithm(std::string_view header) {
  if (!starts_with_ignoring_case(header, checksum_prefix)) return false;
  return !wire::checksum_of_header(header) &&
         std::ranges::none_of(no_algorithms, [&](std::string_view each) {
           return equal_ignoring_case(header.substr(checksum_prefix.size()), each);
         });
}

}  // namespace

Result<> check_checksum_names(const net::Headers& headers) {
  const auto is_unknown = [](const net::Header& each) { return names_no_algorithm(each.name); };
  if (std::ranges::none_of(headers, is_unknown)) return {};
  return refuse("InvalidRequest",
                "The algorithm type you specified in x-amz-checksum- header is invalid.");
}

Result<std::optional<ChecksumKind>> kind_of(std::optional<std::string_view> algorithm) {
  if (!algorithm) return std::nullopt;
  const auto kind = wire::checksum_algorithm(*algorithm);
  if (!kind)
    return refuse("InvalidRequest",
                  "Checksum algorithm provided is unsupported. Please try again with any of the "
                  "valid types: [CRC32, CRC32C, CRC64NVME, MD5, SHA1, SHA256, SHA512, XXHASH128, "
                  "XXHASH3, XXHASH64]");
  return kind;
}

std::string_view name_of(ChecksumScope scope) {
  return scope == ChecksumScope::composite ? "COMPOSITE" : "FULL_OBJECT";
}

Result<std::optional<ChecksumScope>> scope_of(std::optional<std::string_view> type) {
  if (!type) return std::nullopt;
  for (const ChecksumScope scope : {ChecksumScope::composite, ChecksumScope::full_object})
    if (equal_ignoring_case(*type, name_of(scope))) return scope;
  return refuse("InvalidRequest", "Value for x-amz-checksum-type header is invalid.");
}

Result<> BodyChecks::read_md5(std::optional<std::string_view> content_md5) {
  if (!content_md5) return {};
  TRY(const std::string raw, service::read_content_md5(*content_md5));
  md5_hex_ = to_hex(raw);
  return {};
}

Result<> BodyChecks::read_trailer(std::string_view name) {
  if (name.empty()) return {};
  const auto kind = wire::checksum_of_header(name);
  if (!kind)
    return refuse("InvalidRequest",
                  "The value specified in the x-amz-trailer header is not supported");
  if (given_) return service::several_checksums();
  kind_ = *kind;
  trailer_ = name;
  std::ranges::transform(trailer_, trailer_.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return {};
}

namespace {

std::string bytes_of_hex(std::string_view hex) { return from_hex(hex).value_or(""); }

const std::string* value_of(std::span<const wire::Trailer> trailers, std::string_view name) {
  const auto found = std::ranges::find_if(
      trailers, [&](const wire::Trailer& trailer) { return std::get<0>(trailer) == name; });
  return found == trailers.end() ? nullptr : &std::get<1>(*found);
}

}  // namespace

Result<objects::ObjectChecksum> BodyChecks::settle(const objects::SealedBody& body,
                                                   std::span<const wire::Trailer> trailers) const {
  if (!md5_hex_.empty() && md5_hex_ != body.etag)
    return service::other_md5({bytes_of_hex(md5_hex_), bytes_of_hex(body.etag)});
  const objects::ObjectChecksum& computed = body.checksums.front();
  if (given_ && given_->base64 != computed.base64) return service::other_checksum(kind_);
  if (!trailer_.empty()) {
    const std::string* const sent = value_of(trailers, trailer_);
    if (!sent)
      return refuse("MalformedTrailerError",
                    "The request contained trailing data that was not "
                    "well-formed or did not conform to our published schema.");
    TRY_DO(service::check_checksum_form(kind_, *sent));
    if (*sent != computed.base64) return service::other_checksum(kind_);
  }
  return computed;
}

}  // namespace slipway::s3
