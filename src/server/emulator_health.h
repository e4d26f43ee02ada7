// The page that tools made for LocalStack wait for: testcontainers' modules, health checks of
// compose files, consoles of emulators.
#pragma once

#include <string>
#include <string_view>

namespace slipway::server {

// Source: docs.localstack.cloud, "Internal Endpoints".
inline constexpr std::string_view emulator_health_path = "/_localstack/health";

// JSON in LocalStack's form, saying what is here: {"services": {"s3": "running", ...}, "edition":
// "slipway", "version": Slipway's own}. A service that is not here does not stand in it.
std::string emulator_health();

}  // namespace slipway::server
