// Options are what `slipway serve` was told: flags, then the environment, then the configuration
// file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/log.h"
#include "net/reach.h"
#include "place/process/process_place.h"
#include "service/authenticator.h"
#include "service/ecr/distribution.h"
#include "service/hold.h"

namespace CLI {
class App;
}

namespace slipway::server {

// Says what `slipway serve` was asked for.
struct ServeOptions {
  std::filesystem::path data;
  std::string listen = "127.0.0.1";
  std::uint16_t port = 4566;
  std::string auth = "strict";
  std::string authorize = "on";
  std::string account = "000000000000";
  std::string region = "us-east-1";
  std::string tls_cert;
  std::string tls_key;
  std::string hold = "on";
  unsigned io_threads = 0;  // 0: one for each core, at most io_threads_max
  std::string log_level = "info";
  std::string access_log;  // a file, or "-"; empty: none
  std::string config;      // a file with what neither flags nor the environment say; empty: none
  std::string python = "python3";
  unsigned serverless_idle = 60;      // seconds
  std::vector<std::string> programs;  // "NAME=PATH"
  unsigned stream_seconds = 480;
  bool accept_older_database = false;
  std::string deliver_to_private = "auto";
  unsigned request_memory = 0;      // MiB; 0: a quarter of the machine's
  std::uint32_t instances_max = 0;  // 0: what this machine bears
  std::string isolation = "auto";
  std::vector<std::string> reads;  // folders that every instance may read
  std::string registry_auth = "strict";
  std::string create_on_push = "off";
  std::vector<std::string> allowed_hosts;  // names of this server, beside those that it knows

  service::AuthMode auth_mode() const;
  bool enforces_policies() const { return authorize == "on"; }
  service::Holding holding() const;
  place::Isolation isolation_mode() const;
  LogLevel least_logged() const;
  ecr::DistributionDoor::Anonymous anonymous_registry() const;
  ecr::DistributionDoor::AbsentRepository absent_repositories() const;
  // Returns whom notifications may be sent to.
  net::Reach delivery_reach() const;
  // How many instances all endpoints and jobs together may always have.
  std::uint32_t instance_limit() const;
  // Repository name to absolute path, of those that are well-formed (check() refuses the others).
  std::map<std::string, std::string> image_programs() const;
};

inline constexpr unsigned io_threads_max = 8;
inline constexpr unsigned request_memory_max = 1U << 24;  // MiB
inline constexpr unsigned serverless_idle_max = 86'400;   // seconds

// Adds the options of `serve` to its subcommand.
void add_options(CLI::App& serve, ServeOptions& options);

// Fills in from `options.config` what neither a flag nor the environment gave. invalid_argument:
// the file cannot be read, or names what is no option.
Result<> read_config(CLI::App& serve, const ServeOptions& options);

// Checks what the options say together: `--auth none` only on loopback, certificate and key both or
// none. invalid_argument: the sentence says which option and what to do.
Result<> check(const ServeOptions& options);

}  // namespace slipway::server
