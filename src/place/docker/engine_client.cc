#include "place/docker/engine_client.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <utility>

#include "net/socket.h"

namespace slipway::place {

namespace json = boost::json;

namespace {

constexpr std::string_view unix_scheme = "unix://";

// "1.41" as a number that compares.
int number_of(std::string_view version) {
  int major = 0;
  int minor = 0;
  const auto dot = version.find('.');
  if (dot == version.npos) return 0;
  std::from_chars(version.data(), version.data() + dot, major);
  std::from_chars(version.data() + dot + 1, version.data() + version.size(), minor);
  return major * 1000 + minor;
}

std::string_view version_to_speak(std::string_view theirs) {
  if (number_of(theirs) == 0) return engine_api_default;
  return number_of(theirs) < number_of(engine_api_newest) ? theirs : engine_api_newest;
}

EngineAnswer answer_of(const net::ClientResponse& response) {
  EngineAnswer answer{.status = response.status()};
  const std::string_view body = response.body();
  std::error_code error;
  if (!body.empty()) answer.body = json::parse({body.data(), body.size()}, error);
  return answer;
}

// Hands the parts of a good answer on, and collects the message of another.
class StreamReceiver final : public net::ResponseReceiver {
 public:
  StreamReceiver(EngineStream stream, std::weak_ptr<const int> alive)
      : stream_(std::move(stream)), alive_(std::move(alive)) {}

  void on_head(net::ClientResponse&& head) override { status_ = head.status(); }
  void on_data(std::string_view bytes) override {
    if (alive_.expired() || !error_.message.empty()) return;
    if (status_ >= 400) {
      message_ += bytes.substr(0, message_bytes_max - std::min(message_.size(), message_bytes_max));
      return;
    }
    if (auto taken = stream_.take(bytes); !taken) error_ = std::move(taken.error());
  }
  void on_end(const net::Headers&) override {
    if (status_ >= 400) {
      std::error_code error;
      const json::value body = json::parse({message_.data(), message_.size()}, error);
      error_ = {status_ == 404 ? ErrorCode::not_found : ErrorCode::unavailable, message_of(body)};
    }
    finish();
  }
  void on_abort(const Error& error) override {
    if (error_.message.empty()) error_ = error;
    finish();
  }

 private:
  static constexpr std::size_t message_bytes_max = 64 * 1024;

  void finish() {
    if (alive_.expired()) return;
    stream_.done(error_.message.empty() ? Result<>() : Result<>(std::unexpected(error_)));
  }

  EngineStream stream_;
  const std::weak_ptr<const int> alive_;
  int status_ = 0;
  std::string message_;
  Error error_;
};

}  // namespace

std::vector<std::string> engine_sockets(std::string_view docker_host) {
  if (docker_host.starts_with(unix_scheme))
    return {std::string(docker_host.substr(unix_scheme.size()))};
  if (!docker_host.empty()) return {};
  std::vector<std::string> sockets{"/var/run/docker.sock", "/run/podman/podman.sock"};
  if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"))
    for (const char* name : {"/docker.sock", "/podman/podman.sock"})
      sockets.push_back(std::string(runtime) + name);
  return sockets;
}

std::optional<std::string> find_engine(const std::vector<std::string>& sockets) {
  for (const std::string& socket : sockets)
    if (net::start_connect(net::Address::unix_socket(socket))) return socket;
  return std::nullopt;
}

std::string no_engine(const std::vector<std::string>& sockets) {
  if (sockets.empty())
    return "DOCKER_HOST names no unix socket (\"unix:///path\"), and container engines are reached "
           "by no other way.";
  return fmt::format(
      "No container engine answers at {}. Install Docker (apt install docker.io) or podman (apt "
      "install podman; systemctl enable --now podman.socket), let this user open its socket, or "
      "name another in DOCKER_HOST.",
      fmt::join(sockets, ", "));
}

EngineClient::EngineClient(net::Loop& loop, std::string socket)
    : prefix_(fmt::format("/v{}", engine_api_default)),
      http_(loop, net::Address::unix_socket(std::move(socket)),
            net::HttpClientLimits{.connections_max = engine_connections_max,
                                  .waiting_max = engine_connections_max}) {}

// The engine's own name for itself is not asked for: a unix socket's path is no host.
net::ClientRequest EngineClient::request_of(EngineCall call) const {
  net::ClientRequest request{.method = std::move(call.method),
                             .target = prefix_ + call.path,
                             .headers = std::move(call.headers),
                             .body = std::move(call.body),
                             .time_limit = call.time_limit};
  request.headers.set("Host", "docker");
  if (request.body.size() > 0) request.headers.set("Content-Type", "application/json");
  return request;
}

void EngineClient::call(EngineCall call, Callback callback) {
  http_.send(request_of(std::move(call)),
             [alive = std::weak_ptr(alive_),
              callback = std::move(callback)](Result<net::ClientResponse> response) mutable {
               if (alive.expired()) return;
               if (!response) return callback(std::unexpected(std::move(response.error())));
               callback(answer_of(*response));
             });
}

net::CallId EngineClient::stream(EngineCall call, EngineStream stream) {
  return http_.send(request_of(std::move(call)),
                    std::make_unique<StreamReceiver>(std::move(stream), alive_));
}

void EngineClient::begin(std::move_only_function<void(Result<EngineMachine>)> done) {
  net::ClientRequest ping{
      .target = "/_ping", .headers = {{"Host", "docker"}}, .time_limit = engine_call_time};
  http_.send(std::move(ping), [this, alive = std::weak_ptr(alive_),
                               done = std::move(done)](Result<net::ClientResponse> pong) mutable {
    if (alive.expired()) return;
    if (!pong) return done(std::unexpected(std::move(pong.error())));
    prefix_ = fmt::format("/v{}", version_to_speak(pong->headers().get("Api-Version")));
    call({.path = "/info"}, [done = std::move(done)](Result<EngineAnswer> info) mutable {
      if (!info) return done(std::unexpected(std::move(info.error())));
      if (!info->is_good()) return done(fail(ErrorCode::unavailable, message_of(info->body)));
      done(machine_of(info->body));
    });
  });
}

}  // namespace slipway::place
