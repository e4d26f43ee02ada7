// slipway deploy: a file in, an endpoint that answers out.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/model_file.h"

namespace slipway::cli {

// Models and configurations are named <endpoint's stem>-<digest of what they say>, so that the same
// deployment twice finds what is there.
inline constexpr std::size_t own_stem_bytes_max = 50;
inline constexpr std::size_t own_digest_bytes = 12;
inline constexpr std::size_t endpoint_name_bytes_max = 63;

// Says what becomes of an endpoint of that name that serves something else.
enum class Existing : std::uint8_t { keep, replace };

// Holds what `slipway deploy` was told.
struct DeployOptions {
  ClientOptions client;
  std::filesystem::path file;
  std::string name;
  std::string image;
  std::vector<std::string> environment;  // "K=V"
  std::uint32_t instances = 1;
  std::string bucket;
  Existing existing = Existing::keep;
  std::chrono::seconds wait{900};
};

}  // namespace slipway::cli
