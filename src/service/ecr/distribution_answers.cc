#include "service/ecr/distribution_answers.h"

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>

namespace slipway::ecr {
namespace {

namespace json = boost::json;

struct Row {
  std::string_view kind;
  int status;
  std::string_view code;
};

// docker tries anything that it does not know five times: what is refused for good has a code.
constexpr Row rows[] = {
    {"bad_digest", 400, "DIGEST_INVALID"},
    {"other_digest", 400, "DIGEST_INVALID"},
    {"bad_name", 400, "NAME_INVALID"},
    {"bad_tag", 400, "TAG_INVALID"},
    {"tag_stays", 400, "TAG_INVALID"},
    {"bad_manifest", 400, "MANIFEST_INVALID"},
    {"manifest_too_large", 413, "MANIFEST_INVALID"},
    {"no_such_reference", 400, "MANIFEST_BLOB_UNKNOWN"},
    {"no_such_manifest", 404, "MANIFEST_UNKNOWN"},
    {"no_such_blob", 404, "BLOB_UNKNOWN"},
    {"no_such_upload", 404, "BLOB_UPLOAD_UNKNOWN"},
    {"no_such_repository", 404, "NAME_UNKNOWN"},
    {"out_of_order", 416, "BLOB_UPLOAD_INVALID"},
    {"part_overtaken", 416, "BLOB_UPLOAD_INVALID"},
    {"bad_part", 400, "BLOB_UPLOAD_INVALID"},
    {"bad_range", 416, "SIZE_INVALID"},
    {"body_too_large", 413, "SIZE_INVALID"},
    {"no_such_path", 404, "UNSUPPORTED"},
    {"not_supported", 405, "UNSUPPORTED"},
};

Row row_of(const Error& error) {
  const auto* const found = std::ranges::find(rows, error.kind, &Row::kind);
  if (found != std::end(rows)) return *found;
  switch (error.code) {
    case ErrorCode::unauthenticated: return {{}, 401, "UNAUTHORIZED"};
    case ErrorCode::permission_denied: return {{}, 403, "DENIED"};
    case ErrorCode::unavailable: return {{}, 503, "UNAVAILABLE"};
    case ErrorCode::timeout: return {{}, 408, "BLOB_UPLOAD_INVALID"};
    case ErrorCode::invalid_argument: return {{}, 400, "UNSUPPORTED"};
    default: return {{}, 500, "UNKNOWN"};
  }
}

}  // namespace

net::Response distribution_answer(int status) {
  net::Response response{.status = status};
  response.headers.add("Docker-Distribution-Api-Version", "registry/2.0");
  return response;
}

net::Response json_answer(int status, std::string_view content_type, std::string text) {
  net::Response response = distribution_answer(status);
  response.headers.add("Content-Type", content_type);
  response.body = std::move(text);
  return response;
}

net::Response distribution_error(const Error& error) {
  const Row row = row_of(error);
  const json::object entry{{"code", row.code}, {"message", error.message}};
  net::Response response =
      json_answer(row.status, "application/json",
                  json::serialize(json::object{{"errors", json::array{json::value(entry)}}}));
  if (row.status == 401)
    response.headers.add("WWW-Authenticate", R"(Basic realm="slipway",service="ecr")");
  for (const auto& [name, value] : error.headers) response.headers.set(name, value);
  return response;
}

}  // namespace slipway::ecr
