#include "service/iam/tags.h"

#include <algorithm>

#include "base/text.h"
#include "service/errors.h"
#include "service/reserved_tag.h"

namespace slipway::iam {

using service::refuse;

Result<> check_tag_keys(const std::vector<identity::Tag>& tags, identity::Owner::Kind kind) {
  using Kind = identity::Owner::Kind;
  const bool folds = kind == Kind::user || kind == Kind::role;
  std::vector<std::string> keys;
  for (const auto& [key, value] : tags) keys.push_back(folds ? to_lower(key) : key);
  const auto is_reserved = [](std::string_view key) {
    return key.starts_with(service::reserved_tag_prefix);
  };
  if (std::ranges::any_of(keys, is_reserved))
    return refuse("InvalidInput", std::string(service::reserved_tag_text));
  std::ranges::sort(keys);
  if (std::ranges::adjacent_find(keys) == keys.end()) return {};
  return refuse("InvalidInput",
                folds ? "Duplicate tag keys found. Please note that Tag keys are case insensitive."
                      : "Duplicate tag keys found.");
}

}  // namespace slipway::iam
