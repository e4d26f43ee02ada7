// Calls of the Engine API on a loop.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "place/docker/engine_documents.h"

namespace slipway::place {

// The newest version of the API that is spoken here, and what is spoken where an engine says none.
inline constexpr std::string_view engine_api_newest = "1.47";
inline constexpr std::string_view engine_api_default = "1.41";
// For what an engine answers soon; and for what waits for a container's end, and is then asked
// again.
inline constexpr std::chrono::seconds engine_call_time{60};
inline constexpr std::chrono::hours engine_wait_time{24 * 7};
inline constexpr std::size_t engine_connections_max = 8'192;

// Where engines listen on this machine, in the order to look: what DOCKER_HOST names (and nothing
// else then), or Docker's and podman's own sockets. `docker_host`: its value; empty: it is not set.
// Empty where DOCKER_HOST names no unix socket.
std::vector<std::string> engine_sockets(std::string_view docker_host);
// The first of them on which somebody listens. Quick; from any thread.
std::optional<std::string> find_engine(const std::vector<std::string>& sockets);
// Why there is no engine, and what to install, as sentences.
std::string no_engine(const std::vector<std::string>& sockets);

// An answer of an engine, of whatever status.
struct EngineAnswer {
  int status = 0;
  boost::json::value body = {};  // null where there was none

  bool is_good() const { return status < 400; }
};

// A request to an engine; `path` without the version.
struct EngineCall {
  std::string method = "GET";
  std::string path;
  std::string body = {};
  std::chrono::milliseconds time_limit = engine_call_time;
  net::Fields headers = {};
};

// Takes an answer that comes in parts.
struct EngineStream {
  // corrupted and what else it says ends the stream with that error.
  std::function<Result<>(std::string_view)> take;
  // Once, at the end; the error of an answer above status 399 is its message, code not_found for
  // 404.
  std::move_only_function<void(Result<>)> done;
};

// Speaks to one engine, in the newest version that both know. Loop thread only. Callbacks run
// never inside the call; those of calls under way are dropped unrun with this object.
class EngineClient {
 public:
  using Callback = std::move_only_function<void(Result<EngineAnswer>)>;

  EngineClient(net::Loop& loop, std::string socket);

  // Asks for the engine's version and machine; before anything else.
  void begin(std::move_only_function<void(Result<EngineMachine>)> done);

  void call(EngineCall call, Callback callback);
  net::CallId stream(EngineCall call, EngineStream stream);
  void cancel(net::CallId stream) { http_.cancel(stream); }
  void pause(net::CallId stream) { http_.pause(stream); }
  void resume(net::CallId stream) { http_.resume(stream); }

 private:
  net::ClientRequest request_of(EngineCall call) const;

  std::string prefix_;  // "/v1.41"
  std::shared_ptr<const int> alive_ = std::make_shared<int>(0);
  net::HttpClient http_;
};

}  // namespace slipway::place
