#include "service/ecr/distribution_path.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"

namespace slipway::ecr {
namespace {

using Kind = DistributionPath::Kind;

constexpr std::string_view prefix = "/v2/";
constexpr std::size_t name_length_min = 2;
constexpr std::size_t name_length_max = 255;

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// Alphanumerics, with '.', '_', "__" or any number of '-' between them.
bool is_component(std::string_view text) {
  if (text.empty() || !is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t begin = i;
    while (i < text.size() && !is_alphanumeric(text[i])) ++i;
    const std::string_view between = text.substr(begin, i - begin);
    if (!between.empty() && between != "." && between != "_" && between != "__" &&
        between.find_first_not_of('-') != between.npos)
      return false;
    while (i < text.size() && is_alphanumeric(text[i])) ++i;
  }
  return true;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  while (!query.empty()) {
    std::string_view value = take_until(query, '&');
    const std::string_view name = take_until(value, '=');
    out.emplace_back(percent_decode(name, PlusSign::space), percent_decode(value, PlusSign::space));
  }
  return out;
}

// Cuts "/MARK/..." off the end of `name`; nullopt where it is not there.
std::optional<std::string> cut(std::string& name, std::string_view mark) {
  const std::size_t at = name.rfind(mark);
  if (at == name.npos || at == 0) return std::nullopt;
  std::string rest = name.substr(at + mark.size());
  name.resize(at);
  return rest;
}

}  // namespace

std::optional<std::string> DistributionPath::parameter(std::string_view wanted) const {
  const auto found =
      std::ranges::find(query, wanted, [](const auto& each) -> const auto& { return each.first; });
  if (found == query.end()) return std::nullopt;
  return found->second;
}

DistributionPath parse_path(const net::RequestHead& head) {
  DistributionPath out{.query = parse_query(head.query)};
  if (head.path == "/v2" || head.path == prefix) {
    out.kind = Kind::version;
    return out;
  }
  if (!head.path.starts_with(prefix)) return out;
  out.name = percent_decode(head.path.substr(prefix.size()));
  const auto found = [&](Kind kind, std::string subject) {
    out.kind = kind;
    out.subject = std::move(subject);
    return out;
  };
  if (out.name.ends_with("/tags/list")) {
    out.name.resize(out.name.size() - std::string_view("/tags/list").size());
    return found(Kind::tags, {});
  }
  if (out.name.ends_with("/blobs/uploads")) out.name += '/';
  if (auto id = cut(out.name, "/blobs/uploads/"))
    return found(id->empty() ? Kind::uploads : Kind::upload, *std::move(id));
  if (auto digest = cut(out.name, "/blobs/")) return found(Kind::blob, *std::move(digest));
  if (auto reference = cut(out.name, "/manifests/"))
    return found(Kind::manifest, *std::move(reference));
  if (auto digest = cut(out.name, "/referrers/")) return found(Kind::referrers, *std::move(digest));
  return out;
}

bool is_repository_name(std::string_view text) {
  if (text.size() < name_length_min || text.size() > name_length_max) return false;
  if (text.ends_with('/')) return false;
  while (!text.empty())
    if (!is_component(take_until(text, '/'))) return false;
  return true;
}

}  // namespace slipway::ecr
