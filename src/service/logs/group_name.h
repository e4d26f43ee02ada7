// The log group that a request means.
#pragma once

#include <string_view>

namespace slipway::logs_door {

// Of an identifier, which is a name or an ARN: "arn:...:log-group:NAME[:*]".
inline std::string_view name_of_identifier(std::string_view identifier) {
  constexpr std::string_view marker = ":log-group:";
  const std::size_t at = identifier.find(marker);
  if (!identifier.starts_with("arn:") || at == identifier.npos) return identifier;
  identifier.remove_prefix(at + marker.size());
  if (identifier.ends_with(":*")) identifier.remove_suffix(2);
  return identifier;
}

}  // namespace slipway::logs_door
