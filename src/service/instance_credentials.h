// Where an instance fetches the temporary credentials of the role that it runs as.
//
// An address of this machine's loopback, beside the API's own, that speaks what AWS's SDKs ask of
// AWS_CONTAINER_CREDENTIALS_FULL_URI: GET with a token in Authorization, answered with keys and
// when they end. Each instance is started with a token of its own. A token names instance and role
// under a MAC that only this server makes, so it opens nothing else, lives over restarts like the
// instance itself, and is stored nowhere; it is good for as long as that instance runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "base/worker_pool.h"
#include "engine/identity/key_ring.h"
#include "net/http_server.h"
#include "store/store.h"
#include "wire/auth/hmac.h"

namespace slipway::service {

// How long what an instance was given is good: SDKs ask again well before the end.
inline constexpr std::chrono::hours instance_credentials_life{2};
inline constexpr std::string_view instance_credentials_path = "/v1/credentials";
inline constexpr std::size_t instance_token_bytes_max = 4096;
inline net::HttpLimits instance_credentials_limits() {
  return {.target_bytes_max = 1024,
          .header_bytes_max = 16 * 1024,
          .body_bytes_max = 1024,
          .connections_max = 256,
          .idle_time = std::chrono::seconds(5)};
}

// The port of the address is the same after a restart, so that instances that outlived their server
// find it: 0 in a store that has none yet.
std::uint16_t remembered_port(store::Transaction& tx);
void remember_port(store::Transaction& tx, std::uint16_t port);
std::span<const store::Migration> instance_credentials_migrations();

// What a token says: which instance asks, for which role (its ARN).
struct InstanceClaim {
  std::string instance;
  std::string role;
  bool operator==(const InstanceClaim&) const = default;
};

// Makes and reads tokens. Thread-safe.
class InstanceTokens {
 public:
  explicit InstanceTokens(const identity::KeyRing& keys);

  // Without a line end, as SDKs want it.
  std::string make(const InstanceClaim& claim) const;
  // unauthenticated, where this server did not make it.
  Result<InstanceClaim> read(std::string_view token) const;

 private:
  std::string mac_of(std::string_view claim) const;
  wire::HmacKey key_;
};

// Answers on its loop's thread; looks roles up on a worker.
class InstanceCredentials final : public net::RequestHandler {
 public:
  // All outlive it.
  struct Needs {
    const identity::KeyRing& keys;
    store::Store& store;
    WorkerPool& workers;
    const Clock& clock;
    Random& random;
    std::function<bool(std::string_view instance)> is_running;  // from any thread
  };
  explicit InstanceCredentials(Needs needs);

  // What an instance is started with so that it finds its credentials at `address`
  // ("127.0.0.1:41234").
  std::map<std::string, std::string> environment(const InstanceClaim& claim,
                                                 std::string_view address) const;

  void on_request(net::Request&& request, net::Responder&& responder) override;

 private:
  net::Response answer_for(const InstanceClaim& claim) const;
  Result<identity::Session> issue(const InstanceClaim& claim) const;

  const Needs needs_;
  const InstanceTokens tokens_;
};

}  // namespace slipway::service
