#include "server/data_directory.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <fstream>

#include "engine/identity/private_file.h"
#include "server/tables.h"

namespace slipway::server {
namespace {

constexpr std::string_view clients_file = "server.json";

}  // namespace

Result<std::unique_ptr<store::Store>> open_store(const ServeOptions& options) {
  const std::filesystem::path file = options.data / "slipway.db";
  TRY_DO(store::make_of(first_pages(), file));
  return store::Store::open(file, all_migrations());
}

Result<> tell_clients(const ServeOptions& options, std::string_view endpoint) {
  const std::filesystem::path file = options.data / clients_file;
  const std::filesystem::path fresh = file.string() + ".new";
  std::ofstream out(fresh);
  out << boost::json::serialize(boost::json::object{{"endpoint", endpoint},
                                                    {"account", options.account},
                                                    {"region", options.region},
                                                    {"pid", ::getpid()}})
      << '\n';
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(fresh, file, error);
  if (!out || error)
    return fail(ErrorCode::unavailable, fmt::format("cannot write '{}'", file.string()));
  return {};
}

void tell_clients_no_more(const ServeOptions& options) {
  std::error_code ignored;
  std::filesystem::remove(options.data / clients_file, ignored);
}

net::Address reached_from_here(net::Address address) {
  if (address.host == "0.0.0.0") address.host = "127.0.0.1";
  if (address.host == "::") address.host = "::1";
  return address;
}

Result<net::Fd> listen_for_clients(const net::Address& address) {
  auto listener = net::listen_tcp(address);
  if (listener) return listener;
  Error error = std::move(listener.error());
  if (error.code == ErrorCode::invalid_argument)
    error.message += "; --listen wants an address that this machine has";
  else if (error.code == ErrorCode::permission_denied)
    error.message += "; choose a port above 1023 with --port";
  else if (error.code == ErrorCode::unavailable)
    error.message += "; choose another with --port, or any free one with --port 0";
  return std::unexpected(std::move(error));
}

Result<> make_directory(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return identity::check_owner(path);
  return fail(ErrorCode::unavailable,
              fmt::format("cannot make the data directory '{}': {}; choose another with --data",
                          path.string(), error.message()));
}

void finish_changes(store::Store* store) {
  if (store != nullptr) (void)store->write([](store::Transaction&) -> Result<> { return {}; });
}

}  // namespace slipway::server
