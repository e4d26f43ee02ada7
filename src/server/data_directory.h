// What `serve` needs of its data directory before any part of it is opened, and of its own address.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"
#include "net/socket.h"
#include "store/store.h"

namespace slipway::server {

// The tables of every room, in the order in which they are made.
std::vector<store::Migration> all_migrations();

// For the owner only, as main() set the umask; a directory that was there keeps its mode.
// permission_denied where root would serve a directory of another user.
Result<> make_directory(const std::filesystem::path& path);

// As net::listen_tcp; a refusal says which option mends it.
Result<net::Fd> listen_for_clients(const net::Address& address);

// An address that is every one of this machine is reached at its loopback.
net::Address reached_from_here(net::Address address);

}  // namespace slipway::server
