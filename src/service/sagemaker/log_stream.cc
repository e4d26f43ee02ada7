#include "service/sagemaker/log_stream.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "service/resource_key.h"

namespace slipway::sagemaker {
namespace {

constexpr std::string_view transform_group = "/aws/sagemaker/TransformJobs";

std::vector<std::string_view> segments_of(std::string_view text) {
  std::vector<std::string_view> segments;
  for (;;) {
    const std::size_t slash = text.find('/');
    segments.push_back(text.substr(0, slash));
    if (slash == text.npos) return segments;
    text.remove_prefix(slash + 1);
  }
}

std::string space_of(std::string_view account, std::string_view region) {
  return fmt::format("{}/{}", account, region);
}

}  // namespace

// The key is "fleet/<account>/<region>/<endpoint>/<generation>/<variant>/<ordinal>" (plan.h names
// the fleet, engine/fleet the instance), with "/transform" behind the name where it is a transform
// job's (engine/transform/transform.h); none of the parts can hold a slash. A copy of an inference
// component has "<endpoint>:<component>" in the endpoint's place. A container of several is
// "<variant>.<container>", and AWS names it behind the instance. With "environment" in the place of
// "fleet" it is that of an installation (engine/environments/environment_cache.h).
std::optional<logs::StreamName> stream_of(const place::InstanceKey& key) {
  const auto parts = segments_of(key.text);
  if (parts.size() < 7 || (parts[0] != "fleet" && parts[0] != "environment")) return std::nullopt;
  const std::string_view kind = parts[0] == "fleet" ? "i" : "packages";
  if (parts.size() == 8 && parts[4] == "transform")
    return logs::StreamName{
        .space = space_of(parts[1], parts[2]),
        .group = std::string(transform_group),
        .stream = fmt::format("{}/{}-{}-{}", parts[3], kind, parts[5], parts[7])};
  if (parts.size() != 7) return std::nullopt;
  const std::string_view endpoint = parts[3];
  const std::size_t mark = endpoint.find(service::component_mark);
  const std::string_view variant = parts[5];
  const std::size_t dot = variant.find('.');  // stands in no variant's own name
  const bool several = dot != variant.npos;
  return logs::StreamName{
      .space = space_of(parts[1], parts[2]),
      .group = mark == endpoint.npos ? fmt::format("/aws/sagemaker/Endpoints/{}", endpoint)
                                     : fmt::format("/aws/sagemaker/InferenceComponents/{}",
                                                   endpoint.substr(mark + 1)),
      .stream = fmt::format("{}/{}-{}-{}{}{}", variant.substr(0, dot), kind, parts[4], parts[6],
                            several ? "/" : "", several ? variant.substr(dot + 1) : "")};
}

std::optional<logs::StreamName> data_log_of(const transform::TransformId& job) {
  const auto parts = segments_of(job.text);
  if (parts.size() != 3) return std::nullopt;
  return logs::StreamName{.space = space_of(parts[0], parts[1]),
                          .group = std::string(transform_group),
                          .stream = fmt::format("{}/data-log", parts[2])};
}

}  // namespace slipway::sagemaker
