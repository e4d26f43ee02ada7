#include "engine/images/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

namespace slipway::images {
namespace {

namespace json = boost::json;

constexpr std::string_view docker_image = "application/vnd.docker.distribution.manifest.v2+json";
constexpr std::string_view docker_list =
    "application/vnd.docker.distribution.manifest.list.v2+json";
constexpr std::string_view oci_image = "application/vnd.oci.image.manifest.v1+json";
constexpr std::string_view oci_index = "application/vnd.oci.image.index.v1+json";

std::unexpected<Error> bad(std::string why) {
  return fail(ErrorCode::invalid_argument, std::move(why), "bad_manifest");
}

bool is_index(std::string_view media_type) {
  return media_type == oci_index || media_type == docker_list;
}

bool is_known(std::string_view media_type) {
  return is_index(media_type) || media_type == oci_image || media_type == docker_image;
}

// nullopt where it is absent or no text.
std::optional<std::string_view> text_of(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  if (!value || !value->is_string()) return std::nullopt;
  return std::string_view(value->get_string());
}

std::string_view without_parameters(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (content_type.ends_with(' ')) content_type.remove_suffix(1);
  return content_type;
}

Result<std::string> media_type_of(const json::object& root, std::string_view content_type) {
  const std::string_view sent = without_parameters(content_type);
  const auto own = text_of(root, "mediaType");
  // Clients that say nothing of what they send say one of these.
  const bool says =
      !sent.empty() && sent != "application/json" && sent != "application/octet-stream";
  if (says && own && sent != *own)
    return bad(fmt::format("The manifest says that it is '{}' and was sent as '{}'.", *own, sent));
  std::string type(says ? sent : own.value_or(""));
  if (type.empty()) type = root.contains("manifests") ? oci_index : oci_image;
  if (is_known(type)) return type;
  if (type.contains("manifest.v1"))
    return bad("Manifests of schema 1 are not taken; push the image with a newer client.");
  return bad(fmt::format("'{}' is no type of a manifest or an index.", type));
}

struct Descriptor {
  Digest digest;
  std::uint64_t bytes = 0;
  std::string media_type;
  bool elsewhere = false;  // fetched by its own URLs
};

Result<Descriptor> descriptor_of(const json::value& value, std::string_view what) {
  if (!value.is_object()) return bad(fmt::format("{} is no descriptor.", what));
  const json::object& object = value.get_object();
  const auto digest = text_of(object, "digest");
  if (!digest) return bad(fmt::format("{} has no digest.", what));
  auto parsed = Digest::parse(*digest);
  if (!parsed) return bad(fmt::format("{}: {}", what, parsed.error().message));
  Descriptor out{.digest = *std::move(parsed),
                 .media_type = std::string(text_of(object, "mediaType").value_or(""))};
  const json::value* const size = object.if_contains("size");
  if (!size || !size->is_number()) return bad(fmt::format("{} has no size.", what));
  boost::system::error_code error;
  const auto bytes = size->to_number<std::int64_t>(error);
  if (error || bytes < 0) return bad(fmt::format("{} has no size that there is.", what));
  out.bytes = static_cast<std::uint64_t>(bytes);
  const json::value* const urls = object.if_contains("urls");
  out.elsewhere = (urls && urls->is_array() && !urls->get_array().empty()) ||
                  out.media_type.contains("nondistributable") || out.media_type.contains("foreign");
  return out;
}

Result<> add_list(const json::object& root, std::string_view name,
                  ImageManifest::Reference::Kind kind, ImageManifest& out) {
  const json::value* const list = root.if_contains(name);
  if (!list || list->is_null()) return {};
  if (!list->is_array()) return bad(fmt::format("'{}' is no list.", name));
  if (list->get_array().size() > manifest_references_max)
    return bad(fmt::format("'{}' has more than {} entries.", name, manifest_references_max));
  for (const json::value& each : list->get_array()) {
    TRY(Descriptor descriptor, descriptor_of(each, fmt::format("An entry of '{}'", name)));
    out.image_bytes += descriptor.bytes;
    if (!descriptor.elsewhere) out.references.emplace_back(kind, std::move(descriptor.digest));
  }
  return {};
}

Result<> add_config(const json::object& root, ImageManifest& out) {
  const json::value* const config = root.if_contains("config");
  if (!config || config->is_null()) return {};
  TRY(Descriptor descriptor, descriptor_of(*config, "'config'"));
  if (out.artifact_type.empty()) out.artifact_type = descriptor.media_type;
  out.image_bytes += descriptor.bytes;
  out.references.emplace_back(ImageManifest::Reference::Kind::blob, std::move(descriptor.digest));
  return {};
}

Result<json::object> object_of(std::string_view bytes) {
  boost::system::error_code error;
  json::value root = json::parse(bytes, error);
  if (error || !root.is_object()) return bad("The manifest is no JSON object.");
  return std::move(root.get_object());
}

}  // namespace

Result<ImageManifest> parse_manifest(std::string_view bytes, std::string_view content_type) {
  if (bytes.size() > manifest_bytes_max)
    return fail(ErrorCode::limit_exceeded,
                fmt::format("The manifest is larger than {} bytes.", manifest_bytes_max),
                "manifest_too_large");
  TRY(const json::object root, object_of(bytes));
  ImageManifest out;
  TRY(out.media_type, media_type_of(root, content_type));
  if (const json::value* const version = root.if_contains("schemaVersion");
      !version || !version->is_int64() || version->get_int64() != 2)
    return bad("The manifest's schemaVersion is not 2.");
  out.artifact_type = text_of(root, "artifactType").value_or("");
  if (is_index(out.media_type)) {
    TRY_DO(add_list(root, "manifests", ImageManifest::Reference::Kind::manifest, out));
  } else {
    TRY_DO(add_config(root, out));
    TRY_DO(add_list(root, "layers", ImageManifest::Reference::Kind::blob, out));
  }
  if (const json::value* const subject = root.if_contains("subject");
      subject && !subject->is_null()) {
    TRY(Descriptor descriptor, descriptor_of(*subject, "'subject'"));
    out.subject = std::move(descriptor.digest);
  }
  return out;
}

}  // namespace slipway::images
