// `serve` needs this of its data directory beside what its parts keep there, and of its own
// address.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "server/options.h"
#include "store/store.h"

namespace slipway::server {

// For the owner only, as main() set the umask; a directory that was there keeps its mode.
// permission_denied where root would serve a directory of another user.
Result<> make_directory(const std::filesystem::path& path);

// With every room's tables; a new one is made at once.
Result<std::unique_ptr<store::Store>> open_store(const ServeOptions& options);

// Writes server.json: where clients on this machine find the server, read by `slipway env`.
Result<> tell_clients(const ServeOptions& options, std::string_view endpoint);
void tell_clients_no_more(const ServeOptions& options);

}  // namespace slipway::server
