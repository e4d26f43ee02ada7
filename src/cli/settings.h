// Settings say where the server is and who asks: from options, environment and the server's data
// directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/commands.h"
#include "wire/auth/sigv4.h"

namespace slipway::cli {

inline constexpr std::string_view endpoint_default = "http://127.0.0.1:4566";
inline constexpr std::string_view region_default = "us-east-1";
inline constexpr std::size_t server_file_bytes_max = 64 * 1024;

// Holds what was given on the command line; empty: not given.
struct ConnectionOptions {
  std::string endpoint;
  std::string region;
  std::string data;
};

// Holds what is needed to speak with the server.
struct Settings {
  std::string endpoint;
  std::string region;
  wire::Credentials credentials;
  std::string ca_bundle;  // PEM file to trust for https; empty: the system's
};

// Holds what a running server wrote into its data directory, <data>/server.json.
struct ServerFile {
  std::string endpoint;
  std::string account;
  std::string region;
  std::int64_t pid = 0;
};

// --data, else $SLIPWAY_DATA, else ~/.slipway.
std::filesystem::path data_directory(const World& world, const std::string& given);

// not_found where no server was ever ready there; corrupted where the file cannot be understood.
Result<ServerFile> read_server_file(const std::filesystem::path& data);

// Endpoint: --endpoint, the server.json of a --data that was given, AWS_ENDPOINT_URL, the
// server.json of the default directory, http://127.0.0.1:4566. Region: --region, AWS_REGION,
// AWS_DEFAULT_REGION, server.json, us-east-1. Keys: those of a --data that was given, the AWS_*
// variables, those of the default directory. not_found where there are no keys, with what to do.
Result<Settings> find_settings(const World& world, const ConnectionOptions& options);

}  // namespace slipway::cli
