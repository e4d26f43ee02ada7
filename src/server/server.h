// The server: every implementation, joined.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "server/options.h"

namespace slipway::server {

// The whole server in one object: started, then run until it is stopped.
class Server {
 public:
  // Opens the data directory, finds what a former process left running, and listens. What cannot
  // be had is one sentence that names the file, the port or the option.
  static Result<std::unique_ptr<Server>> start(const ServeOptions& options);
  ~Server();

  // "http://127.0.0.1:4566".
  const std::string& endpoint() const;

  // Ends cleanly: answers what is in flight, stops the instances, closes the store.
  void stop();

 private:
  class Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace slipway::server
