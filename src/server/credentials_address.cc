#include "server/credentials_address.h"

#include "base/log.h"
#include "net/socket.h"

namespace slipway::server {
namespace {

Result<net::Fd> listen_at(std::uint16_t port) {
  return net::listen_tcp(net::Address::tcp("127.0.0.1", port));
}

// Instances that run on know no other port than the one before.
Result<net::Fd> listen_again(std::uint16_t before) {
  auto listener = listen_at(before);
  if (listener || before == 0) return listener;
  log_warning("server", "instances that run from before find their credentials no more",
              {{"why", listener.error().message}});
  return listen_at(0);
}

}  // namespace

CredentialsAddress::CredentialsAddress(const Needs& needs)
    : needs_(needs),
      credentials_({.keys = needs.keys,
                    .store = needs.store,
                    .workers = needs.workers,
                    .clock = needs.clock,
                    .random = needs.random,
                    .is_running = [&running = needs.running](std::string_view key) {
                      return running.contains(key);
                    }}) {}

CredentialsAddress::~CredentialsAddress() {
  needs_.loop.run_and_wait([this] { server_.reset(); });
}

Result<std::unique_ptr<CredentialsAddress>> CredentialsAddress::open(const Needs& needs) {
  std::unique_ptr<CredentialsAddress> made(new CredentialsAddress(needs));
  TRY_DO(made->listen());
  return made;
}

Result<> CredentialsAddress::listen() {
  TRY(const std::uint16_t before,
      needs_.store.read([](store::Transaction& tx) -> Result<std::uint16_t> {
        return service::remembered_port(tx);
      }));
  TRY(net::Fd listener, listen_again(before));
  TRY(const net::Address address, net::local_address(listener));
  address_ = address.text();
  needs_.loop.run_and_wait([&] {
    server_ = std::make_unique<net::HttpServer>(needs_.loop.loop(), credentials_,
                                                service::instance_credentials_limits());
    server_->listen(std::move(listener));
  });
  return needs_.store.write([&](store::Transaction& tx) -> Result<> {
    service::remember_port(tx, address.port);
    return {};
  });
}

std::map<std::string, std::string> CredentialsAddress::environment(
    const place::InstanceKey& key, std::string_view role, std::string_view endpoint) const {
  auto out = credentials_.environment({key.text, std::string(role)}, address_);
  out["AWS_ENDPOINT_URL"] = endpoint;
  return out;
}

}  // namespace slipway::server
