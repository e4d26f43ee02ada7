#include "engine/identity/principal_ids.h"

#include <fmt/format.h>

#include "base/text.h"

namespace slipway::identity {

std::string lines_of(const PrincipalIds& ids) {
  std::string lines;
  for (const auto& [arn, id] : ids) lines += fmt::format("{} {}\n", arn, id);
  return lines;
}

PrincipalIds principal_ids_of(std::string_view lines) {
  PrincipalIds ids;
  while (!lines.empty()) {
    std::string_view line = take_until(lines, '\n');
    const std::string_view arn = take_until(line, ' ');
    ids.emplace_back(arn, line);
  }
  return ids;
}

}  // namespace slipway::identity
