#include "engine/transform/manifest.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "engine/objects/uri.h"

namespace slipway::transform {

namespace json = boost::json;

Result<Manifest> read_manifest(std::string_view text) {
  boost::system::error_code error;
  const json::value document = json::parse({text.data(), text.size()}, error);
  const json::array* entries = error ? nullptr : document.if_array();
  const json::object* head =
      entries != nullptr && !entries->empty() ? entries->front().if_object() : nullptr;
  const json::value* prefix = head != nullptr ? head->if_contains("prefix") : nullptr;
  const std::string start =
      prefix != nullptr && prefix->is_string() ? std::string(prefix->as_string()) : "";
  const auto folder = objects::parse_uri(start);
  if (!folder)
    return fail(ErrorCode::invalid_argument,
                "the manifest is no JSON list that begins with {\"prefix\": \"s3://bucket/...\"}");
  Manifest manifest{.folder = *folder, .names = {}};
  for (std::size_t i = 1; i < entries->size(); ++i) {
    const json::string* name = (*entries)[i].if_string();
    if (name == nullptr)
      return fail(ErrorCode::invalid_argument,
                  fmt::format("entry {} of the manifest is no name of an object", i));
    manifest.names.emplace_back(*name);
  }
  return manifest;
}

}  // namespace slipway::transform
