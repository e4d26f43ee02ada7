#include "service/iam/managed_policies.h"

#include <algorithm>
#include <vector>

namespace slipway::iam {

std::span<const ManagedPolicy> managed_policies() {
  static const std::vector<ManagedPolicy> all = [] {
    std::vector<ManagedPolicy> out;
    for (const auto some : {learning_policies(), service_policies(), tool_policies()})
      out.insert(out.end(), some.begin(), some.end());
    return out;
  }();
  return all;
}

const ManagedPolicy* managed_policy(std::string_view path_and_name) {
  const auto all = managed_policies();
  const auto found = std::ranges::find_if(all, [&](const ManagedPolicy& policy) {
    return path_and_name.starts_with(policy.path) &&
           path_and_name.substr(policy.path.size()) == policy.name;
  });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace slipway::iam
