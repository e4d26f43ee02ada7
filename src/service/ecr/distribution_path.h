// A request of the OCI distribution API, told apart by its path and query.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http.h"

namespace slipway::ecr {

// What is asked for. `subject` is a tag or digest, a blob's digest, or an upload's id.
struct DistributionPath {
  enum class Kind : std::uint8_t {
    version,    // /v2/
    tags,       // /v2/NAME/tags/list
    manifest,   // /v2/NAME/manifests/SUBJECT
    blob,       // /v2/NAME/blobs/SUBJECT
    uploads,    // /v2/NAME/blobs/uploads/
    upload,     // /v2/NAME/blobs/uploads/SUBJECT
    referrers,  // /v2/NAME/referrers/SUBJECT
    unknown,
  };
  Kind kind = Kind::unknown;
  std::string name;
  std::string subject;
  std::vector<std::pair<std::string, std::string>> query;

  // The first of that name; nullopt where there is none.
  std::optional<std::string> parameter(std::string_view name) const;
};

DistributionPath parse_path(const net::RequestHead& head);

// As ECR's model has it, 2 to 255 characters.
bool is_repository_name(std::string_view text);

}  // namespace slipway::ecr
