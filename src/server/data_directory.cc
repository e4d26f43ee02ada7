#include "server/data_directory.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <fstream>

#include "engine/events/queues.h"
#include "engine/fleet/fleet.h"
#include "engine/fleet/sessions.h"
#include "engine/identity/private_file.h"
#include "engine/identity/tables.h"
#include "engine/invocation_queue/queue.h"
#include "engine/objects/objects.h"
#include "engine/time_keeper.h"
#include "engine/transform/transform.h"
#include "service/instance_credentials.h"
#include "service/sagemaker/sagemaker.h"

namespace slipway::server {
namespace {

constexpr std::string_view clients_file = "server.json";

}  // namespace

std::vector<store::Migration> all_migrations() {
  std::vector<store::Migration> all;
  for (const auto room : {engine::time_migrations(), identity::migrations(), objects::migrations(),
                          fleet::migrations(), fleet::session_migrations(),
                          service::instance_credentials_migrations(), events::migrations(),
                          invocation_queue::queue_migrations(), transform::transform_migrations(),
                          sagemaker::migrations()})
    all.insert(all.end(), room.begin(), room.end());
  return all;
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

}  // namespace slipway::server
