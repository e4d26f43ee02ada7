#include "cli/settings.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <fstream>

#include "engine/identity/key_ring.h"

namespace slipway::cli {

namespace fs = std::filesystem;

namespace {

// The first that is not empty.
std::string first_of(std::initializer_list<std::string> choices) {
  for (const std::string& choice : choices) {
    if (!choice.empty()) return choice;
  }
  return {};
}

std::string from_environment(const World& world, const std::string& name) {
  return world.environment(name).value_or("");
}

std::string text_of(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

Result<wire::Credentials> credentials_under(const fs::path& data, std::string_view before) {
  auto keys = identity::read_credentials(data);
  if (keys) return wire::Credentials{keys->access_key_id, keys->secret};
  return fail(keys.error().code,
              fmt::format("There are no keys to sign with{}: {}", before, keys.error().message),
              "no_keys");
}

Result<wire::Credentials> find_credentials(const World& world, const ConnectionOptions& options) {
  if (!options.data.empty()) return credentials_under(options.data, "");
  wire::Credentials keys{from_environment(world, "AWS_ACCESS_KEY_ID"),
                         from_environment(world, "AWS_SECRET_ACCESS_KEY"),
                         from_environment(world, "AWS_SESSION_TOKEN")};
  if (!keys.access_key_id.empty() && !keys.secret_access_key.empty()) return keys;
  return credentials_under(data_directory(world, ""),
                           ", neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor a server's");
}

}  // namespace

fs::path data_directory(const World& world, const std::string& given) {
  const std::string named = first_of({given, from_environment(world, "SLIPWAY_DATA")});
  if (!named.empty()) return named;
  return fs::path(first_of({from_environment(world, "HOME"), "."})) / ".slipway";
}

Result<ServerFile> read_server_file(const fs::path& data) {
  const fs::path path = data / "server.json";
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return fail(ErrorCode::not_found,
                fmt::format("No server has been ready with the data directory {}.", data.string()));
  }
  std::string text(server_file_bytes_max, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(text, error);
  const boost::json::object* object = error ? nullptr : value.if_object();
  if (object == nullptr) {
    return fail(ErrorCode::corrupted,
                fmt::format("{} is not what a server writes; restart the server.", path.string()));
  }
  ServerFile server{text_of(*object, "endpoint"), text_of(*object, "account"),
                    text_of(*object, "region")};
  if (const auto* pid = object->if_contains("pid"); pid != nullptr && pid->is_int64()) {
    server.pid = pid->get_int64();
  }
  return server;
}

Result<Settings> find_settings(const World& world, const ConnectionOptions& options) {
  const ServerFile server =
      read_server_file(data_directory(world, options.data)).value_or(ServerFile{});
  Settings settings;
  settings.endpoint = first_of({options.endpoint, options.data.empty() ? "" : server.endpoint,
                                from_environment(world, "AWS_ENDPOINT_URL"), server.endpoint,
                                std::string(endpoint_default)});
  settings.region = first_of({options.region, options.data.empty() ? "" : server.region,
                              from_environment(world, "AWS_REGION"),
                              from_environment(world, "AWS_DEFAULT_REGION"), server.region,
                              std::string(region_default)});
  settings.ca_bundle = from_environment(world, "AWS_CA_BUNDLE");
  TRY(settings.credentials, find_credentials(world, options));
  return settings;
}

}  // namespace slipway::cli
