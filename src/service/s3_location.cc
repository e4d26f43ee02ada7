#include "service/s3_location.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "base/encoding.h"
#include "engine/objects/uri.h"

namespace slipway::service {
namespace {

constexpr std::string_view https_scheme = "https://";

std::pair<std::string_view, std::string_view> split_path(std::string_view path) {
  const auto slash = path.find('/');
  if (slash == path.npos) return {path, {}};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

bool is_service_host(std::string_view host) {
  return (host.starts_with("s3.") || host.starts_with("s3-")) &&
         (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"));
}

}  // namespace

std::optional<objects::ObjectName> s3_location(std::string_view uri) {
  if (!uri.starts_with(https_scheme)) return objects::parse_uri(uri);
  auto [host, path] = split_path(uri.substr(https_scheme.size()));
  std::string_view bucket;
  if (!is_service_host(host)) {  // a bucket's name may have dots
    const auto dots = std::pair(host.rfind(".s3."), host.rfind(".s3-"));
    const auto dot = dots.first == host.npos    ? dots.second
                     : dots.second == host.npos ? dots.first
                                                : std::max(dots.first, dots.second);
    if (dot == host.npos || !is_service_host(host.substr(dot + 1))) return std::nullopt;
    bucket = host.substr(0, dot);
  } else {
    std::tie(bucket, path) = split_path(path);
  }
  if (bucket.empty()) return std::nullopt;
  return objects::ObjectName{.bucket = std::string(bucket), .key = percent_decode(path)};
}

}  // namespace slipway::service
