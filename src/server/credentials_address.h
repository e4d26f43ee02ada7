// The loopback address where instances fetch the credentials of their roles
// (service/instance_credentials.h), opened on a loop, on the port that it had before.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_server.h"
#include "net/loop.h"
#include "place/place.h"
#include "server/running_instances.h"
#include "service/instance_credentials.h"

namespace slipway::server {

// Answers where instances fetch their role's credentials: an address of its own, on its own loop.
class CredentialsAddress {
 public:
  // All outlive it.
  struct Needs {
    net::LoopThread& loop;
    const identity::KeyRing& keys;
    store::Store& store;
    WorkerPool& workers;
    const Clock& clock;
    Random& random;
    const LiveInstances& running;
  };
  // unavailable: no port of the loopback can be listened on.
  static Result<std::unique_ptr<CredentialsAddress>> open(const Needs& needs);
  ~CredentialsAddress();

  // Returns what an instance is started with. `endpoint`: where it finds this server, so that a
  // client of AWS's in it needs to be told nothing.
  std::map<std::string, std::string> environment(const place::InstanceKey& key,
                                                 std::string_view role,
                                                 std::string_view endpoint) const;

 private:
  explicit CredentialsAddress(const Needs& needs);
  Result<> listen();

  const Needs needs_;
  service::InstanceCredentials credentials_;
  std::unique_ptr<net::HttpServer> server_;  // the loop's
  std::string address_;
};

}  // namespace slipway::server
