// The server listens at its address: its sockets, bound before anything else is opened and deaf
// until the server can answer.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "net/socket.h"
#include "net/tls.h"
#include "server/options.h"

namespace slipway::server {

// Says where the server listens, bound before anything else is opened.
struct ServerAddress {
  // Refuses with a sentence that says which option mends it.
  static Result<ServerAddress> bind(const ServeOptions& options);

  net::Address bound;
  std::vector<net::Fd> sockets;                // one for each I/O loop
  std::shared_ptr<const net::TlsContext> tls;  // null: plain HTTP
  std::string url;                             // "http://127.0.0.1:4566"
  std::string url_from_here;                   // the same, for who runs beside the server
};

}  // namespace slipway::server
