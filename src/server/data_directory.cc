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

Result<> make_directory(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return identity::check_owner(path);
  return fail(ErrorCode::unavailable,
              fmt::format("cannot make the data directory '{}': {}; choose another with --data",
                          path.string(), error.message()));
}

}  // namespace slipway::server
