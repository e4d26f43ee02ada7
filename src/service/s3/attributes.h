// What travels with an object beside its bytes: how requests give it and answers show it. Templates
// over the generated views, whose members have the same names on every shape.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "engine/objects/types.h"
#include "service/s3/door.h"
#include "service/s3/encoded_words.h"
#include "service/s3/encryption.h"

namespace slipway::s3 {

inline constexpr std::size_t metadata_bytes_max = 2048;
inline constexpr std::string_view default_content_type = "binary/octet-stream";

// Names of an object's properties in the store. Metadata is "meta:" and its name.
namespace property {
inline constexpr std::string_view acl = "acl";  // its access control list: text_of(AccessList)
inline constexpr std::string_view cache_control = "cache-control";
inline constexpr std::string_view content_disposition = "content-disposition";
inline constexpr std::string_view content_encoding = "content-encoding";
inline constexpr std::string_view content_language = "content-language";
inline constexpr std::string_view content_type = "content-type";
inline constexpr std::string_view expires = "expires-text";  // as it was given
// What an older version kept of it: seconds since 1970.
inline constexpr std::string_view expires_at = "expires";
inline constexpr std::string_view redirect = "redirect";
inline constexpr std::string_view sse = "sse";            // where the request asked for it
inline constexpr std::string_view restored = "restored";  // until when: seconds since 1970
inline constexpr std::string_view lock = "lock-";         // of an upload in parts (object_lock.h)
inline constexpr std::string_view metadata = "meta:";
}  // namespace property

std::optional<std::string_view> find_property(const objects::Pairs& properties,
                                              std::string_view name);

// The header Expires, which says what the object was given, a date or not.
std::optional<std::string> expiry_header(const objects::Pairs& properties);

// "aws-chunked" is how a body travels, not what it is.
std::string without_aws_chunked(std::string_view content_encoding);

// "a=1&b=2", percent-encoded. InvalidArgument, InvalidTag.
Result<objects::Pairs> parse_tagging(std::string_view text);
// Not too many, keys once, of the characters that tags have and within their lengths: InvalidTag.
enum class Tagged : std::uint8_t { object, bucket };
Result<> check_tags(const objects::Pairs& tags, Tagged tagged);

// InvalidRedirectLocation: where GetObject of a website is sent is a path or a URL of the web.
Result<> check_redirect(std::optional<std::string_view> location);

// MetadataTooLarge.
Result<> check_metadata(const objects::Pairs& properties);

// STANDARD and the other classes of S3; all are kept in the same way.
Result<std::string> storage_class(std::optional<std::string_view> wanted);

std::string lower_case(std::string_view text);

// An encryption that was checked (encryption.h).
template <typename In>
void read_encryption(const In& in, objects::Pairs& properties) {
  if (in.ServerSideEncryption()) properties.emplace_back(property::sse, *in.ServerSideEncryption());
}

// The headers and metadata of a request that makes an object.
template <typename In>
Result<objects::Pairs> read_properties(const In& in) {
  TRY_DO(check_encryption(wanted_encryption(in)));
  TRY_DO(check_redirect(in.WebsiteRedirectLocation()));
  objects::Pairs properties;
  const auto add = [&](std::string_view name, std::optional<std::string_view> value) {
    if (value && !value->empty()) properties.emplace_back(name, *value);
  };
  add(property::cache_control, in.CacheControl());
  add(property::content_disposition, in.ContentDisposition());
  add(property::content_encoding, without_aws_chunked(in.ContentEncoding().value_or("")));
  add(property::content_language, in.ContentLanguage());
  add(property::content_type, in.ContentType().value_or(default_content_type));
  add(property::expires, in.Expires());
  add(property::redirect, in.WebsiteRedirectLocation());
  for (const auto [name, value] : in.Metadata())
    properties.emplace_back(std::string(property::metadata) + lower_case(name),
                            decode_words(value));
  TRY_DO(check_metadata(properties));
  read_encryption(in, properties);
  return properties;
}

template <typename In>
Result<objects::ObjectSettings> read_attributes(const In& in) {
  objects::ObjectSettings attributes;
  TRY(attributes.properties, read_properties(in));
  TRY(attributes.storage_class, storage_class(in.StorageClass()));
  if (in.Tagging()) {
    TRY(attributes.tags, parse_tagging(*in.Tagging()));
  }
  return attributes;
}

// S3 encrypts everything and says so; what an older version of Slipway stored as encrypted
// otherwise was not.
template <typename Out>
void show_encryption(Out& out) {
  out.ServerSideEncryption("AES256");
}

// Everything of an object that GetObject and HeadObject show alike.
template <typename Out>
void show_properties(Out& out, const objects::Object& object) {
  const objects::Pairs& properties = object.properties;
  const auto text = [&](std::string_view name) { return find_property(properties, name); };
  out.CacheControl(text(property::cache_control))
      .ContentDisposition(text(property::content_disposition))
      .ContentEncoding(text(property::content_encoding))
      .ContentLanguage(text(property::content_language))
      .ContentType(text(property::content_type).value_or(default_content_type))
      .WebsiteRedirectLocation(text(property::redirect));
  if (const auto expires = expiry_header(properties)) out.Expires(*expires);
  for (const auto& [name, value] : properties)
    if (name.starts_with(property::metadata))
      out.put_Metadata(std::string_view(name).substr(property::metadata.size()),
                       encode_words(value));
  if (object.storage_class != "STANDARD") out.StorageClass(object.storage_class);
  if (!object.tags.empty()) out.TagCount(static_cast<std::int32_t>(object.tags.size()));
  show_encryption(out);
}

}  // namespace slipway::s3
