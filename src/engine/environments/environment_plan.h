// What is to be installed, as the program that looks at models says it, and what that comes to.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "place/place.h"

namespace slipway::environments {

// Bytes of a plan.
inline constexpr std::size_t environment_plan_bytes_max = 100 * 1024;
// Bytes of all files that it names, each as often as it is named: so long is a worker busy with it.
inline constexpr std::uint64_t environment_input_bytes_max = 16ULL << 30;

// The plan was written in a cell that reads a stranger's model, so nothing that it says is
// believed: whoever installs sees the files that are named here and no others, and the content is a
// digest of all of them, of the variables and of the plan itself. A plan that lies names another
// content.
struct EnvironmentPlan {
  std::string content;
  std::string text;  // for the program that installs: without the variables
  std::map<std::string, std::string> variables;
  std::vector<place::Mount> inputs;  // files, or a whole content
};

// Reads a plan and digests what it names, which lies below one of `contents` and is named by the
// path below that. Reads the files: on a worker thread. invalid_argument: it is no plan, or names
// what lies elsewhere. limit_exceeded: too much of it.
Result<EnvironmentPlan> read_plan(std::string_view text, std::span<const place::Mount> contents);

}  // namespace slipway::environments
