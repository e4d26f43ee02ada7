#include "service/s3/cors.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/encoding.h"
#include "base/text.h"
#include "service/s3/attributes.h"
#include "service/s3/settings.h"
#include "wire/document.h"

namespace slipway::s3 {
namespace {

// A page's wish is nobody's: each of these is held against each header of a rule. S3 publishes no
// such bound.
constexpr std::size_t wished_headers_max = 256;

// What a page asks for.
struct Wish {
  std::string_view origin;
  std::string_view method;
  std::vector<std::string> headers = {};  // lower case; of OPTIONS alone
};

// The pattern has one '*' at most.
bool fits(std::string_view pattern, std::string_view text) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  const std::string_view begin = pattern.substr(0, star);
  const std::string_view end = pattern.substr(star + 1);
  return text.size() >= begin.size() + end.size() && text.starts_with(begin) && text.ends_with(end);
}

bool allows_headers(api::CORSRule rule, const std::vector<std::string>& wished) {
  std::vector<std::string> patterns;
  if (!wished.empty())
    for (const std::string_view each : rule.AllowedHeaders()) patterns.push_back(lower_case(each));
  return std::ranges::all_of(wished, [&](const std::string& header) {
    return std::ranges::any_of(patterns,
                               [&](const std::string& each) { return fits(each, header); });
  });
}

bool allows(api::CORSRule rule, const Wish& wish) {
  const bool origin = std::ranges::any_of(
      rule.AllowedOrigins(), [&](std::string_view each) { return fits(each, wish.origin); });
  const bool method = std::ranges::any_of(
      rule.AllowedMethods(), [&](std::string_view each) { return each == wish.method; });
  return origin && method && allows_headers(rule, wish.headers);
}

template <typename Texts>
std::string joined(Texts texts) {
  std::string out;
  for (const std::string_view text : texts) (out += out.empty() ? "" : ", ") += text;
  return out;
}

// A rule for every origin says so; one that names the page's lets it send who it is, too.
net::Fields fields_of(api::CORSRule rule, const Wish& wish) {
  const bool everyone =
      std::ranges::any_of(rule.AllowedOrigins(), [](std::string_view each) { return each == "*"; });
  net::Fields out;
  out.add("Access-Control-Allow-Origin", everyone ? "*" : wish.origin);
  out.add("Access-Control-Allow-Methods", joined(rule.AllowedMethods()));
  if (!wish.headers.empty()) out.add("Access-Control-Allow-Headers", joined(wish.headers));
  if (const std::string shown = joined(rule.ExposeHeaders()); !shown.empty())
    out.add("Access-Control-Expose-Headers", shown);
  if (rule.MaxAgeSeconds())
    out.add("Access-Control-Max-Age", std::to_string(*rule.MaxAgeSeconds()));
  if (!everyone) out.add("Access-Control-Allow-Credentials", "true");
  out.add("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
  return out;
}

std::vector<std::string> wished_headers(std::string_view text) {
  std::vector<std::string> headers;
  while (!text.empty())
    if (const auto name = trimmed(take_until(text, ',')); !name.empty())
      headers.push_back(lower_case(name));
  return headers;
}

// The bucket of a request that may be none of an operation.
std::string bucket_name(const service::CrossOriginRequest& page) {
  if (!page.virtual_bucket.empty()) return std::string(page.virtual_bucket);
  std::string_view path = page.head.path;
  if (path.starts_with('/')) path.remove_prefix(1);
  return percent_decode(take_until(path, '/'));
}

bool names_object(const service::CrossOriginRequest& page) {
  const std::string_view path =
      page.head.path.substr(std::min<std::size_t>(1, page.head.path.size()));
  if (!page.virtual_bucket.empty()) return !path.empty();
  const std::size_t slash = path.find('/');
  return slash != std::string_view::npos && slash + 1 < path.size();
}

std::unexpected<Error> forbidden(std::string message, const service::CrossOriginRequest& page,
                                 std::string_view method) {
  return std::unexpected(Error{ErrorCode::permission_denied,
                               "CORSResponse: " + std::move(message),
                               "AccessForbidden",
                               {{"Method", std::string(method)},
                                {"ResourceType", names_object(page) ? "OBJECT" : "BUCKET"}}});
}

Result<> check_wished_headers(std::string_view text) {
  if (std::ranges::count(text, ',') >= std::ptrdiff_t{wished_headers_max})
    return refuse("BadRequest", fmt::format("Access-Control-Request-Headers names more than {}.",
                                            wished_headers_max));
  while (!text.empty())
    if (const auto name = take_until(text, ',');
        !trimmed(name).empty() && !is_header_name(trimmed(name)))
      return refuse(
          "BadRequest",
          fmt::format("Access-Control-Request-Headers \"{}\" contains invalid character.", name));
  return {};
}

Result<Wish> preflight_wish(const net::Headers& headers) {
  const Wish wish{headers.get("origin"), headers.get("access-control-request-method"),
                  wished_headers(headers.get("access-control-request-headers"))};
  if (wish.origin.empty())
    return refuse("BadRequest", "Insufficient information. Origin request header needed.");
  constexpr std::string_view methods[] = {"GET", "PUT", "HEAD", "POST", "DELETE"};
  if (std::ranges::find(methods, wish.method) == std::end(methods))
    return refuse("BadRequest", fmt::format("Invalid Access-Control-Request-Method: {}",
                                            wish.method.empty() ? "null" : wish.method));
  TRY_DO(check_wished_headers(headers.get("access-control-request-headers")));
  return wish;
}

}  // namespace

bool is_header_name(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.contains(c);
  });
}

Result<net::Fields> cross_origin(store::Transaction& tx, const service::CrossOriginRequest& page) {
  Wish wish{page.head.headers.get("origin"), page.head.method};
  if (page.head.method == "OPTIONS") {
    TRY(wish, preflight_wish(page.head.headers));
  }
  const std::string bucket = bucket_name(page);
  if (!objects::find_bucket(tx, bucket)) return forbidden("Bucket not found", page, wish.method);
  const auto text = objects::setting(tx, {bucket, std::string(setting::cors)});
  if (!text) return forbidden("CORS is not enabled for this bucket.", page, wish.method);
  wire::Arena arena;
  TRY(const auto stored, wire::from_json<api::GetBucketCorsOutput>(*text, arena));
  for (const auto rule : stored.CORSRules())
    if (allows(rule, wish)) return fields_of(rule, wish);
  return forbidden(
      "This CORS request is not allowed. This is usually because the evalution of Origin, request "
      "method / Access-Control-Request-Method or Access-Control-Request-Headers are not "
      "whitelisted by the resource's CORS spec.",
      page, wish.method);
}

}  // namespace slipway::s3
