// Who may do what with which repository. The distribution API asks for the same actions.
#include "service/permissions.h"

#include <fmt/format.h>

#include "engine/images/repositories.h"
#include "gen/ecr.h"
#include "service/arn.h"
#include "service/ecr/ecr.h"

namespace slipway::ecr {
namespace {

using service::Guarded;
using service::Need;
using service::Question;
using Arity = service::KeyOfMember::Arity;

constexpr std::string_view repository = "{arn}:repository/{repositoryName}";

constexpr Need needs[] = {
    {"BatchCheckLayerAvailability", "ecr:BatchCheckLayerAvailability", repository},
    {"BatchDeleteImage", "ecr:BatchDeleteImage", repository},
    {"BatchGetImage", "ecr:BatchGetImage", repository},
    {"CreateRepository", "ecr:CreateRepository", repository},
    Need{"CreateRepository", "ecr:TagResource", repository}.where("tags"),
    {"DeleteRepository", "ecr:DeleteRepository", repository},
    {"DescribeImages", "ecr:DescribeImages", repository},
    Need{"DescribeRepositories", "ecr:DescribeRepositories", "{arn}:repository/{repositoryNames}"}
        .where("repositoryNames"),
    Need{"DescribeRepositories", "ecr:DescribeRepositories", "{arn}:repository/*"}.where(
        "!repositoryNames"),
    {"GetAuthorizationToken", "ecr:GetAuthorizationToken"},
    {"ListImages", "ecr:ListImages", repository},
    {"PutImage", "ecr:PutImage", repository},
    {"PutImageTagMutability", "ecr:PutImageTagMutability", repository},
};

constexpr service::KeyOfMember keys[] = {
    {"aws:RequestTag/", "tags"},
    {"aws:TagKeys", "tags.Key", Arity::many},
};

Result<Guarded> guarded(const Question&, std::string_view arn) {
  constexpr std::string_view kind = "repository/";
  const auto parsed = service::parse_arn(arn);
  if (!parsed || !parsed->resource.starts_with(kind)) return Guarded{};
  return Guarded{.tagged = images::tagged({fmt::format("{}/{}", parsed->account, parsed->region),
                                           std::string(parsed->resource.substr(kind.size()))})};
}

}  // namespace

service::Permissions permissions() {
  return {.schema = aws::ecr::schema(), .needs = needs, .keys = keys, .find = guarded};
}

}  // namespace slipway::ecr
