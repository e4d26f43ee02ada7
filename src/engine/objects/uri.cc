#include "engine/objects/uri.h"

#include <fmt/format.h>

namespace slipway::objects {
namespace {

constexpr std::string_view scheme = "s3://";

}  // namespace

std::optional<ObjectName> parse_uri(std::string_view uri) {
  if (!uri.starts_with(scheme)) return std::nullopt;
  const std::string_view path = uri.substr(scheme.size());
  const std::size_t slash = path.find('/');
  ObjectName name{.bucket = std::string(path.substr(0, slash)), .key = {}};
  if (name.bucket.empty()) return std::nullopt;
  if (slash != path.npos) name.key = path.substr(slash + 1);
  return name;
}

std::string uri_of(const ObjectName& name) {
  return fmt::format("{}{}/{}", scheme, name.bucket, name.key);
}

}  // namespace slipway::objects
