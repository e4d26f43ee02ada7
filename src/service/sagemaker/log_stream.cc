#include "service/sagemaker/log_stream.h"

#include <fmt/format.h>

#include <charconv>
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

// A fleet's id is "<account>/<region>/<endpoint>" (plan.h), with "/transform" behind it where it is
// a transform job's (engine/transform/transform.h); none of the parts can hold a slash. A copy of
// an inference component has "<endpoint>:<component>" in the endpoint's place. A container of
// several is "<variant>.<container>", and AWS names it behind the instance.
place::Labels labels_of(const fleet::InstanceName& name) {
  const auto parts = segments_of(name.fleet.text);
  const bool is_transform = parts.size() == 4 && parts[3] == "transform";
  if (parts.size() != 3 && !is_transform) return {};
  const std::string_view kind = name.kind == fleet::InstanceName::Kind::instance ? "i" : "packages";
  std::string id = fmt::format("{}-{}", kind, name.generation);
  if (!name.number.empty()) id += "-" + name.number;
  place::Labels labels{.service = "sagemaker", .log_space = space_of(parts[0], parts[1])};
  if (is_transform) {
    labels.log_group = transform_group;
    labels.log_stream = fmt::format("{}/{}", parts[2], id);
    return labels;
  }
  const std::string_view endpoint = parts[2];
  const std::size_t mark = endpoint.find(service::component_mark);
  labels.log_group = mark == endpoint.npos ? fmt::format("/aws/sagemaker/Endpoints/{}", endpoint)
                                           : fmt::format("/aws/sagemaker/InferenceComponents/{}",
                                                         endpoint.substr(mark + 1));
  const std::string_view variant = name.variant;
  const std::size_t dot = variant.find('.');  // stands in no variant's own name
  labels.log_stream = fmt::format("{}/{}", variant.substr(0, dot), id);
  if (dot != variant.npos) labels.log_stream += fmt::format("/{}", variant.substr(dot + 1));
  return labels;
}

// "fleet/<fleet>/<generation>/<variant>/<ordinal>", or with "environment" in the place of "fleet"
// that of an installation.
place::Labels labels_of_older(const place::InstanceKey& key) {
  const auto parts = segments_of(key.text);
  const bool is_instance = parts[0] == "fleet";
  if (parts.size() < 7 || (!is_instance && parts[0] != "environment")) return {};
  const std::size_t id_bytes = key.text.size() - parts[0].size() - parts.end()[-1].size() -
                               parts.end()[-2].size() - parts.end()[-3].size() - 4;
  fleet::InstanceName name{.fleet = {key.text.substr(parts[0].size() + 1, id_bytes)},
                           .variant = std::string(parts.end()[-2]),
                           .number = std::string(parts.end()[-1])};
  if (!is_instance) name.kind = fleet::InstanceName::Kind::packages;
  const std::string_view generation = parts.end()[-3];
  std::from_chars(generation.data(), generation.data() + generation.size(), name.generation);
  return labels_of(name);
}

std::optional<logs::StreamName> data_log_of(const transform::TransformId& job) {
  const auto parts = segments_of(job.text);
  if (parts.size() != 3) return std::nullopt;
  return logs::StreamName{.space = space_of(parts[0], parts[1]),
                          .group = std::string(transform_group),
                          .stream = fmt::format("{}/data-log", parts[2])};
}

}  // namespace slipway::sagemaker
