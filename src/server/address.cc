#include "server/address.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace slipway::server {
namespace {

unsigned io_threads(const ServeOptions& options) {
  if (options.io_threads > 0) return options.io_threads;
  return std::clamp(std::thread::hardware_concurrency(), 1u, io_threads_max);
}

Result<net::Fd> bind_first(const net::Address& address) {
  auto socket = net::bind_tcp(address);
  if (socket) return socket;
  Error error = std::move(socket.error());
  if (error.code == ErrorCode::invalid_argument)
    error.message += "; --listen wants an address that this machine has";
  else if (error.code == ErrorCode::permission_denied)
    error.message += "; choose a port above 1023 with --port";
  else if (error.code == ErrorCode::unavailable)
    error.message += "; choose another with --port, or any free one with --port 0";
  return std::unexpected(std::move(error));
}

// An address that is every one of this machine is reached at its loopback.
net::Address reached_from_here(net::Address address) {
  if (address.host == "0.0.0.0") address.host = "127.0.0.1";
  if (address.host == "::") address.host = "::1";
  return address;
}

}  // namespace

Result<ServerAddress> ServerAddress::bind(const ServeOptions& options) {
  ServerAddress made;
  if (!options.tls_cert.empty()) {
    TRY(made.tls, net::TlsContext::server(options.tls_cert, options.tls_key));
  }
  TRY(const net::Address wanted, net::resolve(options.listen, options.port));
  TRY(net::Fd first, bind_first(wanted));
  TRY(made.bound, net::local_address(first));
  made.sockets.push_back(std::move(first));
  while (made.sockets.size() < io_threads(options)) {
    TRY(net::Fd next, net::bind_tcp(made.bound, net::PortSharing::joins));
    made.sockets.push_back(std::move(next));
  }
  const char* const scheme = made.tls ? "https" : "http";
  made.url = fmt::format("{}://{}", scheme, made.bound.text());
  made.url_from_here = fmt::format("{}://{}", scheme, reached_from_here(made.bound).text());
  return made;
}

}  // namespace slipway::server
