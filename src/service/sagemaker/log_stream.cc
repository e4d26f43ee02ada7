#include "service/sagemaker/log_stream.h"

#include <fmt/format.h>

#include <array>

#include "service/resource_key.h"

namespace slipway::sagemaker {

// The key is "fleet/<account>/<region>/<endpoint>/<generation>/<variant>/<ordinal>" (plan.h names
// the fleet, engine/fleet the instance); none of the parts can hold a slash. A copy of an inference
// component has "<endpoint>:<component>" in the endpoint's place.
std::optional<logs::StreamName> stream_of(const place::InstanceKey& key) {
  std::array<std::string_view, 7> parts;
  std::string_view rest = key.text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t slash = rest.find('/');
    const bool last = i + 1 == parts.size();
    if ((slash == rest.npos) != last) return std::nullopt;
    parts[i] = rest.substr(0, slash);
    if (!last) rest.remove_prefix(slash + 1);
  }
  const auto& [owner, account, region, endpoint, generation, variant, ordinal] = parts;
  if (owner != "fleet") return std::nullopt;
  const std::size_t mark = endpoint.find(service::component_mark);
  return logs::StreamName{.space = fmt::format("{}/{}", account, region),
                          .group = mark == endpoint.npos
                                       ? fmt::format("/aws/sagemaker/Endpoints/{}", endpoint)
                                       : fmt::format("/aws/sagemaker/InferenceComponents/{}",
                                                     endpoint.substr(mark + 1)),
                          .stream = fmt::format("{}/i-{}-{}", variant, generation, ordinal)};
}

}  // namespace slipway::sagemaker
